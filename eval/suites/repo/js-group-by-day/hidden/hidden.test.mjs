import assert from "node:assert/strict";
import { test } from "node:test";

import { groupByDay, timeOf } from "./src/events.js";

test("events by day", () => {
  const a = { start: "2024-05-31T14:00", title: "a" };
  const b = { start: "2024-06-01T08:00", title: "b" };
  const c = { start: "2024-05-31T09:00", title: "c" };
  const grouped = groupByDay([a, b, c]);
  assert.deepEqual({ ...grouped }, { "2024-05-31": [a, c], "2024-06-01": [b] });
  assert.equal(timeOf(a), "14:00");
});

test("no events", () => {
  assert.deepEqual(Object.keys(groupByDay([])), []);
});
