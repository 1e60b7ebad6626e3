import assert from "node:assert/strict";
import { test } from "node:test";

import { best, place } from "../src/scores.js";
import { table } from "../src/table.js";

test("the best come first", () => {
  assert.deepEqual(best([9, 120, 35, 1000]), [1000, 120, 35]);
});

test("places", () => {
  assert.equal(place([10, 20, 30], 20), 2);
});

test("table", () => {
  assert.equal(table([2, 3]), "1. 3\n2. 2");
});
