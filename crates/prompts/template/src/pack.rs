use serde::Serialize;

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

/// Something that did not fit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LeftOut {
    /// Where it came from.
    pub source: String,
    /// Its tokens.
    pub tokens: u32,
}

/// Which fragments fit into `budget` tokens: `true` at the index of each that is kept. Higher priorities first, earlier
/// ones first among equals; a smaller fragment may fit where a larger one did not.
///
/// # Errors
/// The index of a required fragment that does not fit.
pub(crate) fn pack(fragments: &[&Fragment], budget: u32) -> Result<Vec<bool>, usize> {
    let mut order: Vec<usize> = (0..fragments.len()).collect();
    order.sort_by_key(|index| {
        std::cmp::Reverse(fragments.get(*index).map_or(0, |fragment| fragment.priority))
    });
    let mut left = budget;
    let mut kept = vec![false; fragments.len()];
    for index in order {
        let Some(fragment) = fragments.get(index) else {
            continue;
        };
        match left.checked_sub(fragment.tokens) {
            Some(rest) => {
                left = rest;
                if let Some(slot) = kept.get_mut(index) {
                    *slot = true;
                }
            }
            None if fragment.priority == Fragment::REQUIRED => return Err(index),
            None => {}
        }
    }
    Ok(kept)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn fragment(tokens: u32, priority: u8) -> Fragment {
        Fragment {
            source: format!("{tokens}/{priority}"),
            text: "x".into(),
            tokens,
            priority,
        }
    }

    proptest! {
        #[test]
        fn the_budget_holds_and_what_is_left_out_could_not_be_kept(
            sizes in proptest::collection::vec((0u32..500, 0u8..255), 0..30), budget in 0u32..2000
        ) {
            let fragments: Vec<Fragment> = sizes.into_iter().map(|(tokens, priority)| fragment(tokens, priority)).collect();
            let borrowed: Vec<&Fragment> = fragments.iter().collect();
            let kept = pack(&borrowed, budget).unwrap();
            let used: u32 = borrowed.iter().zip(&kept).filter(|(_, kept)| **kept).map(|(fragment, _)| fragment.tokens).sum();
            prop_assert!(used <= budget);
            for (index, fragment) in borrowed.iter().enumerate().filter(|(index, _)| !kept[*index]) {
                // Everything of the same or a higher priority that was kept leaves no room for this one.
                let above: u32 = borrowed.iter().enumerate()
                    .filter(|(other, _)| kept[*other])
                    .filter(|(other, kept)| kept.priority > fragment.priority || (kept.priority == fragment.priority && *other < index))
                    .map(|(_, kept)| kept.tokens).sum();
                prop_assert!(above + fragment.tokens > budget);
            }
        }
    }

    #[test]
    fn a_required_fragment_that_does_not_fit_is_named() {
        let fragments = [fragment(10, 1), fragment(100, Fragment::REQUIRED)];
        assert_eq!(pack(&fragments.iter().collect::<Vec<_>>(), 50), Err(1));
    }
}
