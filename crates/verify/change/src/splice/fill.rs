use tenon_syntax::{SourceFile, Span};

use super::elision::elision;
use super::{Additions, SpliceError, Spliced, Splicer, unique};
use crate::draft::in_the_style_of;

impl Splicer<'_> {
    /// The reply as the content of an empty file, without what nobody asked for.
    pub(super) fn fill(mut self) -> Result<Spliced, SpliceError> {
        let whole = Span::new(0, self.reply.text().len());
        if let Some(comment) = elision(self.original, self.reply, whole) {
            return Err(SpliceError::Elided {
                symbol: "the file".to_owned(),
                comment,
            });
        }
        let mut left_out = self.refused_symbols();
        if self.scope.additions != Additions::Everything {
            left_out.extend(self.refused_statements());
        }
        left_out.sort_unstable();
        let mut code = String::new();
        let mut position = 0;
        for span in left_out {
            let kept = self.reply.text().get(position..span.start).unwrap_or_default();
            code.push_str(kept.trim_end_matches([' ', '\t']));
            position = position.max(span.end);
            let rest = self.reply.text().get(position..).unwrap_or_default();
            if code.is_empty() || code.ends_with('\n') {
                position += rest.len() - rest.trim_start_matches(['\n', '\r']).len();
            }
        }
        code.push_str(self.reply.text().get(position..).unwrap_or_default());
        let text = in_the_style_of(self.original.text(), &code);
        let dropped: Vec<String> = self.dropped.iter().cloned().collect();
        if text.trim().is_empty() {
            return Err(SpliceError::Unchanged { dropped });
        }
        let result = SourceFile::parse(self.original.language(), text)?;
        if let Some(error) = result.errors().first() {
            return Err(SpliceError::ParsesWorse {
                before: 0,
                after: result.error_count(),
                line: error.line,
                message: error.message.clone(),
            });
        }
        Ok(Spliced {
            replaced: Vec::new(),
            added: unique(
                result
                    .symbols()
                    .iter()
                    .map(|symbol| symbol.qualified_name.clone())
                    .collect(),
            ),
            imports_added: unique(
                result
                    .imports()
                    .iter()
                    .map(|import| result.slice(import.span).to_owned())
                    .collect(),
            ),
            dropped,
            text: result.text().to_owned(),
        })
    }

    fn refused_symbols(&mut self) -> Vec<Span> {
        let mut spans = Vec::new();
        for symbol in self
            .reply
            .symbols()
            .iter()
            .filter(|symbol| symbol.parent.is_none())
        {
            if let Some(why) = self.refusal(symbol) {
                self.drop(&symbol.qualified_name, why);
                spans.push(symbol.span);
            }
        }
        spans
    }

    fn refused_statements(&mut self) -> Vec<Span> {
        let statements = self.plain_statements();
        for span in &statements {
            let shown = self
                .reply
                .slice(*span)
                .lines()
                .next()
                .unwrap_or_default()
                .to_owned();
            self.drop(&shown, "a statement on top level nobody asked for");
        }
        statements
    }
}
