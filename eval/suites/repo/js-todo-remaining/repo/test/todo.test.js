import assert from "node:assert/strict";
import { test } from "node:test";

import { print } from "../src/print.js";
import { TodoList } from "../src/todo.js";

test("finishing", () => {
  const list = new TodoList().add("milk").add("bread");
  assert.equal(list.finish("milk"), true);
  assert.equal(list.finish("milk"), false);
  assert.equal(print(list), "[x] milk\n[ ] bread");
  assert.equal(list.size, 2);
});
