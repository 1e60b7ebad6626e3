/** Returns the next invoice number after one like "2024-007". */
export function nextNumber(number) {
  const [year, count] = number.split("-");
  return `${year}-${String(Number(count) + 1).padStart(3, "0")}`;
}
