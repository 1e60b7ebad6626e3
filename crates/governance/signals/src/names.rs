use std::collections::HashSet;
use std::sync::{Arc, PoisonError, RwLock};

/// The values of one label that come from the configuration. A scrape stays small however many there are: the first
/// hundred are told apart, and the rest is `other`.
#[derive(Debug)]
pub(crate) struct Names {
    known: RwLock<HashSet<Arc<str>>>,
    other: Arc<str>,
}

const MOST_NAMES: usize = 100;
const LONGEST_NAME: usize = 128;

impl Names {
    pub(crate) fn new() -> Self {
        Self {
            known: RwLock::default(),
            other: Arc::from("other"),
        }
    }

    /// The value that stands for `name`.
    pub(crate) fn bounded(&self, name: &str) -> Arc<str> {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(name) = known.get(name) {
            return Arc::clone(name);
        }
        let is_refused = known.len() >= MOST_NAMES || name.len() > LONGEST_NAME;
        drop(known);
        if is_refused {
            Arc::clone(&self.other)
        } else {
            self.learn(name)
        }
    }

    fn learn(&self, name: &str) -> Arc<str> {
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        // Another thread may have taken the last place, or brought the same name, since it was looked.
        if let Some(name) = known.get(name) {
            return Arc::clone(name);
        }
        if known.len() >= MOST_NAMES {
            return Arc::clone(&self.other);
        }
        let name: Arc<str> = Arc::from(name);
        known.insert(Arc::clone(&name));
        name
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hundred_names_are_told_apart_and_stay_so() {
        let names = Names::new();
        let seen: HashSet<Arc<str>> = (0..300)
            .map(|number| names.bounded(&format!("model-{number}")))
            .collect();
        assert_eq!(seen.len(), MOST_NAMES + 1);
        assert_eq!(&*names.bounded("model-7"), "model-7");
        assert_eq!(&*names.bounded("model-299"), "other");
    }

    #[test]
    fn a_name_that_no_configuration_would_hold_takes_no_place() {
        let names = Names::new();
        assert_eq!(&*names.bounded(&"x".repeat(4096)), "other");
        assert_eq!(&*names.bounded("x"), "x");
    }
}
