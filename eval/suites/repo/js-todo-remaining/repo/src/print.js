/** Returns the list as lines with a box before each. */
export function print(list) {
	return list.items.map((item) => `[${item.done ? "x" : " "}] ${item.title}`).join("\n");
}
