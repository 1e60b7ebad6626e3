//! What of a repository a wish is about: words first, then what those places use and are used by.

use std::collections::HashMap;

use serde::Serialize;
use tenon_domain::RepoPath;
use tenon_syntax::SymbolKind;

use crate::index::{Index, definition};
use crate::terms::terms_of;

/// A file and how well it fits.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RankedFile {
    /// The file.
    pub path: RepoPath,
    /// Higher fits better; comparable within one answer.
    pub score: f32,
    /// Why, in words.
    pub reasons: Vec<String>,
}

/// A symbol and how well it fits.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RankedSymbol {
    /// The file.
    pub path: RepoPath,
    /// The name with its containers.
    pub qualified_name: String,
    /// 1-based first line.
    pub line: u32,
    /// 1-based last line.
    pub end_line: u32,
    /// Higher fits better; comparable within one answer.
    pub score: f32,
    /// Why, in words.
    pub reasons: Vec<String>,
}

/// A piece of the repository for a prompt.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Snippet {
    /// The file.
    pub path: RepoPath,
    /// The symbol it shows, if it shows one.
    pub symbol: Option<String>,
    /// 1-based first and last line.
    pub lines: (u32, u32),
    /// The text.
    pub text: String,
    /// What it is.
    pub kind: SnippetKind,
    /// Higher fits better; comparable within one answer.
    pub score: f32,
    /// Why, in words.
    pub reasons: Vec<String>,
}

/// What a snippet shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum SnippetKind {
    /// A whole symbol.
    Definition,
    /// A symbol's first lines.
    Outline,
    /// The beginning of a file without symbols.
    Text,
}

/// Parameters of BM25 (Robertson and Zaragoza, 2009).
const K1: f32 = 1.2;
const B: f32 = 0.6;

/// A definition of at most this many lines is shown whole.
const WHOLE_LINES: u32 = 60;

struct Scored {
    file: usize,
    symbol: usize,
    score: f32,
    reasons: Vec<String>,
}

impl Index {
    /// Symbols that fit `query`, best first.
    pub fn rank_symbols(&self, query: &str, limit: usize) -> Vec<RankedSymbol> {
        self.score_symbols(query)
            .into_iter()
            .filter_map(|scored| {
                let (file, symbol) = self.symbol(scored.file, scored.symbol)?;
                let found = definition(file, symbol)?;
                Some(RankedSymbol {
                    path: found.path,
                    qualified_name: found.qualified_name,
                    line: found.line,
                    end_line: found.end_line,
                    score: scored.score,
                    reasons: scored.reasons,
                })
            })
            .take(limit)
            .collect()
    }

    /// Files that fit `query`, best first: by their symbols, their path and what they say.
    pub fn rank_files(&self, query: &str, limit: usize) -> Vec<RankedFile> {
        let mut scores: HashMap<usize, (f32, Vec<String>)> = HashMap::new();
        for (rank, scored) in self.score_symbols(query).into_iter().take(40).enumerate() {
            let entry = scores.entry(scored.file).or_default();
            // The best symbol counts in full, the others as company.
            entry.0 += if entry.1.is_empty() {
                scored.score
            } else {
                scored.score * 0.15
            };
            if rank < 10
                && entry.1.len() < 3
                && let Some((_, symbol)) = self.symbol(scored.file, scored.symbol)
            {
                entry.1.push(format!("holds {}", symbol.qualified_name));
            }
        }
        let terms = terms_of(query);
        let weights = self.weights(&terms, |index| {
            index.files.iter().map(|file| file.terms.as_slice()).collect()
        });
        let average = average(self.files.iter().map(|file| file.length));
        for (number, file) in self.files.iter().enumerate() {
            let (score, matched) = bm25(&file.terms, file.length, average, &terms, &weights);
            if score > 0.0 {
                let entry = scores.entry(number).or_default();
                entry.0 += score * 0.7;
                entry.1.push(format!("matches {}", matched.join(", ")));
            }
            let name = file.path.rsplit('/').next().unwrap_or(&file.path);
            if mentions(query, &file.path) || mentions(query, name) {
                let entry = scores.entry(number).or_default();
                entry.0 += 20.0;
                entry.1.insert(0, "named in the query".to_owned());
            }
        }
        let mut ranked: Vec<RankedFile> = scores
            .into_iter()
            .filter_map(|(number, (score, reasons))| {
                let file = self.files.get(number)?;
                let score = if is_test(&file.path) && !query.to_lowercase().contains("test") {
                    score * 0.4
                } else {
                    score
                };
                Some(RankedFile {
                    path: RepoPath::parse(&file.path).ok()?,
                    score,
                    reasons,
                })
            })
            .collect();
        ranked.sort_by(|one, other| {
            other
                .score
                .total_cmp(&one.score)
                .then_with(|| one.path.cmp(&other.path))
        });
        ranked.truncate(limit);
        ranked
    }

    /// Pieces of the repository for a prompt about `query`, best first.
    pub fn search(&self, query: &str, limit: usize) -> Vec<Snippet> {
        let mut snippets: Vec<Snippet> = Vec::new();
        for ranked in self.rank_symbols(query, limit * 2) {
            let covered = snippets.iter().any(|known| {
                known.path == ranked.path && known.lines.0 <= ranked.line && ranked.end_line <= known.lines.1
            });
            if !covered && let Some(snippet) = self.snippet(ranked) {
                snippets.push(snippet);
            }
        }
        for file in self.rank_files(query, limit) {
            if snippets.iter().any(|known| known.path == file.path) || !self.symbols_in(&file.path).is_empty()
            {
                continue;
            }
            let Some(text) = self.file_text(&file.path) else {
                continue;
            };
            let text: Vec<&str> = text.lines().take(20).collect();
            snippets.push(Snippet {
                lines: (1, u32::try_from(text.len()).unwrap_or(1)),
                text: text.join("\n"),
                path: file.path,
                symbol: None,
                kind: SnippetKind::Text,
                score: file.score,
                reasons: file.reasons,
            });
        }
        snippets.sort_by(|one, other| other.score.total_cmp(&one.score));
        snippets.truncate(limit);
        snippets
    }

    fn snippet(&self, ranked: RankedSymbol) -> Option<Snippet> {
        let text = self.file_text(&ranked.path)?;
        let length = ranked.end_line.saturating_sub(ranked.line) + 1;
        let (kind, shown) = if length <= WHOLE_LINES {
            (SnippetKind::Definition, length)
        } else {
            (SnippetKind::Outline, 12)
        };
        let lines: Vec<&str> = text
            .lines()
            .skip(ranked.line.saturating_sub(1) as usize)
            .take(shown as usize)
            .collect();
        Some(Snippet {
            lines: (ranked.line, ranked.line + shown - 1),
            text: lines.join("\n"),
            path: ranked.path,
            symbol: Some(ranked.qualified_name),
            kind,
            score: ranked.score,
            reasons: ranked.reasons,
        })
    }

    fn score_symbols(&self, query: &str) -> Vec<Scored> {
        let terms = terms_of(query);
        let weights = self.weights(&terms, |index| {
            index
                .files
                .iter()
                .flat_map(|file| &file.symbols)
                .map(|symbol| symbol.terms.as_slice())
                .collect()
        });
        let average = average(
            self.files
                .iter()
                .flat_map(|file| &file.symbols)
                .map(|symbol| symbol.length),
        );
        let asks_for_tests = query.to_lowercase().contains("test");
        let mut scored: Vec<Scored> = Vec::new();
        for (number, file) in self.files.iter().enumerate() {
            let test = is_test(&file.path) && !asks_for_tests;
            for (index, symbol) in file.symbols.iter().enumerate() {
                let (mut score, matched) = bm25(&symbol.terms, symbol.length, average, &terms, &weights);
                let mut reasons = Vec::new();
                if symbol.name.len() > 2 && mentions(query, &symbol.name) {
                    // A word that is also a name may be meant as a word; a name that looks like code is not.
                    let code_like = symbol.name.contains('_')
                        || symbol.name.chars().skip(1).any(char::is_uppercase)
                        || query.contains(&format!("{}(", symbol.name))
                        || query.contains(&format!("`{}`", symbol.name));
                    score += if code_like { 12.0 } else { 4.0 };
                    reasons.push("named in the query".to_owned());
                }
                if score <= 0.0 {
                    continue;
                }
                if !matched.is_empty() {
                    reasons.push(format!("matches {}", matched.join(", ")));
                }
                let kind_weight = match symbol.kind {
                    SymbolKind::Module | SymbolKind::Variable | SymbolKind::Implementation => 0.5,
                    _ => 1.0,
                };
                let score = score * kind_weight * if test { 0.3 } else { 1.0 };
                scored.push(Scored {
                    file: number,
                    symbol: index,
                    score,
                    reasons,
                });
            }
        }
        scored.sort_by(by_score);
        self.spread(&mut scored);
        scored.sort_by(by_score);
        scored
    }

    /// One step over the reference graph: what the best symbols use, and the files that use them, gains.
    fn spread(&self, scored: &mut Vec<Scored>) {
        let mut gains: HashMap<(usize, usize), (f32, String)> = HashMap::new();
        for best in scored.iter().take(6) {
            let Some((file, symbol)) = self.symbol(best.file, best.symbol) else {
                continue;
            };
            for (name, _, _) in &file.references {
                let places = self.places_of(name);
                if places.len() > 4 || !symbol.terms.iter().any(|(term, _)| terms_of(name).contains(term)) {
                    continue;
                }
                for place in places.iter().filter(|place| **place != (best.file, best.symbol)) {
                    let gain = best.score * 0.15;
                    let entry = gains
                        .entry(*place)
                        .or_insert((0.0, format!("used by {}", symbol.qualified_name)));
                    entry.0 = entry.0.max(gain);
                }
            }
        }
        for (place, (gain, reason)) in gains {
            match scored
                .iter_mut()
                .find(|scored| (scored.file, scored.symbol) == place)
            {
                Some(known) => {
                    known.score += gain;
                    known.reasons.push(reason);
                }
                None => scored.push(Scored {
                    file: place.0,
                    symbol: place.1,
                    score: gain,
                    reasons: vec![reason],
                }),
            }
        }
    }

    /// Inverse document frequencies of the terms.
    #[expect(clippy::cast_precision_loss, reason = "counts of symbols are small")]
    fn weights<'index>(
        &'index self,
        terms: &[String],
        documents: impl FnOnce(&'index Self) -> Vec<&'index [(String, u16)]>,
    ) -> Vec<f32> {
        let documents = documents(self);
        let total = documents.len() as f32;
        terms
            .iter()
            .map(|term| {
                let holding = documents.iter().filter(|terms| count(terms, term) > 0).count() as f32;
                ((total - holding + 0.5) / (holding + 0.5)).ln_1p()
            })
            .collect()
    }
}

fn by_score(one: &Scored, other: &Scored) -> std::cmp::Ordering {
    other
        .score
        .total_cmp(&one.score)
        .then_with(|| (one.file, one.symbol).cmp(&(other.file, other.symbol)))
}

fn count(terms: &[(String, u16)], term: &str) -> u16 {
    terms
        .binary_search_by(|(known, _)| known.as_str().cmp(term))
        .ok()
        .and_then(|at| terms.get(at))
        .map_or(0, |(_, count)| *count)
}

#[expect(clippy::cast_precision_loss, reason = "lengths are small")]
fn bm25(
    document: &[(String, u16)],
    length: u32,
    average: f32,
    terms: &[String],
    weights: &[f32],
) -> (f32, Vec<String>) {
    let mut score = 0.0;
    let mut matched = Vec::new();
    for (term, weight) in terms.iter().zip(weights) {
        let frequency = f32::from(count(document, term));
        if frequency > 0.0 {
            let norm = K1 * (1.0 - B + B * length as f32 / average);
            score += weight * frequency * (K1 + 1.0) / (frequency + norm);
            matched.push(term.clone());
        }
    }
    (score, matched)
}

#[expect(clippy::cast_precision_loss, reason = "lengths are small")]
fn average(lengths: impl Iterator<Item = u32>) -> f32 {
    let (sum, count) = lengths.fold((0_u64, 0_u64), |(sum, count), length| {
        (sum + u64::from(length), count + 1)
    });
    if count == 0 {
        1.0
    } else {
        (sum as f32 / count as f32).max(1.0)
    }
}

/// Whether `text` holds `name` as a word of its own.
fn mentions(text: &str, name: &str) -> bool {
    let part = |character: char| character.is_alphanumeric() || character == '_';
    text.match_indices(name).any(|(at, _)| {
        let before = text.get(..at).and_then(|before| before.chars().next_back());
        let after = text.get(at + name.len()..).and_then(|after| after.chars().next());
        !before.is_some_and(part) && !after.is_some_and(part)
    })
}

fn is_test(path: &str) -> bool {
    let path = path.to_lowercase();
    path.split('/')
        .any(|part| matches!(part, "test" | "tests" | "__tests__" | "spec"))
        || path.rsplit('/').next().is_some_and(|name| {
            name.starts_with("test_") || name.contains(".test.") || name.contains("_test.")
        })
}
