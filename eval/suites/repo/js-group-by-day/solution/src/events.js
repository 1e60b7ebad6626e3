/** Returns the events sorted by their start. */
export function sortEvents(events) {
  return [...events].sort((a, b) => a.start.localeCompare(b.start));
}

/** Returns the time of day, such as "09:00". */
export function timeOf(event) {
  return event.start.slice(11, 16);
}

/** Returns the events of every day. */
export function groupByDay(events) {
  const days = {};
  for (const event of events) {
    const day = event.start.slice(0, 10);
    (days[day] ??= []).push(event);
  }
  return days;
}
