import { applyDiscounts } from "./discount.js";

/** Items with a name, a price in cents and a quantity. */
export class Cart {
  #items = new Map();

  /** Adds `quantity` pieces; the same name twice adds up. */
  add(name, price, quantity = 1) {
    if (!Number.isInteger(price) || price < 0) {
      throw new RangeError(`the price of ${name} is not an amount in cents: ${price}`);
    }
    if (!Number.isInteger(quantity) || quantity < 1) {
      throw new RangeError(`the quantity of ${name} is not a whole number from 1: ${quantity}`);
    }
    const item = this.#items.get(name) ?? { name, price, quantity: 0 };
    this.#items.set(name, { name, price, quantity: item.quantity + quantity });
    return this;
  }

  /** Takes an item out; returns whether it was there. */
  remove(name) {
    return this.#items.delete(name);
  }

  /** The items, in the order they came. */
  items() {
    return [...this.#items.values()];
  }

  /** What everything costs before discounts. */
  subtotal() {
    return this.items().reduce((sum, item) => sum + item.price * item.quantity, 0);
  }

  /** What is to be paid. */
  total(discounts = []) {
    return applyDiscounts(this.subtotal(), discounts);
  }
}
