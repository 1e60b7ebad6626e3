import assert from "node:assert/strict";
import { test } from "node:test";

import { findCity, findPerson } from "./src/database.js";
import { loadProfile } from "./src/profile.js";

test("profiles", async () => {
  assert.equal(await loadProfile(2), "Bob from Kiel");
  assert.equal(await loadProfile(3), null);
});

test("the database is still asynchronous", async () => {
  assert.ok(findCity(10) instanceof Promise);
  assert.ok(findPerson(1) instanceof Promise);
});
