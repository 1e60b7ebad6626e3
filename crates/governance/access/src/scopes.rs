use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::Action;
use crate::action::listed;

const EVERYTHING: &str = "*";
const REPOSITORY: &str = "repository:";

/// What a key is limited to: actions, repositories, both or nothing.
///
/// Scopes only narrow what the principal may do. They are written as a list of `jobs:create`, `repository:NAME` and so
/// on; several actions or several repositories mean any of them, and `*` alone sets no limit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Vec<String>", into = "Vec<String>")]
pub struct Scopes {
    /// `None` sets no limit.
    actions: Option<BTreeSet<Action>>,
    /// `None` sets no limit.
    repositories: Option<BTreeSet<String>>,
}

/// Why text is not the scopes of a key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ScopeError {
    /// A word that is none.
    #[error(
        "`{text}` is not a scope: expected `*`, `repository:NAME`, or one of {}",
        listed()
    )]
    Unknown {
        /// What was given.
        text: String,
    },
    /// Nothing, which could be read as either everything or nothing.
    #[error("there is no scope: write `*` for a key without limits")]
    Empty,
    /// No limit and limits at once.
    #[error("`*` sets no limit, and other scopes beside it do: leave one of them out")]
    EverythingAndMore,
}

impl Scopes {
    /// No limit.
    pub fn all() -> Self {
        Self {
            actions: None,
            repositories: None,
        }
    }

    /// Reads scopes as people write them.
    ///
    /// # Errors
    /// When one is unknown, when there is none, and when `*` does not stand alone.
    pub fn parse<Text: AsRef<str>>(texts: impl IntoIterator<Item = Text>) -> Result<Self, ScopeError> {
        let texts: Vec<Text> = texts.into_iter().collect();
        if texts.is_empty() {
            return Err(ScopeError::Empty);
        }
        let mut scopes = Self::all();
        for text in &texts {
            scopes.narrow(text.as_ref())?;
        }
        if texts.len() > 1 && texts.iter().any(|text| text.as_ref() == EVERYTHING) {
            return Err(ScopeError::EverythingAndMore);
        }
        Ok(scopes)
    }

    fn narrow(&mut self, text: &str) -> Result<(), ScopeError> {
        if text == EVERYTHING {
            return Ok(());
        }
        if let Some(name) = text.strip_prefix(REPOSITORY).filter(|name| !name.is_empty()) {
            self.repositories.get_or_insert_default().insert(name.to_owned());
            return Ok(());
        }
        let action = text.parse().map_err(|_| ScopeError::Unknown {
            text: text.to_owned(),
        })?;
        self.actions.get_or_insert_default().insert(action);
        Ok(())
    }

    /// The form that [`Scopes::parse`] reads.
    pub fn to_texts(&self) -> Vec<String> {
        let actions = self.actions.iter().flatten().map(Action::to_string);
        let repositories = self
            .repositories
            .iter()
            .flatten()
            .map(|name| format!("{REPOSITORY}{name}"));
        let texts: Vec<_> = actions.chain(repositories).collect();
        if texts.is_empty() {
            vec![EVERYTHING.to_owned()]
        } else {
            texts
        }
    }

    /// Whether they let `action` through, in `repository` or where no repository is concerned.
    ///
    /// A key limited to repositories reaches nothing outside of them, lists over all repositories included; actions
    /// that never concern a repository, such as `models:use`, it has only where they are named. Every key may ask who
    /// it is.
    pub fn allow(&self, action: Action, repository: Option<&str>) -> bool {
        if action == Action::ServiceRead {
            return true;
        }
        let named = self.actions.as_ref().map(|actions| actions.contains(&action));
        let reached = match (&self.repositories, repository) {
            (None, _) => true,
            (Some(names), Some(name)) => names.contains(name),
            (Some(_), None) => named == Some(true) && !action.is_in_repositories(),
        };
        reached && named != Some(false)
    }

    /// Whether they allow everything that `others` allow: a key must not make keys that may more than itself.
    pub fn cover(&self, others: &Self) -> bool {
        // No repository has an empty name, so that it stands for all that no scope names.
        let places = others.repositories.iter().flatten().map(String::as_str);
        let places: Vec<_> = places.chain([""]).map(Some).chain([None]).collect();
        Action::ALL.iter().all(|action| {
            let mut places = places.iter().copied();
            places.all(|place| !others.allow(*action, place) || self.allow(*action, place))
        })
    }
}

impl TryFrom<Vec<String>> for Scopes {
    type Error = ScopeError;

    fn try_from(texts: Vec<String>) -> Result<Self, Self::Error> {
        Self::parse(texts)
    }
}

impl From<Scopes> for Vec<String> {
    fn from(scopes: Scopes) -> Self {
        scopes.to_texts()
    }
}
