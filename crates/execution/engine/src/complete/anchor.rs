//! A place in a buffer that is found again after a few keys.

use tenon_domain::RepoPath;
use tenon_runtime::CacheScope;

use super::place::{Place, first_bytes, last_bytes};

/// A cursor, by what stands around it.
#[derive(Debug)]
pub(super) struct Anchor {
    scope: CacheScope,
    path: RepoPath,
    /// Bytes before the cursor, and the end of them.
    before: usize,
    tail: String,
    /// Bytes behind the cursor, and the beginning of them.
    after: usize,
    head: String,
}

/// Two buffers of the same path and lengths that agree this far around the cursor are one.
const NEAR: usize = 2048;

/// What happened at an anchor meanwhile.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Since<'text> {
    /// What was typed.
    pub typed: &'text str,
    /// What the editor closed behind the cursor.
    pub closed: &'text str,
}

impl Anchor {
    pub fn new(scope: &CacheScope, path: &RepoPath, place: &Place<'_>) -> Self {
        Self {
            scope: scope.clone(),
            path: path.clone(),
            before: place.before.len(),
            tail: last_bytes(place.before, NEAR).to_owned(),
            after: place.after.len(),
            head: first_bytes(place.after, NEAR).to_owned(),
        }
    }

    pub fn scope(&self) -> &CacheScope {
        &self.scope
    }

    /// What was typed between here and `place`; `None` when anything else changed.
    pub fn since<'text>(
        &self,
        scope: &CacheScope,
        path: &RepoPath,
        place: &Place<'text>,
    ) -> Option<Since<'text>> {
        if &self.scope != scope || &self.path != path {
            return None;
        }
        let (before, typed) = place.before.split_at_checked(self.before)?;
        let (closed, after) = place
            .after
            .split_at_checked(place.after.len().checked_sub(self.after)?)?;
        let is_same = before.ends_with(&self.tail) && after.starts_with(&self.head);
        (is_same && is_closing(closed, typed)).then_some(Since { typed, closed })
    }
}

/// Editors close a bracket or a quotation mark when it is opened: whether that explains what stands behind the cursor.
fn is_closing(closed: &str, typed: &str) -> bool {
    let pairs = [
        ('(', ')'),
        ('[', ']'),
        ('{', '}'),
        ('"', '"'),
        ('\'', '\''),
        ('`', '`'),
    ];
    closed.chars().all(|closer| {
        pairs
            .iter()
            .any(|(open, close)| *close == closer && typed.contains(*open))
    })
}
