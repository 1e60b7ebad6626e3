use std::collections::HashMap;

use strsim::generic_levenshtein;

/// Pairs of tokens that are compared at most: a few milliseconds.
const MOST_PAIRS: usize = 1 << 22;

/// How much of a text was edited: the Levenshtein distance of the tokens over the longer one's length, 0 to 1.
///
/// A token is a word (letters, digits and underscores) or any other sign; white space is none, so that formatting is
/// not editing. What is equal at the beginning and at the end costs nothing to compare. Where more than four million
/// pairs of tokens would have to be compared in between, such as two thousand by two thousand, the order of the tokens
/// there is left out of account: then the result is what was at least edited.
///
/// ```
/// use tenon_signals::edit_distance;
///
/// assert_eq!(edit_distance("return a + b", "return  a +  b"), 0.0);
/// assert_eq!(edit_distance("return a + b", "return a - b"), 0.25);
/// ```
pub fn edit_distance(a: &str, b: &str) -> f64 {
    let (a, b) = (tokens(a), tokens(b));
    let longer = a.len().max(b.len());
    if longer == 0 {
        return 0.0;
    }
    let (a, b) = differing(&a, &b);
    let distance = if a.len().saturating_mul(b.len()) <= MOST_PAIRS {
        levenshtein(a, b)
    } else {
        unordered(a, b)
    };
    distance as f64 / longer as f64
}

fn tokens(text: &str) -> Vec<&str> {
    let mut tokens = Vec::new();
    let mut rest = text.trim_start();
    while let Some(first) = rest.chars().next() {
        let word = rest.find(|sign| !is_of_word(sign)).unwrap_or(rest.len());
        // The first sign is no part of a word where the word is empty.
        let (token, after) = rest.split_at(word.max(first.len_utf8()));
        tokens.push(token);
        rest = after.trim_start();
    }
    tokens
}

fn is_of_word(sign: char) -> bool {
    sign.is_alphanumeric() || sign == '_'
}

/// What is left without the equal beginning and the equal end.
fn differing<'a, 'b, T: PartialEq>(a: &'a [T], b: &'b [T]) -> (&'a [T], &'b [T]) {
    let (mut a, mut b) = (a, b);
    while let (Some((first, rest_of_a)), Some((other, rest_of_b))) = (a.split_first(), b.split_first())
        && first == other
    {
        (a, b) = (rest_of_a, rest_of_b);
    }
    while let (Some((last, rest_of_a)), Some((other, rest_of_b))) = (a.split_last(), b.split_last())
        && last == other
    {
        (a, b) = (rest_of_a, rest_of_b);
    }
    (a, b)
}

/// Numbers are compared millions of times faster than words.
fn levenshtein<'a>(a: &[&'a str], b: &[&'a str]) -> usize {
    let mut numbers: HashMap<&'a str, usize> = HashMap::new();
    let mut numbered = |tokens: &[&'a str]| -> Vec<usize> {
        let number = |token: &&'a str| {
            let next = numbers.len();
            *numbers.entry(token).or_insert(next)
        };
        tokens.iter().map(number).collect()
    };
    let (a, b) = (numbered(a), numbered(b));
    generic_levenshtein(&a, &b)
}

/// The tokens that the longer one has and the other has not: no edit script is shorter.
fn unordered(a: &[&str], b: &[&str]) -> usize {
    let mut counts: HashMap<&str, usize> = HashMap::new();
    for token in a {
        *counts.entry(token).or_default() += 1;
    }
    let mut shared = 0;
    for token in b {
        if let Some(count) = counts.get_mut(token)
            && *count > 0
        {
            *count -= 1;
            shared += 1;
        }
    }
    a.len().max(b.len()) - shared
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn formatting_is_not_editing() {
        let (before, after) = ("if x_1>0 {\n\treturn é;\n}", "if x_1 > 0 { return é; }\n");
        assert_eq!(edit_distance(before, after), 0.0);
        assert_eq!(
            tokens(before),
            ["if", "x_1", ">", "0", "{", "return", "é", ";", "}"]
        );
    }

    #[test]
    fn nothing_and_everything_are_the_ends_of_the_scale() {
        assert_eq!(edit_distance("", "  \n"), 0.0);
        assert_eq!(edit_distance("", "a b"), 1.0);
        assert_eq!(edit_distance("a b", "c d"), 1.0);
    }

    #[test]
    fn one_edit_in_a_large_text_is_counted_exactly() {
        let before = "word ".repeat(100_000);
        let after = format!("{before}once");
        assert_eq!(edit_distance(&before, &after), 1.0 / 100_001.0);
    }

    #[test]
    fn two_large_texts_are_compared_without_order() {
        let before: String = (0..30_000).map(|number| format!("a{number} ")).collect();
        let reversed: String = (0..30_000).rev().map(|number| format!("a{number} ")).collect();
        let other: String = (0..30_000).map(|number| format!("b{number} ")).collect();
        assert_eq!(edit_distance(&before, &reversed), 0.0);
        assert_eq!(edit_distance(&before, &other), 1.0);
    }

    proptest! {
        #[test]
        fn it_is_a_share_and_the_same_both_ways(a in "[a-d \\n(é)]{0,60}", b in "[a-d \\n(é)]{0,60}") {
            let there = edit_distance(&a, &b);
            prop_assert!((0.0..=1.0).contains(&there));
            prop_assert_eq!(there, edit_distance(&b, &a));
            prop_assert_eq!(there == 0.0, tokens(&a) == tokens(&b));
        }

        #[test]
        fn without_order_never_more_was_edited(a in "[a-d ]{0,60}", b in "[a-d ]{0,60}") {
            let (a, b) = (tokens(&a), tokens(&b));
            prop_assert!(unordered(&a, &b) <= levenshtein(&a, &b));
        }

        #[test]
        fn equal_ends_change_nothing(a in "[a-d ]{0,40}", b in "[a-d ]{0,40}") {
            let (a, b) = (tokens(&a), tokens(&b));
            let (shorter_a, shorter_b) = differing(&a, &b);
            prop_assert_eq!(levenshtein(shorter_a, shorter_b), levenshtein(&a, &b));
        }
    }
}
