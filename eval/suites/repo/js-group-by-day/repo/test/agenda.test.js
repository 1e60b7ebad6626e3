import assert from "node:assert/strict";
import { test } from "node:test";

import { agenda } from "../src/agenda.js";

test("agenda", () => {
  const events = [
    { start: "2024-05-31T14:00", title: "review" },
    { start: "2024-05-31T09:30", title: "stand-up" },
  ];
  assert.deepEqual(agenda(events), ["09:30 stand-up", "14:00 review"]);
});
