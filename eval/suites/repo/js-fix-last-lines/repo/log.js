/** Splits a log into lines; a final line feed does not make an empty line. */
export function lines(text) {
  return text.replace(/\n$/, "").split("\n");
}

/** Returns the last `count` lines. */
export function tail(text, count) {
  const all = lines(text);
  const start = Math.max(0, all.length - count);
  return all.slice(start, all.length - 1);
}

/** Returns the first `count` lines. */
export function head(text, count) {
  return lines(text).slice(0, count);
}
