import assert from "node:assert/strict";
import { test } from "node:test";

import { head, lines, tail } from "./log.js";

test("lines", () => {
  assert.deepEqual(lines("a\nb\n"), ["a", "b"]);
});

test("tail", () => {
  assert.deepEqual(tail("a\nb\nc\n", 2), ["b", "c"]);
});

test("head", () => {
  assert.deepEqual(head("a\nb\nc\n", 2), ["a", "b"]);
});
