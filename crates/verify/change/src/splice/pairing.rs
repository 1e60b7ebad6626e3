//! Which symbol of a reply means which symbol of the file.

mod homes;

use std::collections::BTreeMap;

use tenon_syntax::{Language, SourceFile, Symbol, SymbolKind};

use super::{SpliceScope, names};
use crate::tokens;

/// The partners of a reply's symbols.
#[derive(Debug, Default)]
pub(super) struct Pairing {
    /// Reply symbol → symbol of the file.
    partners: BTreeMap<usize, usize>,
    /// Reply symbols that a later definition of the same name replaces.
    superseded: Vec<usize>,
    /// Bare methods at the reply's top level → the container of the file they belong to.
    homes: BTreeMap<usize, usize>,
}

impl Pairing {
    pub(super) fn of(original: &SourceFile, reply: &SourceFile, scope: &SpliceScope) -> Self {
        let mut pairing = Self::default();
        let mut level = Level {
            original,
            reply,
            scope,
        };
        level.pair(None, &[None], &mut pairing, 0);
        pairing.find_homes(original, reply, scope);
        pairing
    }

    pub(super) fn partner(&self, reply: usize) -> Option<usize> {
        self.partners.get(&reply).copied()
    }

    pub(super) fn is_superseded(&self, reply: usize) -> bool {
        self.superseded.contains(&reply)
    }

    pub(super) fn home(&self, reply: usize) -> Option<usize> {
        self.homes.get(&reply).copied()
    }

    pub(super) fn has_partner_in_reply(&self, original: usize) -> bool {
        self.partners.values().any(|partner| *partner == original)
    }
}

struct Level<'files> {
    original: &'files SourceFile,
    reply: &'files SourceFile,
    scope: &'files SpliceScope,
}

impl Level<'_> {
    /// Pairs the members of `reply_parent` with the members of the `original_parents`, and so on inwards.
    fn pair(
        &mut self,
        reply_parent: Option<usize>,
        original_parents: &[Option<usize>],
        pairing: &mut Pairing,
        depth: usize,
    ) {
        if depth > 40 {
            return;
        }
        let of_reply = members(self.reply, &[reply_parent]);
        let of_original = members(self.original, original_parents);
        let mut by_key: BTreeMap<String, Vec<usize>> = BTreeMap::new();
        for index in &of_reply {
            if let Some(symbol) = self.reply.symbols().get(*index) {
                by_key.entry(key(symbol)).or_default().push(*index);
            }
        }
        for (key_of_reply, mut candidates) in by_key {
            let mut namesakes: Vec<usize> = of_original
                .iter()
                .copied()
                .filter(|index| {
                    self.original
                        .symbols()
                        .get(*index)
                        .is_some_and(|symbol| key(symbol) == key_of_reply)
                })
                .collect();
            self.pair_namesakes(&mut candidates, &mut namesakes, pairing);
        }
        let containers: Vec<usize> = of_reply
            .into_iter()
            .filter(|index| {
                self.reply
                    .symbols()
                    .get(*index)
                    .is_some_and(|symbol| symbol.kind.is_container())
            })
            .collect();
        for container in containers {
            let Some(partner) = pairing.partner(container) else {
                continue;
            };
            // The members of a type may be spread over several `impl` blocks of the file.
            let mut parents = vec![Some(partner)];
            if let Some(symbol) = self.original.symbols().get(partner)
                && symbol.kind == SymbolKind::Implementation
            {
                let same = of_original.iter().copied().filter(|other| {
                    *other != partner
                        && self
                            .original
                            .symbols()
                            .get(*other)
                            .is_some_and(|other| key(other) == key(symbol))
                });
                parents.extend(same.map(Some));
            }
            self.pair(Some(container), &parents, pairing, depth + 1);
        }
    }

    fn pair_namesakes(&self, candidates: &mut Vec<usize>, namesakes: &mut Vec<usize>, pairing: &mut Pairing) {
        let overloads = matches!(
            self.reply.language(),
            Language::Java | Language::TypeScript | Language::Tsx
        );
        let attributes = namesakes.len() > 1;
        type Alike = fn(&SourceFile, &Symbol, &SourceFile, &Symbol) -> bool;
        // From the surest sign to the weakest.
        let signs: [Alike; 4] = [
            |left_file, left, right_file, right| {
                same_signature(left, right) && decorators(left_file, left) == decorators(right_file, right)
            },
            |left_file, left, right_file, right| {
                same_kind(left, right)
                    && decorators(left_file, left) == decorators(right_file, right)
                    && !decorators(left_file, left).is_empty()
            },
            |_, left, _, right| same_signature(left, right),
            |_, left, _, right| same_kind(left, right) && left.parameters.len() == right.parameters.len(),
        ];
        for alike in signs {
            if !attributes && !overloads {
                break;
            }
            candidates.retain(|candidate| {
                let Some(symbol) = self.reply.symbols().get(*candidate) else {
                    return false;
                };
                let found = namesakes.iter().position(|namesake| {
                    self.original
                        .symbols()
                        .get(*namesake)
                        .is_some_and(|other| alike(self.reply, symbol, self.original, other))
                });
                match found {
                    Some(position) => {
                        pairing.partners.insert(*candidate, namesakes.remove(position));
                        false
                    }
                    None => true,
                }
            });
        }
        if overloads
            && self
                .reply
                .symbols()
                .get(candidates.first().copied().unwrap_or(usize::MAX))
                .is_some_and(|symbol| {
                    let named = self
                        .scope
                        .editable
                        .iter()
                        .flatten()
                        .any(|name| names::means_or_holds(name, symbol));
                    self.reply.language() == Language::Java && symbol.kind == SymbolKind::Method && !named
                })
        {
            // Another parameter list of a Java method is another method.
            return;
        }
        // Python's and Rust's last definition is the one that counts.
        while candidates.len() > namesakes.len().max(1) && !overloads {
            pairing.superseded.push(candidates.remove(0));
        }
        for (candidate, namesake) in candidates.iter().rev().zip(namesakes.iter().rev()) {
            pairing.partners.insert(*candidate, *namesake);
        }
    }
}

fn members(file: &SourceFile, parents: &[Option<usize>]) -> Vec<usize> {
    (0..file.symbols().len())
        .filter(|index| {
            file.symbols()
                .get(*index)
                .is_some_and(|symbol| parents.contains(&symbol.parent))
        })
        .collect()
}

/// What namesakes share: the name, for top-level items with the type in front of it, and for `impl` blocks the trait.
fn key(symbol: &Symbol) -> String {
    match symbol.kind {
        SymbolKind::Implementation => format!("impl {}", implementation(&symbol.signature)),
        SymbolKind::Module => format!("mod {}", symbol.name),
        _ if symbol.parent.is_none() => symbol.qualified_name.clone(),
        _ => symbol.name.clone(),
    }
}

/// `Display for Stack` out of `impl<T: Clone> fmt::Display for Stack<T> where …`.
fn implementation(signature: &str) -> String {
    let mut depth = 0_usize;
    let mut bare = String::new();
    for character in signature
        .trim_start_matches("unsafe ")
        .trim_start_matches("impl")
        .chars()
    {
        match character {
            '<' => depth += 1,
            '>' => depth = depth.saturating_sub(1),
            _ if depth == 0 => bare.push(character),
            _ => {}
        }
    }
    let bare = bare.split(" where").next().unwrap_or(&bare);
    let parts: Vec<&str> = bare
        .split(" for ")
        .map(|part| part.rsplit("::").next().unwrap_or(part).trim())
        .collect();
    parts.join(" for ")
}

fn same_kind(left: &Symbol, right: &Symbol) -> bool {
    left.kind == right.kind || (left.kind.is_callable() && right.kind.is_callable())
}

fn same_signature(left: &Symbol, right: &Symbol) -> bool {
    let plain = |symbol: &Symbol| -> String {
        symbol
            .signature
            .chars()
            .filter(|character| !character.is_whitespace())
            .collect()
    };
    same_kind(left, right) && plain(left) == plain(right)
}

fn decorators(file: &SourceFile, symbol: &Symbol) -> String {
    let end = symbol.item_start;
    tokens::of_span(file, tenon_syntax::Span::new(symbol.definition_span.start, end))
}
