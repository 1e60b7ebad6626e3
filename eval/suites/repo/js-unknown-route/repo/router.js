/** Finds the handler for a path. */
export class Router {
  #routes = new Map();

  /** Registers a handler; a later one replaces an earlier one. */
  on(path, handler) {
    this.#routes.set(path, handler);
    return this;
  }

  /** Returns the handler for a path. */
  resolve(path) {
    return this.#routes.get(path);
  }

  /** Returns all registered paths. */
  paths() {
    return [...this.#routes.keys()];
  }
}
