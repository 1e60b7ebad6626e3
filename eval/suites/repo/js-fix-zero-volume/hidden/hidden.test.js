"use strict";

const assert = require("node:assert/strict");
const { test } = require("node:test");

const { Player } = require("./player.js");
const { gain, withDefaults } = require("./settings.js");

test("volumes", () => {
  assert.equal(withDefaults({ volume: 0 }).volume, 0);
  assert.equal(withDefaults({ volume: 30 }).volume, 30);
  assert.equal(withDefaults({ volume: undefined }).volume, 70);
  assert.equal(gain({}), 0.7);
  assert.equal(new Player().isMuted(), false);
});
