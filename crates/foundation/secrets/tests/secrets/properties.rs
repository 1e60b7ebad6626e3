use proptest::prelude::*;
use tenon_secrets::{Kind, Settings, scan};

use crate::samples::{Random, sample};

/// Text in which anything may stand beside anything.
fn any_text() -> impl Strategy<Value = String> {
    let part = prop_oneof![
        4 => ".{0,12}",
        2 => "[ =:\"'@.+/0-9A-Za-z_-]{0,24}",
        3 => (0..Kind::ALL.len(), any::<u64>()).prop_map(|(kind, seed)| sample(Kind::ALL[kind], &mut Random(seed)).text),
        1 => "(password|secret|token)[:=]{1,2}[ \"]?",
    ];
    prop::collection::vec(part, 0..8).prop_map(|parts| parts.concat())
}

proptest! {
    #[test]
    fn spans_are_in_order_apart_and_cut_at_characters(text in any_text()) {
        let spans = scan(&text, Settings::default());
        for span in &spans {
            prop_assert!(!span.of(&text).is_empty(), "{span:?}");
        }
        for pair in spans.windows(2) {
            prop_assert!(pair[0].end <= pair[1].start, "{pair:?}");
        }
    }

    #[test]
    fn what_is_not_asked_for_is_not_found(text in any_text(), secrets: bool) {
        let spans = scan(&text, Settings { secrets, personal: !secrets });
        prop_assert!(spans.iter().all(|span| span.kind.is_secret() == secrets), "{spans:?}");
    }
}
