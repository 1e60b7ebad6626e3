//! Names that look like others: advice for slips, suspicion for look-alikes.

use std::collections::BTreeSet;

use tenon_domain::{Finding, Severity};

use crate::project::Declared;
use crate::report::finding;
use crate::tables::packages::{CRATES, NPM, PYPI};

/// The popular package that `name` is one or two slips away from, without being popular itself.
pub(super) fn imitated(name: &str, popular: &'static [&'static str]) -> Option<&'static str> {
    if popular.binary_search(&name).is_ok() {
        return None;
    }
    // Short names are all near each other.
    let limit = if name.len() >= 8 {
        2
    } else {
        usize::from(name.len() >= 4)
    };
    popular
        .iter()
        .filter(|known| known.len().abs_diff(name.len()) <= limit)
        .map(|known| (strsim::damerau_levenshtein(name, known), *known))
        .filter(|(distance, _)| (1..=limit).contains(distance))
        .min()
        .map(|(_, known)| known)
}

/// What to say about manifest entries that the change adds.
pub(crate) fn new_dependencies(before: &Declared, after: &Declared) -> Vec<Finding> {
    let node = |declared: &Declared| declared.node.values().flatten().cloned().collect::<BTreeSet<_>>();
    let rust = |declared: &Declared| declared.rust.values().flatten().cloned().collect::<BTreeSet<_>>();
    let added = |before: &BTreeSet<String>, after: &BTreeSet<String>, popular| {
        after
            .difference(before)
            .map(|name| new_dependency(name, popular))
            .collect::<Vec<_>>()
    };
    let mut found = added(&before.python, &after.python, PYPI);
    found.extend(added(&node(before), &node(after), NPM));
    found.extend(added(&rust(before), &rust(after), CRATES));
    found
}

fn new_dependency(name: &str, popular: &'static [&'static str]) -> Finding {
    if let Some(known) = imitated(name, popular) {
        let message =
            format!("the new dependency `{name}` looks like `{known}` and may be an imitation of it");
        let mut suspicious = finding("dependencies/typosquat", Severity::Error, message);
        suspicious.help = Some(format!("use `{known}` if that is what is meant"));
        return suspicious;
    }
    if popular.binary_search(&name).is_ok() {
        return finding(
            "dependencies/new",
            Severity::Note,
            format!("`{name}` becomes a dependency"),
        );
    }
    let message = format!("`{name}` becomes a dependency and is not among the widely used packages");
    let mut unknown = finding("dependencies/new", Severity::Warning, message);
    unknown.help = Some("make sure that it exists and is what it claims to be".to_owned());
    unknown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn look_alikes_are_told_from_the_real_ones() {
        for (name, known) in [
            ("reqeusts", Some("requests")),
            ("requests", None),
            ("beautifulsoup", Some("beautifulsoup4")),
            ("nunpy", Some("numpy")),
            ("foo", None),
        ] {
            assert_eq!(imitated(name, PYPI), known, "{name}");
        }
    }
}
