"use strict";

const assert = require("node:assert/strict");
const { test } = require("node:test");

const { plural, timeAgo } = require("./lib/index.js");

test("time ago", () => {
  const expected = [
    [0, "just now"], [59, "just now"], [60, "1 minute ago"], [119, "1 minute ago"], [300, "5 minutes ago"],
    [3599, "59 minutes ago"], [3600, "1 hour ago"], [3 * 3600 + 5, "3 hours ago"], [86399, "23 hours ago"],
    [86400, "1 day ago"], [2 * 86400, "2 days ago"], [30 * 86400, "30 days ago"],
  ];
  for (const [seconds, text] of expected) {
    assert.equal(timeAgo(seconds), text, `${seconds} s`);
  }
});

test("the rest is still there", () => {
  assert.equal(plural(2, "cat"), "2 cats");
});
