/** Returns the sum of all lines, in cents. */
export function total(lines) {
  return lines.reduce((sum, line) => sum + line.cents, 0);
}

/** Returns the invoice as text. */
export function render(lines) {
  const rows = lines.map((line) => `${line.text}: ${line.cents}`);
  return [...rows, `Total: ${total(lines)}`].join("\n");
}
