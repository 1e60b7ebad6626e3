/** Returns the best points first, at most `count` of them. */
export function best(points, count = 3) {
  return [...points].sort((a, b) => b - a).slice(0, count);
}

/** Returns the place of a result among others; the best has place 1. */
export function place(points, result) {
  return points.filter((other) => other > result).length + 1;
}
