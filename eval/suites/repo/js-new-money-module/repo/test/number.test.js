import assert from "node:assert/strict";
import { test } from "node:test";

import { total } from "../src/invoice.js";
import { nextNumber } from "../src/number.js";

test("numbers", () => {
  assert.equal(nextNumber("2024-009"), "2024-010");
});

test("total", () => {
  assert.equal(total([{ text: "a", cents: 5 }, { text: "b", cents: 7 }]), 12);
});
