"use strict";

/** Returns "1 message" or "4 messages". */
function plural(count, word) {
  return `${count} ${word}${count === 1 ? "" : "s"}`;
}

/** Returns the text that is shown above a chat. */
function headline(name, unread) {
  return unread > 0 ? `${name} (${plural(unread, "message")})` : name;
}

/** Returns how long ago something was, for people. */
function timeAgo(seconds) {
  if (seconds < 60) return "just now";
  if (seconds < 3600) return `${plural(Math.floor(seconds / 60), "minute")} ago`;
  if (seconds < 86400) return `${plural(Math.floor(seconds / 3600), "hour")} ago`;
  return `${plural(Math.floor(seconds / 86400), "day")} ago`;
}

module.exports = { plural, headline, timeAgo };
