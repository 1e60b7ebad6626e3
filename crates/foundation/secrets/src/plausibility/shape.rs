//! What a value is made of, whatever it is called.

/// Shannon entropy, in bits for each character.
#[must_use]
pub fn entropy(text: &str) -> f64 {
    let mut counts = [0_u32; 256];
    for byte in text.bytes() {
        if let Some(count) = counts.get_mut(usize::from(byte)) {
            *count += 1;
        }
    }
    let total = f64::from(u32::try_from(text.len()).unwrap_or(u32::MAX));
    let shares = counts
        .iter()
        .filter(|count| **count > 0)
        .map(|count| f64::from(*count) / total);
    shares.map(|share| -share * share.log2()).sum()
}

/// `$name`, `%NAME%` or `A_NAME`.
pub(crate) fn is_variable(value: &str) -> bool {
    let name = value.trim_start_matches('$');
    let is_name = |name: &str| {
        name.bytes()
            .all(|byte| byte.is_ascii_alphabetic() || byte == b'_')
    };
    let is_constant = |byte: u8| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_';
    (name.len() < value.len() && is_name(name))
        || (value.starts_with('%') && value.ends_with('%'))
        || (value.contains('_') && value.bytes().all(is_constant) && digit_edges(value) < 4)
}

/// Without what people put around a word to make it pass for a password.
pub(crate) fn stem(lower: &str) -> &str {
    lower.trim_matches(|character: char| !character.is_alphabetic())
}

/// `us-east-1`, `keys/id_rsa2.pem`, `v1.2.3`: words and numbers with marks between them.
pub(crate) fn is_slug(value: &str) -> bool {
    let is_piece = |piece: &str| {
        let digits = piece.trim_start_matches(|character: char| character.is_ascii_alphabetic());
        let word = piece.len() - digits.len();
        digits.bytes().all(|byte| byte.is_ascii_digit()) && (digits.len() <= 4 || word == 0) && word <= 20
    };
    let mut pieces = value.split(['-', '_', '.', '/', ':', '@']);
    value.bytes().all(|byte| byte.is_ascii_lowercase())
        || (pieces.clone().count() > 1 && pieces.all(is_piece))
}

/// `abcdef`, `1234567`, `aaaaaa`: more than half of the steps are no step or one.
pub(crate) fn is_sequence(value: &str) -> bool {
    let steps = value.as_bytes().windows(2);
    let small = steps.clone().filter(|pair| match pair {
        [first, second] => second.wrapping_sub(*first) <= 1,
        _ => false,
    });
    small.count() * 2 > steps.len()
}

/// Drawn by chance: letters, digits and capitals change more often than in words.
pub(crate) fn is_drawn(value: &str) -> bool {
    (digit_edges(value) >= 3 || is_uneven(value)) && classes(value) >= 2 && entropy(value) >= 2.9
}

/// Letters that change between small and capital as in no word.
pub(crate) fn is_uneven(value: &str) -> bool {
    value.len() >= 16 && edges(value, class) * 3 >= value.len() && !is_camel_case(value)
}

/// No two neighbours are capitals, as in most names; by chance some are.
fn is_camel_case(value: &str) -> bool {
    let mut pairs = value.as_bytes().windows(2);
    !pairs.any(|pair| pair.iter().all(u8::is_ascii_uppercase))
}

/// How often letters turn into digits or back.
pub(crate) fn digit_edges(value: &str) -> usize {
    edges(value, |byte| u8::from(byte.is_ascii_digit()))
}

fn edges(value: &str, class: fn(u8) -> u8) -> usize {
    let pairs = value.as_bytes().windows(2);
    pairs
        .filter(|pair| matches!(pair, [first, second] if class(*first) != class(*second)))
        .count()
}

pub(crate) fn classes(value: &str) -> usize {
    let present = [0, 1, 2, 3].map(|wanted| value.bytes().any(|byte| class(byte) == wanted));
    present.into_iter().filter(|present| *present).count()
}

fn class(byte: u8) -> u8 {
    match byte {
        b'a'..=b'z' => 0,
        b'A'..=b'Z' => 1,
        b'0'..=b'9' => 2,
        _ => 3,
    }
}
