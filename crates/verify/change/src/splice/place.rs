//! Where a new symbol goes, and with how much air around it.

use tenon_syntax::{Language, Span, Symbol};

use super::Splicer;
use super::neighbour::Neighbour;
use crate::style::{indentation_at, line_end, line_start};

impl Splicer<'_> {
    /// Inserts the reply's `symbol` into `container` of the file, or at the top level.
    pub(super) fn insert(&mut self, symbol: &Symbol, container: Option<usize>, neighbour: Option<Neighbour>) {
        let neighbour = self
            .asked_neighbour(container)
            .or_else(|| self.neighbour_of_owner(symbol, container, neighbour))
            .or(neighbour)
            .or_else(|| self.likely_neighbour(symbol, container));
        match neighbour {
            Some(Neighbour::After(anchor)) => self.insert_after(symbol, anchor),
            Some(Neighbour::Before(anchor)) => self.insert_before(symbol, anchor),
            None => match container.and_then(|container| self.original_symbol(container)) {
                Some(container) => self.insert_into_empty(symbol, container),
                None => self.insert_at_end(symbol),
            },
        }
        self.kept.push(symbol.span);
        let holder = container.and_then(|container| self.original_symbol(container));
        match holder {
            Some(holder) => self
                .added
                .push(format!("{}.{}", holder.qualified_name, symbol.name)),
            None => {
                self.added.push(symbol.qualified_name.clone());
                self.added_names.push(symbol.name.clone());
            }
        }
    }

    fn insert_after(&mut self, symbol: &Symbol, anchor: usize) {
        let Some(anchor) = self.original_symbol(anchor) else {
            return;
        };
        let text = self.original.text();
        let joins = self.joins_group(symbol, anchor);
        let unit = self.unit(anchor).filter(|_| !joins).unwrap_or(anchor.span);
        let at = end_of_line_if_free(text, unit.end, self.original.language());
        let first = if joins {
            anchor.definition_span.start
        } else {
            unit.start
        };
        let indentation = indentation_at(text, first).to_owned();
        let piece = if joins {
            self.moved(symbol, symbol.span, &indentation)
        } else {
            self.compose_new(symbol, &indentation)
        };
        let blank = self.blank_lines(symbol, Some(anchor), indentation.is_empty());
        let mut inserted = format!("{}{indentation}{piece}", self.newlines(blank + 1));
        let rest = text.get(at..).unwrap_or_default();
        if rest.trim().is_empty() {
            // The end of the file keeps the final newline it has or has not.
        } else {
            let following = rest.len() - rest.trim_start().len();
            let gap = rest.get(..following).unwrap_or_default().matches('\n').count();
            let closes = rest.trim_start().starts_with(['}', ')']);
            let wanted = if closes { 1 } else { blank + 1 };
            inserted.push_str(&self.newlines(wanted.saturating_sub(gap)));
        }
        self.edits.insert(at, inserted);
    }

    fn insert_before(&mut self, symbol: &Symbol, anchor: usize) {
        let Some(anchor) = self.original_symbol(anchor) else {
            return;
        };
        let text = self.original.text();
        let start = self
            .unit(anchor)
            .map_or(anchor.span.start, |unit| unit.start.min(anchor.span.start));
        let at = line_start(text, start);
        let indentation = indentation_at(text, start).to_owned();
        let piece = self.compose_new(symbol, &indentation);
        let blank = self.blank_lines(symbol, Some(anchor), indentation.is_empty());
        let before = text.get(..at).unwrap_or_default();
        let opens = before.trim_end().ends_with(['{', ':']) && !indentation.is_empty();
        let gap = before
            .get(before.trim_end().len()..)
            .unwrap_or_default()
            .matches('\n')
            .count();
        let lead = if before.trim_start_matches('\u{feff}').trim().is_empty()
            || opens
            || self.edits.inserts_at(at)
        {
            0
        } else {
            (blank + 1).saturating_sub(gap)
        };
        let at = if at == 0 && text.starts_with('\u{feff}') {
            '\u{feff}'.len_utf8()
        } else {
            at
        };
        let inserted = format!(
            "{}{indentation}{piece}{}",
            self.newlines(lead),
            self.newlines(blank + 1)
        );
        self.edits.insert(at, inserted);
    }

    /// Into a type without members.
    fn insert_into_empty(&mut self, symbol: &Symbol, container: &Symbol) {
        let Some(body) = container.body_span else {
            return self.insert_at_end(symbol);
        };
        let text = self.original.text();
        let outer = indentation_at(text, container.item_start).to_owned();
        let unit = self
            .style
            .unit_or_default(self.original.language(), &self.reply_style)
            .text();
        let inner = format!("{outer}{unit}");
        let piece = self.compose_new(symbol, &inner);
        let newline = self.style.newline;
        if self.original.language() == Language::Python {
            return self.insert_into_suite(container, body, &piece, &inner);
        }
        let start = body.start + 1;
        let end = body.end.saturating_sub(1).max(start);
        if text
            .get(start..end)
            .is_some_and(|content| content.trim().is_empty())
        {
            self.edits.replace(
                Span::new(start, end),
                format!("{newline}{inner}{piece}{newline}{outer}"),
            );
        } else {
            let content_end = start + text.get(start..end).unwrap_or_default().trim_end().len();
            self.edits
                .insert(content_end, format!("{newline}{newline}{inner}{piece}"));
        }
    }

    fn insert_into_suite(&mut self, container: &Symbol, body: Span, piece: &str, inner: &str) {
        let text = self.original.text();
        let placeholder = matches!(self.original.slice(body).trim(), "pass" | "...");
        let own_line = text
            .get(container.item_start..body.start)
            .is_some_and(|before| before.contains('\n'));
        let newline = self.style.newline;
        match (placeholder, own_line) {
            (true, true) => self.edits.replace(body, piece.to_owned()),
            (true, false) => {
                let before = text.get(..body.start).unwrap_or_default();
                let start = before.trim_end_matches([' ', '\t']).len();
                let span = Span::new(start, body.end);
                self.edits.replace(span, format!("{newline}{inner}{piece}"));
            }
            (false, _) => {
                let at = end_of_line_if_free(text, body.end, Language::Python);
                self.edits.insert(at, format!("{newline}{newline}{inner}{piece}"));
            }
        }
    }

    /// Behind everything, but before what runs a file: a main guard or test module.
    pub(super) fn insert_at_end(&mut self, symbol: &Symbol) {
        let piece = self.compose_new(symbol, "");
        let blank = self.blank_lines(symbol, None, true);
        self.insert_text_at_end(&piece, blank);
    }

    pub(super) fn insert_text_at_end(&mut self, piece: &str, blank: usize) {
        let text = self.original.text();
        if let Some(at) = self.start_of_tail() {
            let before = text.get(..at).unwrap_or_default();
            let gap = before
                .get(before.trim_end().len()..)
                .unwrap_or_default()
                .matches('\n')
                .count();
            let lead = if before.trim().is_empty() {
                0
            } else {
                (blank + 1).saturating_sub(gap)
            };
            let inserted = format!("{}{piece}{}", self.newlines(lead), self.newlines(blank + 1));
            return self.edits.insert(at, inserted);
        }
        let content = text.trim_end().len();
        let final_newline = text.is_empty() || text.ends_with('\n');
        let empty = text.trim_start_matches('\u{feff}').trim().is_empty();
        let lead = if empty {
            String::new()
        } else {
            self.newlines(blank + 1)
        };
        let tail = if final_newline && content == text.len() {
            self.style.newline
        } else {
            ""
        };
        let at = if empty { text.len() } else { content };
        let tail = if empty && final_newline {
            self.style.newline
        } else {
            tail
        };
        self.edits.insert(at, format!("{lead}{piece}{tail}"));
    }

    /// The start of the line of `if __name__ == …`, `mod tests` or `module.exports = …`.
    fn start_of_tail(&self) -> Option<usize> {
        let root = self.original.tree().root_node();
        let mut cursor = root.walk();
        let tail = root.named_children(&mut cursor).find(|child| {
            let text = self.original.slice(Span::of(*child));
            match self.original.language() {
                Language::Python => child.kind() == "if_statement" && text.contains("__name__"),
                language if language.is_ecmascript() => {
                    text.starts_with("module.exports") || text.starts_with("export {")
                }
                _ => false,
            }
        })?;
        Some(line_start(self.original.text(), tail.start_byte()))
    }

    pub(super) fn newlines(&self, count: usize) -> String {
        self.style.newline.repeat(count)
    }

    fn blank_lines(&self, symbol: &Symbol, anchor: Option<&Symbol>, top_level: bool) -> usize {
        let flat = |symbol: &Symbol| symbol.body_span.is_none();
        if flat(symbol) && anchor.is_some_and(flat) {
            return 0;
        }
        let defines = |symbol: &Symbol| symbol.body_span.is_some();
        if top_level && self.original.language() == Language::Python {
            if defines(symbol) || anchor.is_some_and(defines) {
                2
            } else {
                1
            }
        } else {
            1
        }
    }
}

/// The end of the line of `byte` when nothing but a comment or separator follows, else `byte`.
fn end_of_line_if_free(text: &str, byte: usize, language: Language) -> usize {
    let end = line_end(text, byte);
    let rest = text.get(byte..end).unwrap_or_default().trim();
    let rest = rest.trim_start_matches([';', ',']).trim_start();
    if rest.is_empty()
        || rest.starts_with(language.line_comment())
        || (rest.starts_with("/*") && rest.ends_with("*/"))
    {
        end
    } else {
        byte
    }
}
