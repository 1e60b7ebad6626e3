import assert from "node:assert/strict";
import { test } from "node:test";

import { compareVersions } from "../src/version.js";

test("older, same, newer", () => {
  assert.equal(compareVersions("1.2.3", "1.10.0"), -1);
  assert.equal(compareVersions("1.2.3", "1.2.3"), 0);
  assert.equal(compareVersions("2.0.0", "1.99.99"), 1);
});

test("missing parts are zero", () => {
  assert.equal(compareVersions("1.2", "1.2.0"), 0);
  assert.equal(compareVersions("1.2", "1.2.1"), -1);
});
