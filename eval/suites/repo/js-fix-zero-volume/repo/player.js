"use strict";

const { gain } = require("./settings.js");

class Player {
  constructor(settings = {}) {
    this.gain = gain(settings);
  }

  isMuted() {
    return this.gain === 0;
  }
}

module.exports = { Player };
