//! Values that nobody marked, but that stand where credentials stand.

use std::ops::Range;

use super::{Find, Pattern, Rule};
use crate::boundary::{byte_before, is_word, run, window_before};
use crate::encoding::decode_base64;
use crate::kind::Kind;
use crate::plausibility::{
    is_bare_credential, is_bare_password, is_credential, is_drawn, is_given, is_issued, is_password,
};

const PASSWORD: &str = r"(?:password|passwd|passphrase|passwort|pwd)";
const PASSWORD_ANCHORS: &[&str] = &["password", "passwd", "passphrase", "passwort", "pwd"];
const CREDENTIAL: &str = r"(?:secret|token|credential|(?:api|app|access|account|private|auth|signing|encryption|master|service|subscription)[_-]?key)";
const CREDENTIAL_ANCHORS: &[&str] = &[
    "secret",
    "token",
    "credential",
    "api_key",
    "apikey",
    "api-key",
    "app_key",
    "appkey",
    "app-key",
    "access_key",
    "accesskey",
    "access-key",
    "account_key",
    "accountkey",
    "account-key",
    "private_key",
    "privatekey",
    "private-key",
    "auth_key",
    "authkey",
    "auth-key",
    "signing_key",
    "signingkey",
    "signing-key",
    "encryption_key",
    "encryptionkey",
    "encryption-key",
    "master_key",
    "masterkey",
    "master-key",
    "service_key",
    "servicekey",
    "subscription_key",
    "subscription-key",
];

/// How names go on that still name the value itself: not `token_type`, not `tokenizer`.
const NAME_END: &str = r"s?(?:[_-]?(?:key|value|string|text|base64|hex|raw|access|prod|production|live|staging|dev|default|new|old|current|[a-z]?[0-9]{1,3}))*";
/// What stands between a name and its value: `=`, `: type =`, `"] =`, `", `.
const BETWEEN: &str = r#"(?:\\{0,2}["'`]\]?[ \t]{0,24}(?:=>|:=|={1,3}|!={1,2}|:)\s{0,32}|\\{0,2}["'`],[ \t]{0,4}|[ \t]{0,24}(?:=>|:=|={1,3}|!={1,2}|:(?:[ \t]{0,4}[&?A-Za-z0-9_<>\[\]'| ]{1,24}=)?)\s{0,32})"#;
/// A string of most languages, also as the first argument of a type's function.
const QUOTED: &str = r##"(?:(?:(?-i:[A-Z])[A-Za-z0-9_:.]{0,40}|hex!|bytes|\[\]byte)\()?\s{0,2}[A-Za-z@$]{0,2}#{0,2}(?:\\{0,2}"([^"\s]{6,}?)\\{0,2}"|\\{0,2}'([^'\s]{6,}?)\\{0,2}'|`([^`\s]{6,})`)"##;
/// The rest of a line in `.env` files, YAML, headers and logs, or the text of an XML element.
const BARE: &str = r#"(?:[ \t]{0,24}[=:][ \t]{0,24}([^\s"'`,;(){}\[\]<>|&\\]{6,})[ \t]*(?:\r?\n|\z|#|\\[nr]|["'`])|>([^<\s]{6,})</)"#;
/// A variable of a shell: capitals, and no space.
const EXPORTED: &str = r#"=([^\s"'`;<>|\\]{6,})"#;

pub(super) fn rules() -> Vec<Rule> {
    let mut rules = vec![
        pattern(
            Kind::UrlPassword,
            &["://"],
            &[r#"://[^\s:@/"'`<>]{0,128}:([^\s/"'`<>{}]{4,256})@[A-Za-z0-9\[]"#],
            is_given,
        ),
        Rule {
            kind: Kind::ConnectionPassword,
            anchors: &["password=", "pwd="],
            find: Find::Function(connection_password),
        },
    ];
    rules.extend(headers());
    rules.extend(assignments(
        Kind::Password,
        PASSWORD_ANCHORS,
        PASSWORD,
        [is_password, is_bare_password],
    ));
    rules.extend(assignments(
        Kind::Credential,
        CREDENTIAL_ANCHORS,
        CREDENTIAL,
        [is_credential, is_bare_credential],
    ));
    rules
}

fn headers() -> [Rule; 3] {
    let bearer = r#"(?i)bearer[ \t]{1,4}([A-Za-z0-9._~+/-]{12,}={0,2})"#;
    let basic = r#"(?i)basic[ \t]{1,4}([A-Za-z0-9+/]{8,}={0,2})"#;
    let other = r#"(?i)authorization\\{0,2}["'`]?[ \t]{0,4}[:=,][ \t]{0,4}\\{0,2}["'`]?(?:(?:token|apikey|key|bot)[ \t]{1,4})?([A-Za-z0-9._~+/-]{12,}={0,2})"#;
    [
        pattern(Kind::Authorization, &["bearer"], &[bearer], is_header_value),
        pattern(Kind::Authorization, &["basic"], &[basic], is_user_and_password),
        pattern(Kind::Authorization, &["authorization"], &[other], is_header_value),
    ]
}

fn assignments(
    kind: Kind,
    anchors: &'static [&'static str],
    name: &str,
    [quoted, bare]: [fn(&str) -> bool; 2],
) -> [Rule; 3] {
    let capitals = name.to_ascii_uppercase();
    let capital_end = NAME_END.to_ascii_uppercase();
    [
        pattern(kind, anchors, &["(?i)", name, NAME_END, BETWEEN, QUOTED], quoted),
        pattern(kind, anchors, &["(?i)", name, NAME_END, BARE], bare),
        pattern(kind, anchors, &[&capitals, &capital_end, EXPORTED], quoted),
    ]
}

fn pattern(kind: Kind, anchors: &'static [&'static str], parts: &[&str], holds: fn(&str) -> bool) -> Rule {
    Rule {
        kind,
        anchors,
        find: Find::Pattern(Pattern {
            text: parts.concat(),
            starts_word: false,
            holds,
        }),
    }
}

fn is_header_value(value: &str) -> bool {
    is_issued(value) && is_drawn(value)
}

/// Base64 of `user:password`.
fn is_user_and_password(value: &str) -> bool {
    let decoded = decode_base64(value).and_then(|bytes| String::from_utf8(bytes).ok());
    decoded.is_some_and(|text| {
        let is_printable = text.chars().all(|character| !character.is_control());
        is_printable
            && text
                .split_once(':')
                .is_some_and(|(user, password)| !user.is_empty() && !password.is_empty())
    })
}

/// `Server=…;Password=…;`, `host=… password=…` and `?password=…`.
fn connection_password(text: &str, at: usize) -> Option<Range<usize>> {
    let start = at + run(text, at, is_word) + 1;
    let length = text
        .get(start..)?
        .bytes()
        .take(256)
        .take_while(|byte| !ends_value(*byte))
        .count();
    let value = text.get(start..start + length)?;
    let stands_in_one = match byte_before(text, at)? {
        b'?' | b'&' => true,
        b';' | b' ' => names_a_server(window_before(text, at, 160)),
        _ => false,
    };
    (stands_in_one && is_given(value)).then_some(start..start + length)
}

fn ends_value(byte: u8) -> bool {
    byte.is_ascii_whitespace()
        || matches!(
            byte,
            b';' | b'"' | b'\'' | b'&' | b'`' | b'<' | b'>' | b'{' | b'}' | b'\\'
        )
}

fn names_a_server(before: &str) -> bool {
    let line = before.rsplit('\n').next().unwrap_or(before).to_ascii_lowercase();
    [
        "server=",
        "host=",
        "data source=",
        "database=",
        "dbname=",
        "user id=",
        "uid=",
        "user=",
    ]
    .iter()
    .any(|key| line.contains(key))
}
