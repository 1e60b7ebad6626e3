import assert from "node:assert/strict";
import { test } from "node:test";

import * as check from "./src/check.js";
import { problems } from "./src/form.js";

const empty = { name: "email", required: true, value: " " };
const filled = { name: "name", required: true, value: "Ann" };

test("the new name", () => {
  assert.equal(check.isValid(filled), true);
  assert.equal(check.isValid(empty), false);
  assert.equal("isOk" in check, false);
});

test("everything that uses it", () => {
  assert.equal(check.hint(empty), "email is missing");
  assert.equal(check.hint(filled), "");
  assert.deepEqual(problems([empty, filled]), ["email"]);
});
