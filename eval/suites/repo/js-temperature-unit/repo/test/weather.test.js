import assert from "node:assert/strict";
import { test } from "node:test";

import { describe, needsJacket, toFahrenheit } from "../src/weather.js";

test("weather", () => {
  assert.equal(toFahrenheit(100), 212);
  assert.equal(describe("Oslo", -3.6), "Oslo: -4 °C");
  assert.equal(needsJacket(15), false);
  assert.equal(needsJacket(15, true), true);
});
