import assert from "node:assert/strict";
import { test } from "node:test";

import { head, tail } from "./log.js";

test("tail", () => {
  assert.deepEqual(tail("a\nb\nc", 1), ["c"]);
  assert.deepEqual(tail("a\nb\nc", 3), ["a", "b", "c"]);
  assert.deepEqual(tail("a\nb\nc", 10), ["a", "b", "c"]);
  assert.deepEqual(tail("only", 5), ["only"]);
  assert.deepEqual(head("a\nb", 5), ["a", "b"]);
});
