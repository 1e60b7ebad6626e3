import { Router } from "./router.js";

export const router = new Router().on("/", () => "home").on("/about", () => "about us");

/** Answers a request. */
export function answer(path) {
  return router.resolve(path)();
}
