/** So many percent off, rounded to whole cents. */
export function percentOff(percent) {
  return (amount) => amount - Math.round((amount * percent) / 100);
}

/** A fixed amount off, but never below nothing. */
export function amountOff(cents) {
  return (amount) => Math.max(0, amount - cents);
}

/** Applies discounts one after the other. */
export function applyDiscounts(amount, discounts) {
  return discounts.reduce((rest, discount) => discount(rest), amount);
}
