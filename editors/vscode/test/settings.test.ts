import assert from "node:assert/strict";
import { homedir } from "node:os";
import { test } from "node:test";

import { readSettings } from "../src/settings";

function configured(values: Record<string, unknown>) {
  return readSettings({ get: <T>(section: string, fallback: T): T => (section in values ? (values[section] as T) : fallback) });
}

test("without settings the binary on the PATH is started with its own model", () => {
  const settings = configured({});
  assert.deepEqual([settings.command, settings.arguments], ["tenon", ["lsp"]]);
  assert.equal(settings.initializationOptions.automaticDeadline, 2000);
});

test("a model is named, and an empty path is none", () => {
  const settings = configured({ model: " qwen2.5-coder-1.5b ", path: " ", report: true });
  assert.deepEqual([settings.command, settings.arguments], ["tenon", ["lsp", "--model", "qwen2.5-coder-1.5b", "--report"]]);
});

test("a path below the home is found", () => {
  assert.equal(configured({ path: "~/.local/bin/tenon" }).command, `${homedir()}/.local/bin/tenon`);
});

test("what is no sensible number is replaced", () => {
  for (const value of ["soon", -1, 2.5, null]) {
    assert.equal(configured({ alternatives: value }).initializationOptions.alternatives, 3);
  }
});
