use std::borrow::Cow;
use std::cmp::Reverse;

use serde::{Deserialize, Serialize};

/// A piece of text from outside, with where it came from and what it costs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fragment {
    /// Where it came from, for people: `intent`, `file src/text.py`, `signature of slugify`.
    pub source: String,
    /// The text.
    pub text: String,
    /// Its tokens, counted by the target model.
    pub tokens: u32,
    /// Higher is kept longer; [`Fragment::REQUIRED`] is never left out.
    pub priority: u8,
}

impl Fragment {
    /// The priority of what a prompt makes no sense without.
    pub const REQUIRED: u8 = u8::MAX;
}

/// What may be done to a fragment that does not fit.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CutRule {
    /// It is kept whole or left out: half a function misleads.
    #[default]
    Whole,
    /// Its first lines may be kept alone.
    HeadLines,
    /// Its last lines may be kept alone: a log ends with what matters.
    TailLines,
}

/// Something that did not fit, or not whole.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LeftOut {
    /// Where it came from.
    pub source: String,
    /// The tokens that are left out.
    pub tokens: u32,
    /// The tokens that are kept, where only lines were cut off.
    pub kept_tokens: u32,
    /// Why.
    pub reason: LeftOutReason,
}

/// Why something is left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum LeftOutReason {
    /// More important fragments fill the prompt.
    Budget,
    /// The template caps every fragment of this variable.
    Cap,
}

/// A fragment with the rules of the variable that it fills.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Piece<'a> {
    pub(crate) fragment: &'a Fragment,
    pub(crate) cut: CutRule,
    pub(crate) cap: Option<u32>,
}

/// What became of a piece.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Packed<'a> {
    /// The text that is kept; `None` when all is left out.
    pub(crate) text: Option<Cow<'a, str>>,
    /// Its tokens; estimated by length where lines were cut off.
    pub(crate) tokens: u32,
    /// Why it is not there whole.
    pub(crate) reason: Option<LeftOutReason>,
}

/// What is kept of the pieces in `budget` tokens, in their order. Higher priorities go first, earlier ones first among
/// equals; a smaller fragment may fit where a larger one did not.
///
/// # Errors
/// The index of a required fragment of which nothing fits, and the tokens that were left for it.
pub(crate) fn pack<'a>(pieces: &[Piece<'a>], budget: u32) -> Result<Vec<Packed<'a>>, (usize, u32)> {
    let mut order: Vec<(usize, &Piece<'a>)> = pieces.iter().enumerate().collect();
    order.sort_by_key(|(_, piece)| {
        let priority = piece.fragment.priority;
        // Of what must be there, that which can give way comes last.
        let gives_way = priority == Fragment::REQUIRED && piece.cut != CutRule::Whole;
        (Reverse(priority), gives_way)
    });
    let mut left = budget;
    let mut packed = Vec::with_capacity(pieces.len());
    for (index, piece) in order {
        let place = piece.fit(left);
        if place.text.is_none() && piece.fragment.priority == Fragment::REQUIRED {
            return Err((index, left.min(piece.cap.unwrap_or(left))));
        }
        left -= place.tokens;
        packed.push((index, place));
    }
    packed.sort_by_key(|(index, _)| *index);
    Ok(packed.into_iter().map(|(_, place)| place).collect())
}

impl<'a> Piece<'a> {
    fn fit(&self, left: u32) -> Packed<'a> {
        let Fragment { text, tokens, .. } = self.fragment;
        let cap = self.cap.unwrap_or(u32::MAX);
        if *tokens <= left.min(cap) {
            return Packed {
                text: Some(Cow::Borrowed(text)),
                tokens: *tokens,
                reason: None,
            };
        }
        let reason = if cap < left {
            LeftOutReason::Cap
        } else {
            LeftOutReason::Budget
        };
        let cut = cut_lines(self.fragment, left.min(cap), self.cut);
        Packed {
            tokens: cut.as_ref().map_or(0, |(_, tokens)| *tokens),
            text: cut.map(|(text, _)| Cow::Owned(text)),
            reason: Some(reason),
        }
    }
}

/// Stands where lines are missing.
const MARK: &str = "…";
const MARK_TOKENS: u32 = 3;

/// As many lines as `limit` tokens allow; a line's share of the tokens is its share of the text, rounded up.
fn cut_lines(fragment: &Fragment, limit: u32, rule: CutRule) -> Option<(String, u32)> {
    let mut left = u64::from(limit.checked_sub(MARK_TOKENS)?);
    let bytes = fragment.text.len().max(1) as u64;
    let mut kept: Vec<&str> = Vec::new();
    let mut keep = |line: &'_ str| -> bool {
        let cost = (line.len() as u64 * u64::from(fragment.tokens))
            .div_ceil(bytes)
            .max(1);
        left.checked_sub(cost).map(|rest| left = rest).is_some()
    };
    let lines = fragment.text.split_inclusive('\n');
    match rule {
        CutRule::Whole => return None,
        CutRule::HeadLines => kept.extend(lines.take_while(|line| keep(line))),
        CutRule::TailLines => {
            kept.extend(lines.rev().take_while(|line| keep(line)));
            kept.reverse();
        }
    }
    if kept.iter().all(|line| line.trim().is_empty()) {
        return None;
    }
    let text = match rule {
        CutRule::TailLines => format!("{MARK}\n{}", kept.concat()),
        _ => format!("{}\n{MARK}", kept.concat().trim_end_matches('\n')),
    };
    let tokens = limit - u32::try_from(left).unwrap_or(0);
    Some((text, tokens))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn fragment(tokens: u32, priority: u8) -> Fragment {
        Fragment {
            source: format!("{tokens}/{priority}"),
            text: "one line\nanother\nand a third, which is longer\n".into(),
            tokens,
            priority,
        }
    }

    fn rules() -> impl Strategy<Value = (CutRule, Option<u32>)> {
        let cut = prop_oneof![
            Just(CutRule::Whole),
            Just(CutRule::HeadLines),
            Just(CutRule::TailLines)
        ];
        (cut, proptest::option::of(0u32..400))
    }

    proptest! {
        #[test]
        fn the_budget_holds_and_what_is_left_out_could_not_be_kept(
            sizes in proptest::collection::vec(((0u32..500, 0u8..255), rules()), 0..30), budget in 0u32..2000
        ) {
            let fragments: Vec<Fragment> = sizes.iter().map(|((tokens, priority), _)| fragment(*tokens, *priority)).collect();
            let pieces: Vec<Piece<'_>> = fragments.iter().zip(&sizes)
                .map(|(fragment, (_, (cut, cap)))| Piece { fragment, cut: *cut, cap: *cap }).collect();
            let packed = pack(&pieces, budget).unwrap();
            prop_assert_eq!(packed.len(), pieces.len());
            prop_assert!(packed.iter().map(|place| place.tokens).sum::<u32>() <= budget);
            for (index, (piece, place)) in pieces.iter().zip(&packed).enumerate() {
                let Packed { text, tokens, reason } = place;
                // Whole, in part or not at all; and when not whole, it is said why.
                prop_assert_eq!(reason.is_none(), text.as_deref() == Some(&*piece.fragment.text) && *tokens == piece.fragment.tokens);
                prop_assert!(piece.cap.is_none_or(|cap| *tokens <= cap));
                prop_assert!(text.is_some() || *tokens == 0);
                if piece.cut == CutRule::Whole && reason == &Some(LeftOutReason::Budget) {
                    // Everything of the same or a higher priority that was kept leaves no room for this one.
                    let above: u32 = pieces.iter().zip(&packed).enumerate()
                        .filter(|(other, (kept, _))| kept.fragment.priority > piece.fragment.priority
                            || (kept.fragment.priority == piece.fragment.priority && *other < index))
                        .map(|(_, (_, kept))| kept.tokens).sum();
                    prop_assert!(above + piece.fragment.tokens > budget);
                }
            }
        }

        #[test]
        fn lines_that_are_kept_are_lines_of_the_text_and_fit(text in "([a-z é]{0,20}\n?){0,12}", tokens in 1u32..200, limit in 0u32..200) {
            let fragment = Fragment { source: String::new(), text: text.clone(), tokens, priority: 0 };
            for rule in [CutRule::HeadLines, CutRule::TailLines] {
                if let Some((kept, cost)) = cut_lines(&fragment, limit, rule) {
                    prop_assert!(cost <= limit);
                    let body = kept.trim_matches(['…', '\n']);
                    prop_assert!(text.contains(body), "{kept:?} of {text:?}");
                }
            }
        }
    }

    fn piece(fragment: &Fragment, cut: CutRule, cap: Option<u32>) -> Piece<'_> {
        Piece { fragment, cut, cap }
    }

    #[test]
    fn a_required_fragment_that_does_not_fit_is_named() {
        let fragments = [fragment(10, 1), fragment(100, Fragment::REQUIRED)];
        let pieces = fragments
            .each_ref()
            .map(|fragment| piece(fragment, CutRule::Whole, None));
        assert_eq!(pack(&pieces, 50), Err((1, 50)));
    }

    #[test]
    fn of_two_required_fragments_the_one_that_can_gives_way() {
        let fragments = [fragment(90, Fragment::REQUIRED), fragment(40, Fragment::REQUIRED)];
        let pieces = [
            piece(&fragments[0], CutRule::TailLines, None),
            piece(&fragments[1], CutRule::Whole, None),
        ];
        let packed = pack(&pieces, 110).unwrap();
        assert_eq!(
            packed[0].text.as_deref(),
            Some("…\nand a third, which is longer\n")
        );
        assert_eq!(
            (packed[0].reason, packed[1].reason),
            (Some(LeftOutReason::Budget), None)
        );
    }

    #[test]
    fn a_cap_cuts_where_it_may_and_leaves_out_where_not() {
        let long = fragment(90, 10);
        let pieces = [
            piece(&long, CutRule::HeadLines, Some(45)),
            piece(&long, CutRule::Whole, Some(45)),
        ];
        let packed = pack(&pieces, 1000).unwrap();
        assert_eq!(packed[0].text.as_deref(), Some("one line\nanother\n…"));
        assert_eq!(packed[1].text, None);
        assert!(
            packed
                .iter()
                .all(|place| place.reason == Some(LeftOutReason::Cap))
        );
    }
}
