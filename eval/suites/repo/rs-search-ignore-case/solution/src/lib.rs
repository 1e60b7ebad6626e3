//! A shelf of books.

/// One book.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Book {
	pub title: String,
	pub author: String,
}

/// All books.
#[derive(Debug, Default)]
pub struct Library {
	books: Vec<Book>,
}

impl Library {
	/// Puts a book on the shelf.
	pub fn add(&mut self, title: &str, author: &str) {
		self.books.push(Book { title: title.to_string(), author: author.to_string() });
	}

	/// The books of one author.
	pub fn by_author(&self, author: &str) -> Vec<&Book> {
		self.books.iter().filter(|book| book.author == author).collect()
	}

	/// The books with `term` in their title.
	pub fn search(&self, term: &str) -> Vec<&Book> {
		let term = term.to_lowercase();
		self.books.iter().filter(|book| book.title.to_lowercase().contains(&term)).collect()
	}
}
