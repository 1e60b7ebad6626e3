/** `1999` becomes `19.99 €`. */
export function formatPrice(cents, currency = "€") {
  return `${(cents / 100).toFixed(2)} ${currency}`;
}

/** One line for each item, and the total below. */
export function receipt(cart, discounts = []) {
  const lines = cart.items().map((item) => `${item.quantity} × ${item.name}: ${formatPrice(item.price * item.quantity)}`);
  return [...lines, `total: ${formatPrice(cart.total(discounts))}`].join("\n");
}
