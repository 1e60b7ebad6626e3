import assert from "node:assert/strict";
import { test } from "node:test";

import { loadProfile } from "../src/profile.js";

test("a profile names the city", async () => {
  assert.equal(await loadProfile(1), "Ann from Bonn");
});

test("somebody unknown", async () => {
  assert.equal(await loadProfile(99), null);
});
