import assert from "node:assert/strict";
import { test } from "node:test";

import { render, total } from "./src/invoice.js";
import { formatMoney } from "./src/money.js";

test("formatMoney", () => {
  assert.equal(formatMoney(1250), "12.50 EUR");
  assert.equal(formatMoney(5), "0.05 EUR");
  assert.equal(formatMoney(0), "0.00 EUR");
});

test("render uses it", () => {
  const lines = [{ text: "Tea", cents: 450 }, { text: "Cup", cents: 1200 }];
  assert.equal(render(lines), "Tea: 4.50 EUR\nCup: 12.00 EUR\nTotal: 16.50 EUR");
  assert.equal(total(lines), 1650);
});
