"use strict";

const assert = require("node:assert/strict");
const { test } = require("node:test");

const { byLastName, fullName } = require("./people.js");
const { sign } = require("./sign.js");

const ann = { first: "Ann", last: "Zander", born: 1990 };
const bob = { first: "Bob", last: "Abel", born: 1980 };

test("names", () => {
  assert.equal(fullName(ann), "Ann Zander");
  assert.deepEqual(byLastName([ann, bob]), [bob, ann]);
  assert.equal(sign("12", [ann, bob]), "12: Ann Zander, Bob Abel");
});
