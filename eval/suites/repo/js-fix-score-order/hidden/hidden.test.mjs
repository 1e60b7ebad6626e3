import assert from "node:assert/strict";
import { test } from "node:test";

import { best, place } from "./src/scores.js";

test("numbers are compared as numbers", () => {
  assert.deepEqual(best([1, 10, 2, 20, 3], 5), [20, 10, 3, 2, 1]);
  assert.deepEqual(best([-5, -40, 3]), [3, -5, -40]);
  assert.deepEqual(best([5, 5, 1], 2), [5, 5]);
  assert.deepEqual(best([]), []);
});

test("the given array stays as it is", () => {
  const points = [3, 100, 20];
  best(points);
  assert.deepEqual(points, [3, 100, 20]);
  assert.equal(place(points, 100), 1);
});
