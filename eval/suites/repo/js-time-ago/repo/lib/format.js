"use strict";

/** Returns "1 message" or "4 messages". */
function plural(count, word) {
  return `${count} ${word}${count === 1 ? "" : "s"}`;
}

/** Returns the text that is shown above a chat. */
function headline(name, unread) {
  return unread > 0 ? `${name} (${plural(unread, "message")})` : name;
}

module.exports = { plural, headline };
