//! Statements on top level: kept where the file has their likes (`app.get(…)`), else taken for example usage.

use tenon_syntax::{Language, Span, tree_sitter::Node};

use super::{Additions, Splicer, exports};
use crate::style::{FileStyle, line_end, restyle};
use crate::tokens::same_code;

impl Splicer<'_> {
    pub(super) fn merge_statements(&mut self) {
        let ours = self.own_statements();
        for span in self.plain_statements() {
            let text = self.reply.slice(span);
            let language = self.original.language();
            if ours
                .iter()
                .any(|own| same_code(language, self.original.slice(*own), text))
            {
                continue;
            }
            let shown: String = text.lines().next().unwrap_or_default().chars().take(60).collect();
            let subject = subject(text);
            let likes: Vec<Span> = ours
                .iter()
                .copied()
                .filter(|own| {
                    subject.is_some_and(|subject| statement_subject_is(self.original.slice(*own), subject))
                })
                .collect();
            if self.is_wanted_main_guard(text, &ours) {
                self.add_at_end(span);
                continue;
            }
            match (self.scope.additions, likes.last()) {
                (Additions::Everything, last) => self.add_statement(span, last.copied()),
                (Additions::Symbols, Some(last)) => {
                    let same_call = likes.iter().find(|own| {
                        call_key(self.original.slice(**own)) == call_key(text) && call_key(text).is_some()
                    });
                    match same_call {
                        Some(own) if self.scope.editable.is_none() => {
                            let piece = self.restyled(span);
                            self.edits.replace(*own, piece);
                            self.kept.push(span);
                            self.replaced.push(shown);
                        }
                        Some(_) => self.drop(&shown, "not to be edited"),
                        None => self.add_statement(span, Some(*last)),
                    }
                }
                _ => self.drop(&shown, "a statement on top level nobody asked for"),
            }
        }
    }

    /// Statements on top level of the reply that define, import and export nothing.
    pub(super) fn plain_statements(&self) -> Vec<Span> {
        let root = self.reply.tree().root_node();
        let mut cursor = root.walk();
        root.named_children(&mut cursor)
            .filter(|node| self.is_plain_statement(*node))
            .map(Span::of)
            .collect()
    }

    fn add_statement(&mut self, span: Span, after: Option<Span>) {
        let piece = self.restyled(span);
        match after {
            Some(after) => {
                let at = line_end(self.original.text(), after.end);
                let lines = if piece.contains('\n') { 2 } else { 1 };
                let inserted = format!("{}{piece}", self.newlines(lines));
                self.edits.insert(at, inserted);
            }
            None => return self.add_at_end(span),
        }
        self.note_added(span);
    }

    fn add_at_end(&mut self, span: Span) {
        let piece = self.restyled(span);
        let blank = if piece.contains('\n') && self.original.language() == Language::Python {
            2
        } else {
            1
        };
        self.insert_text_at_end(&piece, blank);
        self.note_added(span);
    }

    fn note_added(&mut self, span: Span) {
        self.kept.push(span);
        let first = self
            .reply
            .slice(span)
            .lines()
            .next()
            .unwrap_or_default()
            .to_owned();
        self.added.push(first);
    }

    /// `if __name__ == "__main__"` comes with a `main` that was asked for.
    fn is_wanted_main_guard(&self, text: &str, ours: &[Span]) -> bool {
        let guard = |text: &str| text.starts_with("if __name__");
        let wanted = |name: &String| name == "main" || name == "__main__";
        guard(text)
            && !ours.iter().any(|own| guard(self.original.slice(*own)))
            && self.scope.additions != Additions::Nothing
            && (self.scope.wanted.iter().any(wanted) || self.scope.editable.iter().flatten().any(wanted))
    }

    fn restyled(&self, span: Span) -> String {
        let from: &FileStyle = &self.reply_style;
        restyle(self.reply, span, "", "", from, &self.style)
    }

    fn own_statements(&self) -> Vec<Span> {
        let root = self.original.tree().root_node();
        let mut cursor = root.walk();
        root.named_children(&mut cursor)
            .filter(|node| is_statement(*node))
            .map(Span::of)
            .collect()
    }

    /// A statement that defines nothing, imports nothing and exports nothing.
    fn is_plain_statement(&self, node: Node<'_>) -> bool {
        let span = Span::of(node);
        let text = self.reply.slice(span);
        let defines = self
            .reply
            .symbols()
            .iter()
            .any(|symbol| span.covers(symbol.definition_span));
        let imports = self.reply.imports().iter().any(|import| span.covers(import.span));
        let docstring = node.kind() == "expression_statement" && text.starts_with(['"', '\'']);
        is_statement(node) && !defines && !imports && !docstring && !exports::is_export_statement(text)
    }
}

fn is_statement(node: Node<'_>) -> bool {
    let kind = node.kind();
    kind.ends_with("_statement")
        && !matches!(
            kind,
            "import_statement" | "import_from_statement" | "export_statement"
        )
        || matches!(kind, "lexical_declaration" | "macro_invocation")
}

/// The first word of a statement that calls something: `app` in `app.get("/")`. Printing has no subject.
fn subject(text: &str) -> Option<&str> {
    let text = text.strip_prefix("await ").unwrap_or(text);
    let end =
        text.find(|character: char| !(character.is_alphanumeric() || character == '_' || character == '$'))?;
    let word = text.get(..end)?;
    let plain = matches!(
        word,
        "" | "print"
            | "console"
            | "assert"
            | "if"
            | "for"
            | "while"
            | "with"
            | "try"
            | "del"
            | "raise"
            | "println"
    );
    // What starts a server or ends the process would run whenever the file is loaded.
    let callee = text.split('(').next().unwrap_or_default().trim();
    let starts = [
        "run",
        "listen",
        "serve",
        "serve_forever",
        "start",
        "main",
        "mainloop",
        "exit",
    ];
    let runs = callee
        .rsplit(['.', ':'])
        .next()
        .is_some_and(|name| starts.contains(&name));
    (!plain && !runs && text.get(end..)?.starts_with(['.', '('])).then_some(word)
}

fn statement_subject_is(text: &str, wanted: &str) -> bool {
    subject(text) == Some(wanted)
}

/// What makes two calls calls of one thing: everything up to the end of the first argument, if that is a string.
fn call_key(text: &str) -> Option<&str> {
    let open = text.find('(')?;
    let argument = text.get(open + 1..)?;
    let quote = argument
        .chars()
        .next()
        .filter(|first| matches!(first, '"' | '\'' | '`'))?;
    let length = argument.get(1..)?.find(quote)?;
    text.get(..open + 1 + length + 1)
}
