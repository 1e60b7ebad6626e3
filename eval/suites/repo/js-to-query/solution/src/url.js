/** Joins parts of a path with single slashes. */
export function joinPath(...parts) {
  return parts
    .map((part) => part.replace(/^\/+|\/+$/g, ""))
    .filter((part) => part !== "")
    .join("/");
}

/** Returns the host of an address, or null when it is not an address. */
export function hostOf(address) {
  try {
    return new URL(address).host;
  } catch {
    return null;
  }
}

/** Turns an object into a query, without the question mark. */
export function toQuery(params) {
  return Object.entries(params)
    .filter(([, value]) => value !== null && value !== undefined)
    .map(([key, value]) => `${encodeURIComponent(key)}=${encodeURIComponent(value)}`)
    .join("&");
}
