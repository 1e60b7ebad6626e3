//! Level by level: members of the reply's types into the types of the file.

use tenon_syntax::{Language, Span, Symbol, SymbolKind};

use super::compose::docstring_span;
use super::elision::elision;
use super::neighbour::Neighbour;
use super::{Additions, SpliceError, Splicer, names, refuse};
use crate::style::indentation_at;
use crate::tokens::same_code;

impl Splicer<'_> {
    pub(super) fn merge_symbols(&mut self) -> Result<(), SpliceError> {
        self.merge_level(None, None)
    }

    fn merge_level(
        &mut self,
        reply_parent: Option<usize>,
        original_parent: Option<usize>,
    ) -> Result<(), SpliceError> {
        let members: Vec<usize> = (0..self.reply.symbols().len())
            .filter(|index| {
                self.reply_symbol(*index)
                    .is_some_and(|symbol| symbol.parent == reply_parent)
            })
            .filter(|index| !self.pairing.is_superseded(*index))
            .collect();
        // Where the one before a new symbol is or went decides where the new one goes.
        let mut previous: Option<Neighbour> = None;
        for (position, index) in members.iter().copied().enumerate() {
            let Some(symbol) = self.reply_symbol(index) else {
                continue;
            };
            if let Some(partner) = self.pairing.partner(index) {
                self.merge_pair(index, symbol, partner)?;
                if self.pairing.home(index).is_none() {
                    previous = Some(Neighbour::After(partner));
                }
                continue;
            }
            if let Some(why) = self.refusal(symbol) {
                self.drop(&symbol.qualified_name, why);
                continue;
            }
            if let Some(comment) = elision(self.original, self.reply, symbol.span) {
                return Err(elided(symbol, comment));
            }
            if let Some(home) = self.pairing.home(index) {
                self.insert(symbol, Some(home), None);
                continue;
            }
            let next = members
                .get(position + 1..)
                .unwrap_or_default()
                .iter()
                .find_map(|next| {
                    self.pairing
                        .partner(*next)
                        .filter(|_| self.pairing.home(*next).is_none())
                });
            let neighbour = previous.or(next.map(Neighbour::Before));
            self.insert(symbol, original_parent, neighbour);
        }
        Ok(())
    }

    fn merge_pair(&mut self, index: usize, symbol: &Symbol, partner: usize) -> Result<(), SpliceError> {
        let Some(target) = self.original_symbol(partner) else {
            return Ok(());
        };
        if self.is_skipped_test_module(symbol) {
            self.drop(&symbol.qualified_name, "tests are left as they are");
            return Ok(());
        }
        if merges(symbol, target, self.original.language()) {
            if self.may_edit(target) {
                self.merge_header(symbol, partner, target);
            }
            return self.merge_level(Some(index), Some(partner));
        }
        let text = self.compose(target, symbol);
        let before = self.original.slice(target.span);
        if same_code(self.original.language(), before, &text) {
            return Ok(());
        }
        if !self.may_edit(target) {
            self.drop(&target.qualified_name, "not to be edited");
            return Ok(());
        }
        if let Some(comment) = elision(self.original, self.reply, symbol.span) {
            return Err(elided(symbol, comment));
        }
        self.edits.replace(target.span, text);
        self.kept.push(symbol.span);
        self.replaced.push(target.qualified_name.clone());
        Ok(())
    }

    /// Tests beside the code are evidence; a reply about the code does not rewrite them.
    fn is_skipped_test_module(&self, symbol: &Symbol) -> bool {
        symbol.kind == SymbolKind::Module
            && refuse::is_test(self.reply.language(), symbol)
            && !self.is_wanted(symbol)
            && self.scope.additions != Additions::Everything
    }

    pub(super) fn may_edit(&self, symbol: &Symbol) -> bool {
        match &self.scope.editable {
            None => true,
            Some(editable) => editable.iter().any(|name| names::means_or_holds(name, symbol)),
        }
    }

    /// The line that opens a type, its docs and decorators: the reply's, where it shows the whole type or says more.
    fn merge_header(&mut self, symbol: &Symbol, partner: usize, target: &Symbol) {
        let indentation = indentation_at(self.original.text(), target.span.start).to_owned();
        let header = self.compose_header(target, symbol, &indentation);
        let leading = Span::new(target.span.start, target.item_start);
        if header.trim() != self.original.slice(leading).trim() && !header.trim().is_empty() {
            self.edits.replace(leading, header);
            self.kept.push(Span::new(symbol.span.start, symbol.item_start));
            self.replaced.push(target.qualified_name.clone());
        }
        self.merge_class_docstring(symbol, target);
        let whole = (0..self.original.symbols().len())
            .filter(|member| {
                self.original_symbol(*member)
                    .is_some_and(|member| member.parent == Some(partner))
            })
            .all(|member| self.pairing.has_partner_in_reply(member));
        let squeezed = |signature: &str| signature.replace(char::is_whitespace, "");
        let says_more = symbol.signature.len() > target.signature.len();
        if squeezed(&symbol.signature) == squeezed(&target.signature) || !(whole && says_more) {
            return;
        }
        if let (Some(ours), Some(theirs)) = (opening(self.original, target), opening(self.reply, symbol)) {
            let text = self.moved(symbol, theirs, &indentation);
            self.edits.replace(ours, text);
            self.kept.push(theirs);
            self.replaced.push(target.qualified_name.clone());
        }
    }

    fn merge_class_docstring(&mut self, symbol: &Symbol, target: &Symbol) {
        let Some(theirs) = docstring_span(self.reply, symbol) else {
            return;
        };
        if symbol.doc == target.doc {
            return;
        }
        let Some(body) = target.body_span else {
            return;
        };
        let indentation = indentation_at(self.original.text(), body.start).to_owned();
        let base = indentation_at(self.reply.text(), theirs.start);
        let text = crate::style::restyle(
            self.reply,
            theirs,
            base,
            &indentation,
            &self.reply_style,
            &self.style,
        );
        match docstring_span(self.original, target) {
            Some(ours) => self.edits.replace(ours, text),
            None if indentation_at(self.original.text(), target.item_start) != indentation => {
                self.edits.insert(
                    body.start,
                    format!("{text}{0}{0}{indentation}", self.style.newline),
                );
            }
            None => return,
        }
        self.replaced.push(target.qualified_name.clone());
    }
}

/// Types whose parts are all symbols are merged member by member; the others are replaced whole.
pub(super) fn merges(symbol: &Symbol, target: &Symbol, language: Language) -> bool {
    symbol.kind == target.kind
        && symbol.body_span.is_some()
        && target.body_span.is_some()
        && match symbol.kind {
            SymbolKind::Class | SymbolKind::Implementation | SymbolKind::Trait | SymbolKind::Module => true,
            SymbolKind::Interface => language == Language::Java,
            _ => false,
        }
}

/// The opening line of a type, from its first word up to the body.
fn opening(file: &tenon_syntax::SourceFile, symbol: &Symbol) -> Option<Span> {
    let end = symbol.body_span?.start;
    let text = file.text().get(symbol.item_start..end)?;
    let trimmed = match file.language() {
        Language::Python => text.get(..text.rfind(':')?)?,
        _ => text,
    };
    Some(Span::new(
        symbol.item_start,
        symbol.item_start + trimmed.trim_end().len(),
    ))
}

fn elided(symbol: &Symbol, comment: String) -> SpliceError {
    SpliceError::Elided {
        symbol: symbol.qualified_name.clone(),
        comment,
    }
}
