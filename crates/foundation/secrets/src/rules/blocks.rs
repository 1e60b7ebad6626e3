//! What a pattern cannot read: text that decodes to something, and values that their neighbours give away.

use std::ops::Range;

use super::{Find, Rule};
use crate::boundary::{
    byte_at, byte_before, is_base64, is_base64url, pieces_around, run, run_before, starts_word, window,
    window_before,
};
use crate::encoding::decode_base64;
use crate::kind::Kind;
use crate::plausibility::{entropy, is_issued};

pub(super) fn rules() -> Vec<Rule> {
    let rule = |kind, anchors, function| Rule {
        kind,
        anchors,
        find: Find::Function(function),
    };
    vec![
        rule(Kind::PrivateKey, &["-----BEGIN "], key_after),
        rule(Kind::PrivateKey, &["-----END "], key_before),
        rule(Kind::JsonWebToken, &["eyJ"], json_web_token),
        rule(Kind::AwsSecretKey, &["AKIA", "ASIA"], aws_secret_key),
        rule(Kind::TwilioKey, &["AC"], twilio_token),
        rule(Kind::TelegramToken, &[":AA"], telegram_token),
    ]
}

const LONGEST_KEY: usize = 16 * 1024;
const LONGEST_LABEL: usize = 48;
/// A text about keys has no such line.
const SHORTEST_LINE: usize = 32;
/// How far apart two halves of one credential stand.
const NEAR: usize = 200;

/// A block from its first line to its last, or as far as the text holds it.
fn key_after(text: &str, at: usize) -> Option<Range<usize>> {
    let body = at + "-----BEGIN ".len() + private_label(text, at + "-----BEGIN ".len())?;
    let rest = window(text, body, LONGEST_KEY);
    let next = rest.find("-----").unwrap_or(rest.len());
    let inside = rest.get(..next)?;
    if !holds_a_key(inside) {
        return None;
    }
    let last_line = rest.get(next..)?.strip_prefix("-----END ");
    let last = last_line.and_then(|_| private_label(text, body + next + "-----END ".len()));
    match last {
        Some(label) => Some(at..body + next + "-----END ".len() + label),
        // Cut off: what belongs to a key, and not the code that follows it.
        None => Some(at..body + run(rest, 0, belongs_to_key)),
    }
}

/// The end of a block whose beginning was cut off.
fn key_before(text: &str, at: usize) -> Option<Range<usize>> {
    let label = at + "-----END ".len();
    let end = label + private_label(text, label)?;
    let length = run_before(text, at, LONGEST_KEY, belongs_to_key);
    holds_a_key(text.get(at - length..at)?).then_some(at - length..end)
}

fn holds_a_key(text: &str) -> bool {
    let mut lines = text.split(|character: char| !u8::try_from(character).is_ok_and(is_base64));
    lines.any(|line| line.len() >= SHORTEST_LINE && entropy(line) >= 3.0)
}

/// The length of `RSA PRIVATE KEY-----`.
fn private_label(text: &str, at: usize) -> Option<usize> {
    let label = window(text, at, LONGEST_LABEL);
    let (name, _) = label.split_once("-----")?;
    let name = name.strip_suffix(" BLOCK").unwrap_or(name);
    let length = label.find("-----")? + "-----".len();
    name.ends_with("PRIVATE KEY").then_some(length)
}

/// Base64 with what strings in code put around its lines.
fn belongs_to_key(byte: u8) -> bool {
    is_base64(byte) || byte.is_ascii_whitespace() || matches!(byte, b'=' | b'\\' | b'"' | b'\'' | b',')
}

/// Three parts, or five when it is encrypted, of which the first decodes to a header.
fn json_web_token(text: &str, at: usize) -> Option<Range<usize>> {
    let inside_another = matches!(byte_before(text, at), Some(b'-' | b'.'));
    if inside_another || !starts_word(text, at) {
        return None;
    }
    let header = run(text, at, is_base64url);
    let mut end = at + header;
    let mut parts = 1;
    while parts < 5 && byte_at(text, end) == Some(b'.') {
        let length = run(text, end + 1, is_base64url);
        if length == 0 && parts < 3 {
            break;
        }
        end += 1 + length;
        parts += 1;
    }
    let decoded = decode_base64(text.get(at..at + header)?)?;
    let is_header = decoded.starts_with(b"{") && decoded.windows(5).any(|key| key == b"\"alg\"");
    (parts >= 3 && end - at >= 40 && is_header).then_some(at..end)
}

/// The 40 characters beside the id of a key. A git commit has 40, too, but no capitals.
fn aws_secret_key(text: &str, at: usize) -> Option<Range<usize>> {
    if !starts_word(text, at)
        || run(text, at, |byte| {
            byte.is_ascii_uppercase() || byte.is_ascii_digit()
        }) != 20
    {
        return None;
    }
    pieces_around(text, at..at + 20, NEAR, is_base64).find(|piece| {
        let piece = text.get(piece.clone()).unwrap_or("");
        let has = |class: fn(&u8) -> bool| piece.bytes().any(|byte| class(&byte));
        piece.len() == 40
            && has(u8::is_ascii_uppercase)
            && has(u8::is_ascii_lowercase)
            && has(u8::is_ascii_digit)
            && entropy(piece) >= 4.0
            && is_issued(piece)
    })
}

/// The 32 digits beside the id of an account.
fn twilio_token(text: &str, at: usize) -> Option<Range<usize>> {
    let is_hex = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
    if window(text, at, 2) != "AC" || run(text, at + 2, is_hex) != 32 || !starts_word(text, at) {
        return None;
    }
    pieces_around(text, at..at + 34, NEAR, |byte| byte.is_ascii_alphanumeric()).find(|piece| {
        let piece = text.get(piece.clone()).unwrap_or("");
        piece.len() == 32 && piece.bytes().all(is_hex) && is_issued(piece)
    })
}

/// The number of a bot, a colon, and 35 characters of which the first two are `AA`.
fn telegram_token(text: &str, at: usize) -> Option<Range<usize>> {
    let number = run_before(text, at, 11, |byte| byte.is_ascii_digit());
    let start = at - number;
    // In an address it follows the word `bot`.
    let stands_alone = starts_word(text, start) || window_before(text, start, 4) == "/bot";
    let secret = run(text, at + 1, is_base64url);
    let range = start..at + 1 + secret;
    let is_token = (8..=10).contains(&number) && secret == 35 && window(text, at, 3) == ":AA";
    (is_token && stands_alone && is_issued(text.get(range.clone())?)).then_some(range)
}
