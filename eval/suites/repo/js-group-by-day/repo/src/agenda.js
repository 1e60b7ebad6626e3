import { sortEvents, timeOf } from "./events.js";

/** Returns a line for every event. */
export function agenda(events) {
  return sortEvents(events).map((event) => `${timeOf(event)} ${event.title}`);
}
