//! What is remembered of one file.

use std::collections::HashMap;
use std::path::Path;

use serde::{Deserialize, Serialize};
use tenon_syntax::{Language, SourceFile, SymbolKind};

use crate::terms::each_term;
use crate::walk::{LARGEST_READ, Seen};

/// One file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct FileRecord {
    pub path: String,
    pub size: u64,
    pub modified: u64,
    /// Whether it is UTF-8 text of a size that is read.
    pub readable: bool,
    pub symbols: Vec<SymbolRecord>,
    /// Names used in the file: how often, and the first line.
    pub references: Vec<(String, u32, u32)>,
    /// Terms of the whole file with their counts.
    pub terms: Vec<(String, u16)>,
    /// Terms in all.
    pub length: u32,
}

/// One symbol.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct SymbolRecord {
    pub name: String,
    pub qualified_name: String,
    pub kind: SymbolKind,
    pub signature: String,
    pub doc: Option<String>,
    pub line: u32,
    pub end_line: u32,
    /// The symbol's bytes, documentation included.
    pub start: u32,
    pub end: u32,
    pub terms: Vec<(String, u16)>,
    pub length: u32,
}

/// Terms of a name or signature count this often: they say more than a body does.
const NAME_WEIGHT: u16 = 4;

impl FileRecord {
    /// Reads a file. What cannot be read or parsed is remembered as a path alone.
    pub fn read(root: &Path, seen: &Seen) -> Self {
        let mut record = Self {
            path: seen.path.to_string(),
            size: seen.size,
            modified: seen.modified,
            readable: false,
            symbols: Vec::new(),
            references: Vec::new(),
            terms: Vec::new(),
            length: 0,
        };
        let mut counts = Counts::default();
        counts.add(seen.path.as_str(), NAME_WEIGHT);
        if let Some(text) = read_text(root, seen) {
            record.readable = true;
            match Language::of_path(&seen.path).map(|language| SourceFile::parse(language, text.as_str())) {
                Some(Ok(file)) => {
                    record.symbols = symbols(&file);
                    record.references = references(&file);
                }
                _ => counts.add(head(&text), 1),
            }
        }
        (record.terms, record.length) = counts.finish();
        record
    }
}

/// The beginning of a text that is not code: enough to find it by.
fn head(text: &str) -> &str {
    let mut end = text.len().min(4096);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text.get(..end).unwrap_or_default()
}

fn read_text(root: &Path, seen: &Seen) -> Option<String> {
    if seen.size > LARGEST_READ {
        return None;
    }
    let text = String::from_utf8(std::fs::read(seen.path.under(root)).ok()?).ok()?;
    (!text.contains('\0')).then_some(text)
}

fn symbols(file: &SourceFile) -> Vec<SymbolRecord> {
    let number = |value: usize| u32::try_from(value).unwrap_or(u32::MAX);
    file.symbols()
        .iter()
        .map(|symbol| {
            let mut counts = Counts::default();
            counts.add(&symbol.qualified_name, NAME_WEIGHT);
            counts.add(&symbol.signature, 1);
            if let Some(doc) = &symbol.doc {
                counts.add(doc, 2);
            }
            let inner = file.symbols().iter().any(|other| {
                other.parent.is_some_and(|parent| {
                    file.symbols()
                        .get(parent)
                        .is_some_and(|parent| parent.span == symbol.span)
                })
            });
            // The bodies of methods count for the methods, not once more for their class.
            if !inner && let Some(body) = symbol.body_span {
                counts.add(head(file.slice(body)), 1);
            }
            let (terms, length) = counts.finish();
            SymbolRecord {
                name: symbol.name.clone(),
                qualified_name: symbol.qualified_name.clone(),
                kind: symbol.kind,
                signature: symbol.signature.chars().take(300).collect(),
                doc: symbol.doc.as_ref().and_then(|doc| {
                    doc.lines()
                        .map(str::trim)
                        .find(|line| !line.is_empty())
                        .map(str::to_owned)
                }),
                line: symbol.line,
                end_line: symbol.end_line,
                start: number(symbol.span.start),
                end: number(symbol.span.end),
                terms,
                length,
            }
        })
        .collect()
}

fn references(file: &SourceFile) -> Vec<(String, u32, u32)> {
    let mut counts: HashMap<&str, (u32, u32)> = HashMap::new();
    for reference in file.references() {
        counts.entry(reference.name).or_insert((0, reference.line)).0 += 1;
    }
    let mut all: Vec<_> = counts
        .into_iter()
        .map(|(name, (count, line))| (name.to_owned(), count, line))
        .collect();
    all.sort();
    all
}

#[derive(Default)]
struct Counts(HashMap<String, u16>);

impl Counts {
    fn add(&mut self, text: &str, weight: u16) {
        each_term(text, |term| match self.0.get_mut(term) {
            Some(count) => *count = count.saturating_add(weight),
            None => {
                self.0.insert(term.to_owned(), weight);
            }
        });
    }

    fn finish(self) -> (Vec<(String, u16)>, u32) {
        let length = self.0.values().map(|count| u32::from(*count)).sum();
        let mut terms: Vec<_> = self.0.into_iter().collect();
        terms.sort();
        (terms, length)
    }
}
