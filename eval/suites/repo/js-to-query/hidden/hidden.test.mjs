import assert from "node:assert/strict";
import { test } from "node:test";

import { joinPath, toQuery } from "./src/url.js";

test("pairs are joined and escaped", () => {
  assert.equal(toQuery({ q: "a b", page: 2 }), "q=a%20b&page=2");
  assert.equal(toQuery({ "a&b": "c=d" }), "a%26b=c%3Dd");
});

test("nothing is left out but null and undefined", () => {
  assert.equal(toQuery({ a: null, b: undefined, c: 0, d: "", e: false }), "c=0&d=&e=false");
  assert.equal(toQuery({}), "");
});

test("the rest is still there", () => {
  assert.equal(joinPath("a", "b"), "a/b");
});
