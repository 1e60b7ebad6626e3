import assert from "node:assert/strict";
import { test } from "node:test";

import { Cart } from "../src/cart.js";
import { amountOff, percentOff } from "../src/discount.js";
import { formatPrice, receipt } from "../src/format.js";

const cart = () => new Cart().add("tea", 450, 2).add("cup", 1200);

test("quantities of one name add up", () => {
  assert.deepEqual(cart().add("tea", 450).items()[0], { name: "tea", price: 450, quantity: 3 });
});

test("totals with and without discounts", () => {
  assert.equal(cart().subtotal(), 2100);
  assert.equal(cart().total([percentOff(10), amountOff(90)]), 1800);
  assert.equal(cart().total([amountOff(9999)]), 0);
});

test("removing", () => {
  const filled = cart();
  assert.equal(filled.remove("cup"), true);
  assert.equal(filled.remove("cup"), false);
  assert.equal(filled.subtotal(), 900);
});

test("bad prices and quantities are refused", () => {
  assert.throws(() => new Cart().add("tea", 4.5), RangeError);
  assert.throws(() => new Cart().add("tea", 450, 0), RangeError);
});

test("prices and receipts", () => {
  assert.equal(formatPrice(1999), "19.99 €");
  assert.equal(receipt(cart()), "2 × tea: 9.00 €\n1 × cup: 12.00 €\ntotal: 21.00 €");
});
