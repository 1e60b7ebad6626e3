import assert from "node:assert/strict";
import { test } from "node:test";

import { describe, toFahrenheit } from "./src/weather.js";

test("fahrenheit", () => {
  assert.equal(describe("Rome", 20, "F"), "Rome: 68 °F");
  assert.equal(describe("Oslo", -10, "F"), "Oslo: 14 °F");
  assert.equal(describe("Nice", 20.6, "F"), "Nice: 69 °F");
});

test("celsius as before", () => {
  assert.equal(describe("Rome", 20), "Rome: 20 °C");
  assert.equal(describe("Rome", 20.6, "C"), "Rome: 21 °C");
  assert.equal(toFahrenheit(0), 32);
});
