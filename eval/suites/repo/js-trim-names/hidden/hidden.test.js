"use strict";

const assert = require("node:assert/strict");
const { test } = require("node:test");

const { age, fullName } = require("./people.js");

test("blanks go", () => {
  assert.equal(fullName({ first: " Ann ", last: "" }), "Ann");
  assert.equal(fullName({ first: "", last: " Abel" }), "Abel");
  assert.equal(fullName({ first: "Ann ", last: "  Zander " }), "Ann Zander");
  assert.equal(fullName({ first: " ", last: "" }), "");
});

test("the rest is still there", () => {
  assert.equal(age({ born: 1990 }, 2024), 34);
});
