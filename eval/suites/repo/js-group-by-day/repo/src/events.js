/** Returns the events sorted by their start. */
export function sortEvents(events) {
  return [...events].sort((a, b) => a.start.localeCompare(b.start));
}

/** Returns the time of day, such as "09:00". */
export function timeOf(event) {
  return event.start.slice(11, 16);
}
