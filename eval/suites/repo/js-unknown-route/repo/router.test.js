import assert from "node:assert/strict";
import { test } from "node:test";

import { answer, router } from "./app.js";

test("routes", () => {
  assert.equal(answer("/about"), "about us");
  assert.deepEqual(router.paths(), ["/", "/about"]);
});
