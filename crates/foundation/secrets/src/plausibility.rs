//! Whether a value looks like what its name or its prefix claims.
//!
//! Who issues tokens draws them by chance; who writes code uses words, paths and names of variables. What may be either is
//! taken for a secret only where something else speaks for it.

mod shape;

pub use shape::entropy;
pub(crate) use shape::is_drawn;
use shape::{classes, digit_edges, is_sequence, is_slug, is_uneven, is_variable, stem};

/// Words that whoever writes an example uses, too long to turn up in a drawn token by chance.
const EXAMPLE_WORDS: &[&str] = &[
    "example",
    "placeholder",
    "redacted",
    "changeme",
    "change_me",
    "change-me",
    "your_",
    "your-",
    "xxxxxx",
    "......",
];
/// What values are called that mean nothing, where they stand for themselves, with or without a number.
const EMPTY_WORDS: &[&str] = &[
    "test",
    "tests",
    "testing",
    "your",
    "my",
    "fake",
    "mock",
    "demo",
    "dummy",
    "sample",
    "todo",
    "none",
    "null",
    "undefined",
    "insert",
    "replace",
    "enter",
    "foo",
    "bar",
    "foobar",
    "string",
    "some",
    "xxx",
    "xxxx",
    "xxxxx",
    "env",
    "invalid",
    "not",
];
/// Passwords that everybody knows, and so hide nothing.
const KNOWN_PASSWORDS: &[&str] = &[
    "password",
    "passwd",
    "pass",
    "pwd",
    "passphrase",
    "secret",
    "token",
    "key",
    "apikey",
    "api_key",
    "admin",
    "root",
    "user",
    "username",
    "test",
    "testing",
    "foo",
    "bar",
    "foobar",
    "demo",
    "postgres",
    "mysql",
    "mongo",
    "guest",
    "rabbitmq",
    "minio",
    "redis",
    "string",
];
const LONGEST_VALUE: usize = 384;

/// A token whose prefix says who issued it: everything but examples.
pub(crate) fn is_issued(token: &str) -> bool {
    let lower = token.to_ascii_lowercase();
    !is_example(&lower) && entropy(token) >= 2.8 && !is_sequence(token)
}

fn is_example(lower: &str) -> bool {
    EXAMPLE_WORDS.iter().any(|word| lower.contains(word))
}

/// A token that carries its own checksum: with a right one, no word can make it an example.
pub(crate) fn is_issued_with_checksum(token: &str) -> bool {
    is_issued(token) || crate::checksum::token_crc(token)
}

/// Whether a value looks like what is issued: drawn by chance, and no example, name or path.
#[must_use]
pub fn is_credential(value: &str) -> bool {
    (8..=LONGEST_VALUE).contains(&value.len())
        && !is_empty_value(value)
        && !has_brackets(value)
        && !is_slug(value)
        && is_drawn(value)
}

/// What is drawn has none; patterns and markup have.
fn has_brackets(value: &str) -> bool {
    value.contains(['[', ']', '(', ')', '{', '}', '<', '>', '|', '\\'])
}

/// The value of something called a password: what people think of, too.
pub(crate) fn is_password(value: &str) -> bool {
    let has_digit = value.bytes().any(|byte| byte.is_ascii_digit());
    let thought_of = has_digit && classes(value) >= 2 && entropy(value) >= 2.5;
    (6..=LONGEST_VALUE).contains(&value.len())
        && !is_empty_value(value)
        && !is_slug(value)
        && (thought_of || is_drawn(value))
}

/// A value without quotes may be code: a name is no secret unless it looks drawn.
pub(crate) fn is_bare_credential(value: &str) -> bool {
    is_credential(value) && !reads_as_code(value)
}

/// The same for passwords.
pub(crate) fn is_bare_password(value: &str) -> bool {
    is_password(value) && !reads_as_code(value)
}

/// A password that stands where only passwords stand, such as in a URL.
pub(crate) fn is_given(value: &str) -> bool {
    (4..=LONGEST_VALUE).contains(&value.len()) && !is_empty_value(value)
}

/// A name in code, or a path through objects.
fn reads_as_code(value: &str) -> bool {
    let is_name = value
        .bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'.');
    let is_certain = value.starts_with(|character: char| character.is_ascii_digit())
        || digit_edges(value) >= 3
        || is_uneven(value);
    is_name && (!is_certain || value.contains('.'))
}

/// A variable, an address, a template, a name in capitals, or a word that says that the value is missing.
fn is_empty_value(value: &str) -> bool {
    let lower = value.to_ascii_lowercase();
    is_template(&lower)
        || is_variable(value)
        || is_sequence(value)
        || is_example(&lower)
        || KNOWN_PASSWORDS.contains(&stem(&lower))
        || lower
            .split(|character: char| !character.is_ascii_alphanumeric())
            .any(is_empty_word)
}

fn is_template(lower: &str) -> bool {
    let marks = ["${", "{{", "%(", "#{", "$(", "://", "...", "…", "***", "()"];
    let brackets = [('{', '}'), ('<', '>'), ('[', ']'), ('(', ')')];
    marks.iter().any(|mark| lower.contains(mark))
        || brackets
            .iter()
            .any(|(open, close)| lower.starts_with(*open) && lower.ends_with(*close))
        || ["./", "../", "~/", "data:", "arn:"]
            .iter()
            .any(|start| lower.starts_with(start))
}

fn is_empty_word(piece: &str) -> bool {
    EMPTY_WORDS.contains(&piece.trim_end_matches(|character: char| character.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_drawn_is_told_from_what_is_written() {
        for drawn in [
            "kV9$wq2LpZ71",
            "b7d03f5a9c1e4826",
            "qWMZkPVTxNcRBLhG",
            "550e8400-e29b-41d4-a716-446655440000",
        ] {
            assert!(is_credential(drawn), "{drawn}");
        }
        for written in [
            "cl100k_base",
            "us-east-1",
            "Ed25519PrivateKey",
            "RdsDbInstanceArnToUse",
            "database-credentials-v2",
            "keys/id_rsa2.pem",
            "GITHUB_TOKEN_2",
            "$token",
            "${TOKEN_1}",
            "text-embedding-3-small",
            "abcdefgh12345678",
            "your-4pi-k3y-9here",
            "v1.2.3-beta4",
        ] {
            assert!(!is_credential(written), "{written}");
        }
    }

    #[test]
    fn passwords_that_hide_nothing_are_none() {
        for password in ["Summer2024!", "kV9$wq2L", "tr0ub4dor"] {
            assert!(is_password(password), "{password}");
        }
        for none in [
            "password123",
            "changeme1",
            "Passwort",
            "test1234",
            "admin!1",
            "{password1}",
            "/run/secrets/db1",
        ] {
            assert!(!is_password(none), "{none}");
        }
        assert!(!is_bare_password("password2_field1") && !is_bare_password("self.password1"));
    }
}
