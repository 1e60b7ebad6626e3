/** Reads "1.20.3" as [1, 20, 3]. */
export function parseVersion(text) {
  return text.split(".").map((part) => Number.parseInt(part, 10));
}

/** Returns -1, 0 or 1: whether the first version is older than, the same as or newer than the second. */
export function compareVersions(first, second) {
  const a = parseVersion(first);
  const b = parseVersion(second);
  for (let index = 0; index < Math.max(a.length, b.length); index += 1) {
    const difference = (a[index] ?? 0) - (b[index] ?? 0);
    if (difference !== 0) {
      return difference < 0 ? -1 : 1;
    }
  }
  return 0;
}
