import assert from "node:assert/strict";
import { test } from "node:test";

import { TodoList } from "./src/todo.js";

test("remaining", () => {
  const list = new TodoList().add("milk").add("bread").add("apples");
  assert.deepEqual(list.remaining(), ["milk", "bread", "apples"]);
  list.finish("bread");
  assert.deepEqual(list.remaining(), ["milk", "apples"]);
  assert.equal(list.size, 3);
});

test("nothing remains of nothing", () => {
  assert.deepEqual(new TodoList().remaining(), []);
});
