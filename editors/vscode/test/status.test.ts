import assert from "node:assert/strict";
import { test } from "node:test";

import { statusOf } from "../src/status";

const report = { id: "cmpl-1", shown: 0, reason: null, message: null, milliseconds: 41.6 };

test("what is shown is counted and timed", () => {
  assert.equal(statusOf({ ...report, shown: 1 }).tooltip, "1 suggestion in 42 ms");
  assert.equal(statusOf({ ...report, shown: 3 }).tooltip, "3 suggestions in 42 ms");
});

test("silence has its reason", () => {
  const status = statusOf({ ...report, reason: "parse_worse", message: "the file would parse worse" });
  assert.equal(status.text, "$(dash) Tenon: parse worse");
  assert.equal(status.tooltip, "Nothing to suggest: the file would parse worse (42 ms)");
});

test("a missing model is a warning with the mend", () => {
  const status = statusOf({ ...report, reason: "no_model", message: "run `tenon model pull`" });
  assert.equal(status.text, "$(warning) Tenon");
  assert.match(status.tooltip, /tenon model pull/);
});
