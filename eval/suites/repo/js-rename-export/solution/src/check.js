/** Says whether a field may be sent. */
export function isValid(field) {
  return !field.required || field.value.trim() !== "";
}

/** Returns the text to show below a field. */
export function hint(field) {
  return isValid(field) ? "" : `${field.name} is missing`;
}
