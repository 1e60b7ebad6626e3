use std::borrow::Cow;
use std::collections::{HashMap, HashSet};
use std::fmt;
use std::sync::Arc;

use aho_corasick::{AhoCorasick, MatchKind};
use tenon_secrets::{Kind, Span, is_credential, merge};

use crate::finding::Finding;
use crate::placeholder::{Known, Tag, collect_tags};
use crate::redactor::Redactor;
use crate::restorer::Restorer;

/// One conversation: what was replaced in it, and how it comes back.
///
/// The same texts in the same order are always redacted the same way, so that caches of prompts go on working.
pub struct Session {
    redactor: Redactor,
    known: Arc<Known>,
    placeholders: HashMap<String, String>,
    numbers: HashMap<Kind, usize>,
    /// Tags of other placeholders in what was redacted before there was a tag.
    taken: HashSet<String>,
    /// Values that were found by their context, and are to be found without it.
    repeated: Repeated,
    findings: Vec<Finding>,
}

#[derive(Default)]
struct Repeated {
    values: HashSet<String>,
    automaton: Option<AhoCorasick>,
}

impl Session {
    pub(crate) fn new(redactor: Redactor) -> Self {
        Self {
            redactor,
            known: Arc::default(),
            placeholders: HashMap::new(),
            numbers: HashMap::new(),
            taken: HashSet::new(),
            repeated: Repeated::default(),
            findings: Vec::new(),
        }
    }

    /// `text` with placeholders for secrets and personal data. What looks like a placeholder of this session is replaced,
    /// too, so that it comes back as itself.
    ///
    /// Text is expected as people read it: unpack JSON before, and pack it after.
    pub fn redact<'text>(&mut self, text: &'text str) -> Cow<'text, str> {
        let mut spans = self.redactor.scan(text);
        self.repeated.learn(text, &spans);
        self.repeated.find(text, &mut spans);
        self.find_lookalikes(text, &mut spans);
        let spans = merge(spans);
        if spans.is_empty() {
            return Cow::Borrowed(text);
        }
        Cow::Owned(self.replace(text, &spans))
    }

    /// `text` with every placeholder of this session turned into what it stands for. All else stays, also placeholders of
    /// other sessions.
    pub fn restore<'text>(&self, text: &'text str) -> Cow<'text, str> {
        if !self.known.concerns(text) {
            return Cow::Borrowed(text);
        }
        let mut restored = String::with_capacity(text.len());
        self.known.restore(text, false, &mut restored);
        Cow::Owned(restored)
    }

    /// Restores an answer that arrives in pieces, with what is known by now.
    #[must_use]
    pub fn restorer(&self) -> Restorer {
        Restorer::new(Arc::clone(&self.known))
    }

    /// What was replaced so far, for an audit log.
    #[must_use]
    pub fn findings(&self) -> &[Finding] {
        &self.findings
    }

    fn find_lookalikes(&mut self, text: &str, spans: &mut Vec<Span>) {
        if self.known.tag().is_none() {
            collect_tags(text, &mut self.taken);
            // What stands before the first finding is sent as it is, and changes least from one request to the next.
            let Some(first) = spans.iter().map(|span| span.start).min() else {
                return;
            };
            let seed = text.get(..first).unwrap_or("");
            Arc::make_mut(&mut self.known).set_tag(Tag::choose(seed, &self.taken));
        }
        let lookalikes = self.known.tag().map(|tag| tag.lookalikes(text));
        spans.extend(
            lookalikes
                .into_iter()
                .flatten()
                .map(|range| Span::new(range, Kind::Lookalike)),
        );
    }

    fn replace(&mut self, text: &str, spans: &[Span]) -> String {
        let mut redacted = String::with_capacity(text.len());
        let mut at = 0;
        for span in spans {
            redacted.push_str(text.get(at..span.start).unwrap_or(""));
            redacted.push_str(&self.placeholder(span.kind, span.of(text)));
            self.count(span.kind);
            at = span.end;
        }
        redacted.push_str(text.get(at..).unwrap_or(""));
        redacted
    }

    fn placeholder(&mut self, kind: Kind, value: &str) -> String {
        if let Some(placeholder) = self.placeholders.get(value) {
            return placeholder.clone();
        }
        let number = self.numbers.entry(kind).or_default();
        *number += 1;
        let placeholder = self
            .known
            .tag()
            .map(|tag| tag.placeholder(kind, *number))
            .unwrap_or_default();
        Arc::make_mut(&mut self.known).insert(placeholder.clone(), value.to_owned());
        self.placeholders.insert(value.to_owned(), placeholder.clone());
        placeholder
    }

    fn count(&mut self, kind: Kind) {
        match self.findings.iter_mut().find(|finding| finding.kind == kind) {
            Some(finding) => finding.count += 1,
            None => self.findings.push(Finding { kind, count: 1 }),
        }
    }
}

impl fmt::Debug for Session {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = formatter.debug_struct("Session");
        shown.field("findings", &self.findings).finish_non_exhaustive()
    }
}

impl Repeated {
    /// Remembers what would not be found elsewhere. What is no more than a word would be found in places that mean
    /// something else.
    fn learn(&mut self, text: &str, spans: &[Span]) {
        for span in spans.iter().filter(|span| span.kind.needs_context()) {
            let value = span.of(text);
            if is_credential(value) && self.values.insert(value.to_owned()) {
                self.automaton = None;
            }
        }
    }

    fn find(&mut self, text: &str, spans: &mut Vec<Span>) {
        if self.values.is_empty() {
            return;
        }
        if self.automaton.is_none() {
            let builder = AhoCorasick::builder()
                .match_kind(MatchKind::LeftmostLongest)
                .build(&self.values);
            self.automaton = builder.ok();
        }
        let matches = self
            .automaton
            .iter()
            .flat_map(|automaton| automaton.find_iter(text));
        // The value has its placeholder by the time that this kind could name one.
        spans.extend(matches.map(|found| Span::new(found.range(), Kind::Credential)));
    }
}
