/** Says whether a field may be sent. */
export function isOk(field) {
  return !field.required || field.value.trim() !== "";
}

/** Returns the text to show below a field. */
export function hint(field) {
  return isOk(field) ? "" : `${field.name} is missing`;
}
