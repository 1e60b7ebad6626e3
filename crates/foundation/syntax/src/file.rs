use std::cell::RefCell;
use std::ops::ControlFlow;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use tree_sitter::{ParseOptions, Parser, Tree};

use crate::{Import, Language, Reference, Span, Symbol, SyntaxError, error, imports, outline, reference};

/// Text of one language, with its syntax tree.
#[derive(Debug, Clone)]
pub struct SourceFile {
    language: Language,
    text: Arc<str>,
    tree: Tree,
    symbols: OnceLock<Arc<[Symbol]>>,
    errors: OnceLock<Arc<[SyntaxError]>>,
}

/// Why a text has no syntax tree. Text with syntax errors has one; this is about text that is not read at all.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ParseFailure {
    /// More text than is parsed.
    #[error("the file is {bytes} bytes long; at most {limit} bytes of source are parsed")]
    TooLarge {
        /// What was given.
        bytes: usize,
        /// What is accepted.
        limit: usize,
    },
    /// The parser did not finish in time.
    #[error("parsing as {language} took longer than {} s and was stopped", limit.as_secs())]
    TooSlow {
        /// The language it was parsed as.
        language: Language,
        /// The time that was granted.
        limit: Duration,
    },
    /// The grammar and the parser library do not fit each other: a fault of this build.
    #[error("the {language} grammar does not fit the parser library of this build")]
    Grammar {
        /// The language it should be parsed as.
        language: Language,
    },
}

thread_local! {
    // A parser holds large scratch buffers; one per thread serves every file and language.
    static PARSER: RefCell<Parser> = RefCell::new(Parser::new());
}

impl SourceFile {
    /// The longest text that is parsed, in bytes.
    pub const MAX_BYTES: usize = 4 * 1024 * 1024;

    /// The longest time one parse may take.
    pub const MAX_PARSE_TIME: Duration = Duration::from_secs(10);

    /// Parses `text`. Syntax errors are part of the result; see [`SourceFile::errors`].
    ///
    /// # Errors
    /// When the text is longer than [`Self::MAX_BYTES`] or takes longer than [`Self::MAX_PARSE_TIME`].
    pub fn parse(language: Language, text: impl Into<Arc<str>>) -> Result<Self, ParseFailure> {
        let text = text.into();
        if text.len() > Self::MAX_BYTES {
            return Err(ParseFailure::TooLarge {
                bytes: text.len(),
                limit: Self::MAX_BYTES,
            });
        }
        let tree = PARSER.with_borrow_mut(|parser| parse_bounded(parser, language, &text))?;
        Ok(Self {
            language,
            text,
            tree,
            symbols: OnceLock::new(),
            errors: OnceLock::new(),
        })
    }

    /// The language it was parsed as.
    pub fn language(&self) -> Language {
        self.language
    }

    /// The whole text.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The text, shared.
    pub fn shared_text(&self) -> Arc<str> {
        Arc::clone(&self.text)
    }

    /// The part of the text that `span` covers; empty when the span is not of this file.
    pub fn slice(&self, span: Span) -> &str {
        self.text.get(span.range()).unwrap_or_default()
    }

    /// The syntax tree.
    pub fn tree(&self) -> &Tree {
        &self.tree
    }

    /// What does not parse, in source order, bounded. Beyond what the grammar itself refuses this reports what
    /// the Python grammar tolerates and Python does not: missing suites, crooked indentation, Python 2 statements.
    pub fn errors(&self) -> &[SyntaxError] {
        self.errors.get_or_init(|| error::collect(self).into())
    }

    /// The number of [`errors`](Self::errors): 0 means that the file parses.
    pub fn error_count(&self) -> usize {
        self.errors().len()
    }

    /// The outline in source order; a container comes before what it holds.
    pub fn symbols(&self) -> &[Symbol] {
        self.symbols.get_or_init(|| outline::collect(self).into())
    }

    /// The symbol called `name`: `name`, `Class.method`, `Type::method` or `Class#method`.
    ///
    /// A full match beats the end of a longer name, and a definition beats an `impl` block of the same name.
    pub fn find(&self, name: &str) -> Option<&Symbol> {
        let wanted = name.trim().replace("::", ".").replace('#', ".");
        if wanted.is_empty() {
            return None;
        }
        self.symbols()
            .iter()
            .filter_map(|symbol| Some((symbol.match_rank(&wanted)?, symbol)))
            .min_by_key(|(rank, _)| *rank)
            .map(|(_, symbol)| symbol)
    }

    /// The innermost symbol whose span holds `byte`.
    pub fn innermost_symbol_at(&self, byte: usize) -> Option<&Symbol> {
        self.symbols()
            .iter()
            .filter(|symbol| symbol.span.touches(byte))
            .min_by_key(|symbol| symbol.span.len())
    }

    /// Everything the file imports, one entry per module, nested imports included.
    pub fn imports(&self) -> Vec<Import> {
        imports::collect(self)
    }

    /// Every use of an identifier that is not the definition of a symbol and not part of an import.
    pub fn references(&self) -> Vec<Reference<'_>> {
        reference::collect(self)
    }
}

impl Symbol {
    fn match_rank(&self, wanted: &str) -> Option<u8> {
        let implementation = u8::from(self.kind == crate::SymbolKind::Implementation);
        if self.qualified_name == wanted {
            return Some(implementation);
        }
        let ends = self
            .qualified_name
            .strip_suffix(wanted)
            .is_some_and(|rest| rest.ends_with('.'));
        ends.then_some(2 + implementation)
    }
}

fn parse_bounded(parser: &mut Parser, language: Language, text: &str) -> Result<Tree, ParseFailure> {
    parser
        .set_language(&language.grammar())
        .map_err(|_| ParseFailure::Grammar { language })?;
    let deadline = Instant::now() + SourceFile::MAX_PARSE_TIME;
    let mut progress = |_: &tree_sitter::ParseState| {
        if Instant::now() > deadline {
            ControlFlow::Break(())
        } else {
            ControlFlow::Continue(())
        }
    };
    let bytes = text.as_bytes();
    let tree = parser.parse_with_options(
        &mut |offset, _| bytes.get(offset..).unwrap_or_default(),
        None,
        Some(ParseOptions::new().progress_callback(&mut progress)),
    );
    tree.ok_or_else(|| {
        // A cancelled parser would go on with the old text at the next call.
        parser.reset();
        ParseFailure::TooSlow {
            language,
            limit: SourceFile::MAX_PARSE_TIME,
        }
    })
}
