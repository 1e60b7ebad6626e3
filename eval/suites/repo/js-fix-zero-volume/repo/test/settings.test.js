"use strict";

const assert = require("node:assert/strict");
const { test } = require("node:test");

const { Player } = require("../player.js");
const { withDefaults } = require("../settings.js");

test("defaults", () => {
  assert.deepEqual(withDefaults({}), { volume: 70, speed: 1, title: "untitled" });
});

test("silence is a volume", () => {
  assert.equal(new Player({ volume: 0 }).isMuted(), true);
});
