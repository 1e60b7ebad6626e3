import assert from "node:assert/strict";
import { test } from "node:test";

import { answer } from "./app.js";
import { Router } from "./router.js";

test("unknown paths", () => {
  assert.throws(() => new Router().resolve("/nowhere"), { name: "Error", message: "no route for /nowhere" });
  assert.throws(() => answer("/x"), { message: "no route for /x" });
});

test("known paths", () => {
  const handler = () => 1;
  assert.equal(new Router().on("/a", handler).resolve("/a"), handler);
  assert.equal(answer("/"), "home");
});
