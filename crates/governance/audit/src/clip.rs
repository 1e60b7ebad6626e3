const MARK: char = '…';

/// `text`, or as much of its beginning as takes at most `limit` bytes as JSON, with a mark where it was cut.
///
/// JSON is what is stored, and there a control character takes six bytes: counting bytes of the text would let a
/// hostile one grow.
pub(crate) fn clip(mut text: String, limit: usize) -> String {
    let mut taken = 0;
    // Where to cut, should it not fit: the last place that leaves room for the mark.
    let mut cut = 0;
    for (index, character) in text.char_indices() {
        if taken + MARK.len_utf8() <= limit {
            cut = index;
        }
        taken += written(character);
        if taken > limit {
            text.truncate(cut);
            text.push(MARK);
            break;
        }
    }
    text
}

/// How many bytes `text` takes as JSON, without its quotes.
pub(crate) fn size(text: &str) -> usize {
    text.chars().map(written).sum()
}

fn written(character: char) -> usize {
    match character {
        '"' | '\\' | '\n' | '\r' | '\t' | '\u{8}' | '\u{c}' => 2,
        control if control < ' ' => 6,
        other => other.len_utf8(),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_clipped_text_fits_and_is_clipped_only_if_it_must_be(text: String, limit in 3_usize..64) {
            let whole = serde_json::to_string(&text).unwrap().len() - 2;
            let clipped = clip(text.clone(), limit);
            prop_assert_eq!(size(&text), whole);
            prop_assert!(size(&clipped) <= limit);
            prop_assert_eq!(clipped == text, whole <= limit);
        }
    }
}
