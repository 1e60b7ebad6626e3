//! The text that takes a symbol's place: the reply's code, in the file's style, with what the reply left out.

use tenon_syntax::{Language, SourceFile, Span, Symbol, SymbolKind, tree_sitter::Node};

use super::group::group_keyword;
use super::{Splicer, exports};
use crate::style::{indentation_at, restyle};

impl Splicer<'_> {
    /// The reply's `symbol` in place of `partner`.
    pub(super) fn compose(&self, partner: &Symbol, symbol: &Symbol) -> String {
        let target = indentation_at(self.original.text(), partner.span.start).to_owned();
        let header = self.compose_header(partner, symbol, &target);
        let prefix = exports::prefix_to_keep(self.original, partner, self.reply, symbol);
        format!(
            "{header}{prefix}{}",
            self.compose_item(Some(partner), symbol, &target)
        )
    }

    /// The reply's `symbol` as something new.
    pub(super) fn compose_new(&self, symbol: &Symbol, target: &str) -> String {
        let header = self.moved(symbol, Span::new(symbol.span.start, symbol.item_start), target);
        let prefix = exports::prefix_for_new(self.original, self.reply, symbol, self.is_wanted(symbol));
        let item = self.compose_item(None, symbol, target);
        match group_keyword(self.reply, symbol) {
            Some(word) => {
                let end = if self.reply.language().is_ecmascript() {
                    ";"
                } else {
                    ""
                };
                format!("{header}{prefix}{word} {item}{end}")
            }
            None => format!("{header}{prefix}{item}"),
        }
    }

    /// A part of the reply's `symbol`, moved to the indentation `target`.
    pub(super) fn moved(&self, symbol: &Symbol, span: Span, target: &str) -> String {
        let base = indentation_at(self.reply.text(), symbol.span.start);
        restyle(self.reply, span, base, target, &self.reply_style, &self.style)
    }

    /// Comments, attributes and decorators: the reply's, and of each kind that it leaves out the file's.
    pub(super) fn compose_header(&self, partner: &Symbol, symbol: &Symbol, target: &str) -> String {
        let ours = Header::of(self.original, partner);
        let theirs = self.moved(symbol, Span::new(symbol.span.start, symbol.item_start), target);
        let theirs = Header::split(&theirs, self.reply.language());
        // "Fixed version" is a note to the reader of the reply; a doc comment is part of the code.
        let note = !ours.comments.trim().is_empty() && self.is_plain_comment(&theirs.comments);
        let comments = if note || theirs.comments.trim().is_empty() {
            ours.comments
        } else {
            theirs.comments
        };
        let attributes = if theirs.attributes.trim().is_empty() {
            ours.attributes
        } else {
            theirs.attributes
        };
        format!("{comments}{attributes}")
    }

    fn is_plain_comment(&self, comments: &str) -> bool {
        let documents = |line: &str| line.starts_with("///") || line.starts_with("/**");
        self.reply.language() != Language::Go && !comments.lines().any(|line| documents(line.trim_start()))
    }

    fn compose_item(&self, partner: Option<&Symbol>, symbol: &Symbol, target: &str) -> String {
        let start = exports::item_start(self.original, self.reply, symbol);
        let whole = Span::new(start, symbol.span.end);
        let text = match partner.and_then(|partner| self.lost_docstring(partner, symbol)) {
            Some((docstring, body)) => {
                let head = self.moved(symbol, Span::new(start, body), target);
                let rest = self.moved(symbol, Span::new(body, symbol.span.end), target);
                let indentation = head.rsplit('\n').next().unwrap_or_default().to_owned();
                format!("{head}{docstring}{}{indentation}{rest}", self.style.newline)
            }
            None => self.moved(symbol, whole, target),
        };
        // A member of a class may end with a semicolon in the one and not in the other.
        match partner {
            Some(partner) if partner.kind == SymbolKind::Variable => {
                let ends = self.original.slice(partner.span).ends_with(';');
                if ends && !text.ends_with(';') {
                    format!("{text};")
                } else {
                    text
                }
            }
            _ => text,
        }
    }

    /// The file's docstring where the reply has none, with the start of the reply's body.
    fn lost_docstring(&self, partner: &Symbol, symbol: &Symbol) -> Option<(&str, usize)> {
        if symbol.doc.is_some() {
            return None;
        }
        let docstring = docstring(self.original, partner)?;
        let body = symbol.body_span?.start;
        let before = self.reply.text().get(symbol.item_start..body)?;
        // A body on the line of its signature has no room.
        let last_line = before.rsplit('\n').next()?;
        (before.contains('\n') && last_line.trim().is_empty()).then_some((docstring, body))
    }
}

/// The source of a Python docstring.
pub(super) fn docstring<'file>(file: &'file SourceFile, symbol: &Symbol) -> Option<&'file str> {
    docstring_span(file, symbol).map(|span| file.slice(span))
}

/// Where the Python docstring of `symbol` stands.
pub(super) fn docstring_span(file: &SourceFile, symbol: &Symbol) -> Option<Span> {
    if file.language() != Language::Python {
        return None;
    }
    let body = body_node(file, symbol)?;
    let mut cursor = body.walk();
    let first = body
        .named_children(&mut cursor)
        .find(|child| child.kind() != "comment")?;
    let string = first
        .named_child(0)
        .filter(|_| first.kind() == "expression_statement")?;
    (string.kind() == "string").then(|| Span::of(first))
}

/// The node of a symbol's body.
pub(super) fn body_node<'file>(file: &'file SourceFile, symbol: &Symbol) -> Option<Node<'file>> {
    let span = symbol.body_span?;
    let mut node = file
        .tree()
        .root_node()
        .descendant_for_byte_range(span.start, span.end)?;
    // A suite of one statement has the same span as the statement.
    while let Some(parent) = node.parent().filter(|parent| Span::of(*parent) == span) {
        if matches!(node.kind(), "block" | "class_body" | "declaration_list") {
            break;
        }
        node = parent;
    }
    Some(node)
}

/// What leads up to an item: comments, then attributes or decorators. Each part ends with its line, or is empty.
struct Header {
    comments: String,
    attributes: String,
}

impl Header {
    fn of(file: &SourceFile, symbol: &Symbol) -> Self {
        let text = file.slice(Span::new(symbol.span.start, symbol.item_start));
        Self::split(text, file.language())
    }

    fn split(text: &str, language: Language) -> Self {
        let mut header = Self {
            comments: String::new(),
            attributes: String::new(),
        };
        let mut in_comment = false;
        let mut was_comment = false;
        for line in text.split_inclusive('\n') {
            let bare = line.trim();
            let starts = match language {
                Language::Python => bare.starts_with('#'),
                _ => bare.starts_with("//") || bare.starts_with("/*"),
            };
            let comment = in_comment || starts || (bare.is_empty() && was_comment);
            if language != Language::Python && (in_comment || bare.starts_with("/*")) {
                in_comment = !bare.ends_with("*/");
            }
            was_comment = comment;
            if comment {
                header.comments.push_str(line);
            } else {
                header.attributes.push_str(line);
            }
        }
        header
    }
}
