import { best } from "./scores.js";

/** Returns the high score list as text. */
export function table(points) {
  return best(points, 10)
    .map((point, index) => `${index + 1}. ${point}`)
    .join("\n");
}
