//! Base64 as RFC 4648 has it, with padding: the few bytes of secrets and signatures.

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// The text of these bytes.
pub(crate) fn encode(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let bits = chunk
            .iter()
            .fold(0_u32, |bits, byte| bits << 8 | u32::from(*byte))
            << (8 * (3 - chunk.len()));
        for place in 0..4 {
            match place <= chunk.len() {
                true => text.push(letter(bits >> (18 - 6 * place) & 63)),
                false => text.push('='),
            }
        }
    }
    text
}

/// The bytes of this text, if it is exactly what [`encode`] makes of them.
pub(crate) fn decode(text: &str) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(text.len() / 4 * 3);
    for chunk in text.trim_end_matches('=').as_bytes().chunks(4) {
        let mut bits = 0_u32;
        for letter in chunk {
            let value = ALPHABET.iter().position(|one| one == letter)?;
            bits = bits << 6 | u32::try_from(value).ok()?;
        }
        let [_, first, second, third] = (bits << (6 * (4 - chunk.len()))).to_be_bytes();
        bytes.extend([first, second, third].into_iter().take(chunk.len() * 3 / 4));
    }
    // Refuses what only looks alike: missing padding, a single letter, bits that do not count.
    (encode(&bytes) == text).then_some(bytes)
}

fn letter(value: u32) -> char {
    let index = usize::try_from(value).unwrap_or_default();
    char::from(ALPHABET.get(index).copied().unwrap_or(b'='))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_examples_of_the_specification_hold() {
        for (bytes, text) in [
            ("", ""),
            ("f", "Zg=="),
            ("fo", "Zm8="),
            ("foo", "Zm9v"),
            ("foob", "Zm9vYg=="),
            ("fooba", "Zm9vYmE="),
            ("foobar", "Zm9vYmFy"),
        ] {
            assert_eq!(encode(bytes.as_bytes()), text);
            assert_eq!(decode(text).as_deref(), Some(bytes.as_bytes()));
        }
        assert_eq!(encode(&[0xfb, 0xff]), "+/8=");
    }

    #[test]
    fn what_only_looks_alike_is_refused() {
        for text in ["Zg", "Zg=", "Zg===", "Zh==", "Z", "Zm9v=", "Zm-_", "Zm 9", "é"] {
            assert_eq!(decode(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn any_bytes_survive_their_text(bytes in proptest::collection::vec(any::<u8>(), 0..80)) {
            prop_assert_eq!(decode(&encode(&bytes)), Some(bytes));
        }
    }
}
