"use strict";

const assert = require("node:assert/strict");
const { test } = require("node:test");

const { headline, plural } = require("../lib/index.js");

test("plural", () => {
  assert.equal(plural(1, "message"), "1 message");
  assert.equal(plural(0, "message"), "0 messages");
});

test("headline", () => {
  assert.equal(headline("Mia", 2), "Mia (2 messages)");
  assert.equal(headline("Mia", 0), "Mia");
});
