import { isValid } from "./check.js";

/** Returns the names of the fields that stop a form from being sent. */
export function problems(fields) {
  return fields.filter((field) => !isValid(field)).map((field) => field.name);
}
