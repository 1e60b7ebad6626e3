//! What a piece of code leans on: the signatures a model needs to see to use what is there.

use tenon_domain::RepoPath;
use tenon_syntax::{Language, SourceFile, Span, SymbolKind};

use crate::index::Index;

impl Index {
    /// Signatures of symbols defined in the repository that the code between two bytes of a file uses, nearest first,
    /// each with its source for people.
    pub fn related_signatures(
        &self,
        path: &RepoPath,
        span: Option<Span>,
        limit: usize,
    ) -> Vec<(String, String)> {
        let parsed = self
            .file_text(path)
            .and_then(|text| SourceFile::parse(Language::of_path(path)?, text).ok());
        let Some(file) = parsed else { return Vec::new() };
        let span = span.unwrap_or(Span::new(0, file.text().len()));
        let mut found: Vec<(bool, String, String)> = Vec::new();
        for reference in file.references() {
            if !span.covers(reference.span) {
                continue;
            }
            let definitions = self.definitions_of(reference.name);
            if definitions.is_empty() || definitions.len() > 3 {
                continue;
            }
            for definition in definitions {
                let own = &definition.path == path;
                let inside = own
                    && file.find(&definition.qualified_name).is_some_and(|symbol| {
                        span.covers(symbol.span) || symbol.kind == SymbolKind::Variable
                    });
                let signature = shown(&definition.signature, definition.doc.as_deref(), file.language());
                if !inside && !found.iter().any(|(_, _, known)| known == &signature) {
                    found.push((
                        !own,
                        format!("{} in {}", definition.qualified_name, definition.path),
                        signature,
                    ));
                }
            }
        }
        found.sort_by_key(|(foreign, _, _)| *foreign);
        found.truncate(limit);
        found
            .into_iter()
            .map(|(_, source, signature)| (source, signature))
            .collect()
    }

    /// The shape of a file: signatures in source order, bodies left out.
    pub fn outline(&self, path: &RepoPath, limit: usize) -> String {
        let mut text = String::new();
        for symbol in self.symbols_in(path).into_iter().take(limit) {
            let depth = symbol.qualified_name.matches('.').count();
            text.push_str(&"    ".repeat(depth));
            text.push_str(&symbol.signature);
            text.push('\n');
        }
        text
    }

    /// Test files of the same language that use a symbol, with the line of the first use.
    pub fn tests_for(&self, symbol: &str) -> Vec<(RepoPath, u32)> {
        let name = symbol.rsplit(['.', ':']).next().unwrap_or(symbol);
        self.references_to(name)
            .into_iter()
            .filter(|(path, _)| {
                let lower = path.as_str().to_lowercase();
                lower
                    .split(['/', '.', '_'])
                    .any(|part| matches!(part, "test" | "tests" | "spec" | "__tests__"))
            })
            .collect()
    }
}

fn shown(signature: &str, doc: Option<&str>, language: Language) -> String {
    match doc {
        Some(doc) => format!("{signature}  {} {doc}", language.line_comment()),
        None => signature.to_owned(),
    }
}
