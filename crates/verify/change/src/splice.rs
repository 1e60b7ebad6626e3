//! Whole symbols of a reply into a file, by syntax-tree span; every other byte stays as it is.
//!
//! ```text
//! reply symbols ─▶ pair with the file's ─┬▶ has a namesake: compose (keep docs, decorators, `export`) ─▶ replace
//!                                        └▶ new: asked for or needed? ─▶ place beside its neighbours ─▶ insert
//! reply imports ─▶ those that kept code uses ─▶ merge into the import block
//! ```

mod compose;
mod containers;
mod edits;
mod elision;
mod exports;
mod fill;
mod group;
mod imports;
mod names;
mod neighbour;
mod pairing;
mod place;
mod refuse;
mod statements;

use std::collections::BTreeSet;

use tenon_syntax::{ParseFailure, SourceFile, Span, Symbol};

use self::edits::Edits;
pub(crate) use self::imports::with_imports;
use self::pairing::Pairing;
use crate::style::FileStyle;

/// What a splice may touch.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SpliceScope {
    /// Symbols that may be replaced, by name or qualified name; a type stands for all its members. `None`: all.
    pub editable: Option<Vec<String>>,
    /// The symbol after which new ones go, unless the reply shows a better neighbour.
    pub insert_near: Option<String>,
    /// What may be added.
    pub additions: Additions,
    /// Names that were asked for, besides those in `editable`: kept even if they look like tests, a `main` or example usage, and exported
    /// where the file exports their likes.
    pub wanted: Vec<String>,
}

/// What a splice may add.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Additions {
    /// Nothing but imports that replaced symbols need.
    Nothing,
    /// New symbols, but no tests, `main`, example usage or other top-level statements that nobody asked for.
    #[default]
    Symbols,
    /// Everything the reply holds: for test files and scripts.
    Everything,
}

/// A spliced file, with what was done. Names are qualified names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Spliced {
    /// The new text.
    pub text: String,
    /// Symbols that were replaced.
    pub replaced: Vec<String>,
    /// Symbols that were added.
    pub added: Vec<String>,
    /// Imports that were added, as they stand in the file.
    pub imports_added: Vec<String>,
    /// What the reply holds and was left out, each with the reason.
    pub dropped: Vec<String>,
}

/// Why a reply cannot be spliced.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SpliceError {
    /// The reply is in another language.
    #[error("the reply is {reply}, the file is {file}")]
    Language {
        /// The language of the file.
        file: tenon_syntax::Language,
        /// The language of the reply.
        reply: tenon_syntax::Language,
    },
    /// Nothing of the reply would change the file.
    #[error("the reply changes nothing{}", because(dropped))]
    Unchanged {
        /// What was left out, each with the reason.
        dropped: Vec<String>,
    },
    /// The reply leaves code out ("... existing code ...").
    #[error("the reply leaves out code of `{symbol}`: `{comment}`")]
    Elided {
        /// The symbol.
        symbol: String,
        /// The comment that stands for the code.
        comment: String,
    },
    /// The file would parse worse than before.
    #[error("the file would have {after} syntax errors instead of {before}; line {line}: {message}")]
    ParsesWorse {
        /// Errors before.
        before: usize,
        /// Errors after.
        after: usize,
        /// 1-based line of the first error in the new text.
        line: u32,
        /// The first error.
        message: String,
    },
    /// A symbol that was not to be touched would vanish.
    #[error("`{symbol}` would vanish from the file")]
    Lost {
        /// The symbol.
        symbol: String,
    },
    /// The result cannot be parsed at all.
    #[error(transparent)]
    Parse(#[from] ParseFailure),
}

fn because(dropped: &[String]) -> String {
    if dropped.is_empty() {
        String::new()
    } else {
        format!(": {}", dropped.join("; "))
    }
}

/// Splices `reply` into `original`.
///
/// # Errors
/// When nothing would change, code is left out, a symbol would vanish, or the file would parse worse than before.
pub fn splice(
    original: &SourceFile,
    reply: &SourceFile,
    scope: &SpliceScope,
) -> Result<Spliced, SpliceError> {
    if !fits(original, reply) {
        return Err(SpliceError::Language {
            file: original.language(),
            reply: reply.language(),
        });
    }
    let mut splicer = Splicer::new(original, reply, scope);
    if original.text().trim_start_matches('\u{feff}').trim().is_empty() {
        return splicer.fill();
    }
    splicer.merge_symbols()?;
    splicer.merge_statements();
    splicer.merge_exports();
    splicer.merge_imports();
    splicer.finish()
}

fn fits(original: &SourceFile, reply: &SourceFile) -> bool {
    original.language() == reply.language()
        || (original.language().is_ecmascript() && reply.language().is_ecmascript())
}

struct Splicer<'files> {
    original: &'files SourceFile,
    reply: &'files SourceFile,
    scope: &'files SpliceScope,
    style: FileStyle,
    reply_style: FileStyle,
    pairing: Pairing,
    edits: Edits,
    /// Parts of the reply that went into the file.
    kept: Vec<Span>,
    /// Bare names of added top-level symbols.
    added_names: Vec<String>,
    replaced: Vec<String>,
    added: Vec<String>,
    imports_added: Vec<String>,
    dropped: BTreeSet<String>,
}

impl<'files> Splicer<'files> {
    fn new(original: &'files SourceFile, reply: &'files SourceFile, scope: &'files SpliceScope) -> Self {
        Self {
            original,
            reply,
            scope,
            style: FileStyle::of(original.text()),
            reply_style: FileStyle::of(reply.text()),
            pairing: Pairing::of(original, reply, scope),
            edits: Edits::default(),
            kept: Vec::new(),
            added_names: Vec::new(),
            replaced: Vec::new(),
            added: Vec::new(),
            imports_added: Vec::new(),
            dropped: BTreeSet::new(),
        }
    }

    fn original_symbol(&self, index: usize) -> Option<&'files Symbol> {
        self.original.symbols().get(index)
    }

    fn reply_symbol(&self, index: usize) -> Option<&'files Symbol> {
        self.reply.symbols().get(index)
    }

    fn drop(&mut self, what: &str, why: &str) {
        self.dropped.insert(format!("`{what}`: {why}"));
    }

    fn is_wanted(&self, symbol: &Symbol) -> bool {
        names::any_means(&self.scope.wanted, symbol)
            || names::any_means(self.scope.editable.as_deref().unwrap_or_default(), symbol)
    }

    fn finish(self) -> Result<Spliced, SpliceError> {
        let dropped: Vec<String> = self.dropped.into_iter().collect();
        let text = self.edits.apply(self.original.text());
        if text == self.original.text() {
            return Err(SpliceError::Unchanged { dropped });
        }
        let mut result = SourceFile::parse(self.original.language(), text)?;
        if self.original.language() == tenon_syntax::Language::Go
            && let Some(without) = imports::without_unused(self.original, &result)
        {
            result = SourceFile::parse(self.original.language(), without)?;
        }
        let (before, after) = (self.original.error_count(), result.error_count());
        if after > before {
            let first = result.errors().first();
            return Err(SpliceError::ParsesWorse {
                before,
                after,
                line: first.map_or(1, |error| error.line),
                message: first.map(|error| error.message.clone()).unwrap_or_default(),
            });
        }
        if let Some(lost) = lost_symbol(self.original, &result) {
            return Err(SpliceError::Lost { symbol: lost });
        }
        Ok(Spliced {
            text: result.text().to_owned(),
            replaced: unique(self.replaced),
            added: unique(self.added),
            imports_added: self.imports_added,
            dropped,
        })
    }
}

fn unique(names: Vec<String>) -> Vec<String> {
    let mut seen = BTreeSet::new();
    names
        .into_iter()
        .filter(|name| seen.insert(name.clone()))
        .collect()
}

/// A name that the file had and the result has not.
fn lost_symbol(original: &SourceFile, result: &SourceFile) -> Option<String> {
    let kept: BTreeSet<&str> = result
        .symbols()
        .iter()
        .map(|symbol| symbol.qualified_name.as_str())
        .collect();
    original
        .symbols()
        .iter()
        .map(|symbol| &symbol.qualified_name)
        .find(|name| !kept.contains(name.as_str()))
        .cloned()
}
