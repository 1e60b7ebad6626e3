import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

import { ERRANDS, problemAt } from "../src/errands";

const problem = (start: number, end: number) => ({ range: { start: { line: start }, end: { line: end } } });

test("the problem on the cursor's line is fixed, before one that reaches it", () => {
  const [block, line] = [problem(2, 9), problem(4, 4)];
  assert.equal(problemAt([block, line], 4), line);
  assert.equal(problemAt([line, block], 4), line);
  assert.equal(problemAt([block, line], 5), block);
  assert.equal(problemAt([block, line], 1), undefined);
});

test("every errand is in the palette, in the menu, and only where an editor is", () => {
  const { contributes } = JSON.parse(readFileSync("package.json", "utf8"));
  for (const { command } of ERRANDS) {
    const is = (entry: { command: string }) => entry.command === command;
    assert.ok(contributes.commands.some(is), command);
    assert.ok(contributes.menus["tenon.errands"].some(is), command);
    assert.ok(contributes.menus.commandPalette.find(is)?.when, command);
  }
});
