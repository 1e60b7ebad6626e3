/** A list of things to do. */
export class TodoList {
	constructor() {
		this.items = [];
	}

	/** Adds something to do and returns this list. */
	add(title) {
		this.items.push({ title, done: false });
		return this;
	}

	/** Marks the first item with this title as done; returns whether there was one. */
	finish(title) {
		const item = this.items.find((item) => item.title === title && !item.done);
		if (!item) return false;
		item.done = true;
		return true;
	}

	get size() {
		return this.items.length;
	}
}
