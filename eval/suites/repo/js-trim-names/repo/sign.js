"use strict";

const { fullName } = require("./people.js");

/** Returns the text of a door sign. */
function sign(room, people) {
  return `${room}: ${people.map(fullName).join(", ")}`;
}

module.exports = { sign };
