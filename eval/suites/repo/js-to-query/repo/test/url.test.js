import assert from "node:assert/strict";
import { test } from "node:test";

import { endpoint } from "../src/client.js";
import { hostOf, joinPath } from "../src/url.js";

test("joining", () => {
  assert.equal(joinPath("/a/", "", "b"), "a/b");
  assert.equal(endpoint("https://example.org", "v1", "/users/"), "https://example.org/v1/users");
});

test("hosts", () => {
  assert.equal(hostOf("https://example.org:81/x"), "example.org:81");
  assert.equal(hostOf("nonsense"), null);
});
