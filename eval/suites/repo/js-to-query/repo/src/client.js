import { joinPath } from "./url.js";

/** Returns the address of an API endpoint. */
export function endpoint(base, ...parts) {
  return `${base}/${joinPath(...parts)}`;
}
