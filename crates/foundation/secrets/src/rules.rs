//! What gives secrets and personal data away, as tables.

mod blocks;
mod credentials;
mod email;
mod national;
mod vendors;

use std::ops::Range;
use std::sync::LazyLock;

use aho_corasick::{AhoCorasick, AhoCorasickKind};
use regex::Regex;

use crate::boundary::{ends_word, starts_word, window};
use crate::kind::Kind;
use crate::scan::Settings;
use crate::span::Span;

/// One way to find one kind.
struct Rule {
    kind: Kind,
    /// What stands in every match, in any case. It is looked for first, because that is fast.
    anchors: &'static [&'static str],
    find: Find,
}

/// How to read on from an anchor.
enum Find {
    /// The pattern begins where the anchor does. The value is the first group that took part, else everything.
    Pattern(Pattern),
    /// A function of the text and the place of the anchor.
    Function(fn(&str, usize) -> Option<Range<usize>>),
}

struct Pattern {
    text: String,
    /// Whether a word must begin at the anchor.
    starts_word: bool,
    holds: fn(&str) -> bool,
}

/// What one anchor may cost is bounded: a marked token is no longer than this,
const LONGEST_TOKEN: usize = 1024;
/// and a value no longer than this, with its name.
const LONGEST_VALUE: usize = 512;

/// Compiles everything now instead of with the first text.
pub(crate) fn prepare() {
    LazyLock::force(&TABLE);
}

/// Adds what the tables find in `text`.
pub(crate) fn find(text: &str, settings: Settings, spans: &mut Vec<Span>) {
    let Some(table) = &*TABLE else { return };
    for hit in table.anchors.find_overlapping_iter(text) {
        let owner = table.owners.get(hit.pattern().as_usize());
        let Some(rule) = owner.and_then(|owner| table.rules.get(*owner)) else {
            continue;
        };
        if settings.wants(rule.kind)
            && let Some(range) = rule.value(text, hit.start())
        {
            spans.push(Span::new(range, rule.kind));
        }
    }
}

/// `None` if a table is wrong, which a test rules out.
static TABLE: LazyLock<Option<Table>> = LazyLock::new(|| Table::compile(all_rules()));

struct Table {
    anchors: AhoCorasick,
    /// The rule of each anchor.
    owners: Vec<usize>,
    rules: Vec<Compiled>,
}

struct Compiled {
    kind: Kind,
    find: CompiledFind,
}

enum CompiledFind {
    Pattern {
        regex: Regex,
        starts_word: bool,
        holds: fn(&str) -> bool,
    },
    Function(fn(&str, usize) -> Option<Range<usize>>),
}

fn all_rules() -> Vec<Rule> {
    let tables = [
        vendors::rules(),
        blocks::rules(),
        credentials::rules(),
        email::rules(),
        national::rules(),
    ];
    tables.into_iter().flatten().collect()
}

impl Table {
    fn compile(rules: Vec<Rule>) -> Option<Self> {
        let mut owners = Vec::new();
        let mut anchors: Vec<&str> = Vec::new();
        for (index, rule) in rules.iter().enumerate() {
            owners.extend(rule.anchors.iter().map(|_| index));
            anchors.extend(rule.anchors);
        }
        let automaton = AhoCorasick::builder()
            .ascii_case_insensitive(true)
            .kind(Some(AhoCorasickKind::DFA))
            .build(anchors);
        Some(Self {
            anchors: automaton.ok()?,
            owners,
            rules: rules.into_iter().map(Compiled::new).collect::<Option<_>>()?,
        })
    }
}

impl Compiled {
    fn new(rule: Rule) -> Option<Self> {
        let find = match rule.find {
            Find::Function(function) => CompiledFind::Function(function),
            Find::Pattern(pattern) => CompiledFind::Pattern {
                regex: Regex::new(&format!(r"\A(?:{})", pattern.text)).ok()?,
                starts_word: pattern.starts_word,
                holds: pattern.holds,
            },
        };
        Some(Self {
            kind: rule.kind,
            find,
        })
    }

    fn value(&self, text: &str, at: usize) -> Option<Range<usize>> {
        match &self.find {
            CompiledFind::Function(function) => function(text, at),
            CompiledFind::Pattern {
                regex,
                starts_word: word,
                holds,
            } => {
                if *word && !starts_word(text, at) {
                    return None;
                }
                let longest = if *word { LONGEST_TOKEN } else { LONGEST_VALUE };
                let range = value_in(regex, window(text, at, longest))?;
                let range = at + range.start..at + range.end;
                let value = text.get(range.clone())?;
                (ends_word(text, range.end) && holds(value)).then_some(range)
            }
        }
    }
}

fn value_in(regex: &Regex, window: &str) -> Option<Range<usize>> {
    // Groups cost more than the match, and most anchors lead to none.
    let whole = regex.find(window)?;
    if regex.captures_len() == 1 {
        return Some(whole.range());
    }
    let captures = regex.captures(window)?;
    captures
        .iter()
        .skip(1)
        .flatten()
        .next()
        .map(|group| group.range())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_rule_compiles() {
        let rules = all_rules();
        assert!(rules.len() > 60);
        for rule in rules {
            let anchors = rule.anchors;
            assert!(
                !anchors.is_empty() && Compiled::new(rule).is_some(),
                "{anchors:?}"
            );
        }
        assert!(TABLE.is_some());
    }
}
