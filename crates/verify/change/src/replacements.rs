//! What a compiler itself would write to mend its findings.

use tenon_domain::Replacement;

/// `text` with the replacements made. `None` when there is none, or one of them does not fit the text or lies on
/// another.
pub fn replaced(text: &str, replacements: &[&Replacement]) -> Option<String> {
    let mut ordered = replacements.to_vec();
    // Text that two findings add at one place is added once.
    ordered.sort_by_key(|replacement| (replacement.start, replacement.end));
    ordered.dedup();
    let mut result = String::with_capacity(text.len());
    let mut from = 0;
    for replacement in &ordered {
        if replacement.start < from || replacement.end < replacement.start {
            return None;
        }
        result.push_str(text.get(from..replacement.start)?);
        text.get(replacement.start..replacement.end)?;
        result.push_str(&replacement.text);
        from = replacement.end;
    }
    result.push_str(text.get(from..)?);
    (result != text).then_some(result)
}

#[cfg(test)]
mod tests {
    use tenon_domain::RepoPath;

    use super::*;

    fn at(start: usize, end: usize, text: &str) -> Replacement {
        let path = RepoPath::parse("src/lib.rs").unwrap();
        let text = text.to_owned();
        Replacement {
            path,
            start,
            end,
            text,
        }
    }

    fn made(text: &str, replacements: &[Replacement]) -> Option<String> {
        replaced(text, &replacements.iter().collect::<Vec<_>>())
    }

    #[test]
    fn places_are_replaced_whatever_their_order() {
        assert_eq!(
            made("a + b", &[at(5, 5, ")"), at(0, 0, "Some(")]).unwrap(),
            "Some(a + b)"
        );
        assert_eq!(made("a + b", &[at(0, 1, "x"), at(0, 1, "x")]).unwrap(), "x + b");
    }

    #[test]
    fn what_does_not_fit_is_left() {
        assert_eq!(made("a + b", &[]), None);
        assert_eq!(made("a + b", &[at(0, 1, "a")]), None, "nothing would change");
        assert_eq!(made("a + b", &[at(0, 9, "x")]), None);
        assert_eq!(made("a + b", &[at(0, 3, "x"), at(1, 2, "y")]), None);
        assert_eq!(made("é", &[at(1, 2, "x")]), None, "in the middle of a character");
    }
}
