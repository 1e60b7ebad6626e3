import assert from "node:assert/strict";
import { test } from "node:test";

import { parseVersion } from "../src/version.js";

test("parsing", () => {
  assert.deepEqual(parseVersion("1.20.3"), [1, 20, 3]);
});
