use std::ops::Range;

use super::{Find, Rule};
use crate::boundary::{byte_at, byte_before, run, run_before, window_before};
use crate::kind::Kind;

pub(super) fn rules() -> Vec<Rule> {
    vec![Rule {
        kind: Kind::Email,
        anchors: &["@"],
        find: Find::Function(address),
    }]
}

const LONGEST_LOCAL: usize = 64;
/// Domains that RFC 2606 and RFC 6761 keep for examples and for one's own machine.
const NOBODYS: [&str; 8] = [
    "example.com",
    "example.org",
    "example.net",
    "example.edu",
    "test",
    "example",
    "invalid",
    "localhost",
];
/// What comes before the sign when nobody reads the mail.
const NO_PERSON: [&str; 6] = ["git", "hg", "noreply", "no-reply", "donotreply", "do-not-reply"];
/// Endings of file names and units, as in `icon@2x.png` and `getty@tty1.service`.
const FILE_ENDINGS: [&str; 26] = [
    "png", "jpg", "jpeg", "gif", "svg", "webp", "ico", "css", "scss", "js", "mjs", "cjs", "ts", "tsx", "jsx",
    "json", "html", "md", "tgz", "zip", "gz", "whl", "service", "socket", "timer", "target",
];

/// The address around the sign at `at`.
fn address(text: &str, at: usize) -> Option<Range<usize>> {
    let local = run_before(text, at, LONGEST_LOCAL, is_local);
    let mut local = text.get(at - local..at)?.trim_start_matches(['.', '-', '+', '%']);
    if byte_before(text, at - local.len()) == Some(b'\\') {
        // `\nmaria@…` as it stands in a string.
        local = local.get(1..)?;
    }
    let domain = run(text, at + 1, |byte| {
        byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'.'
    });
    let domain = text.get(at + 1..at + 1 + domain)?.trim_end_matches(['.', '-']);
    let range = at - local.len()..at + 1 + domain.len();
    let is_address = !local.is_empty()
        && !local.ends_with('.')
        && is_domain(domain)
        && !is_nobodys(&local.to_ascii_lowercase(), &domain.to_ascii_lowercase())
        && !matches!(byte_at(text, range.end), Some(b'(' | b'_'))
        && !names_a_server(text, range.start);
    is_address.then_some(range)
}

fn is_local(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'%' | b'+' | b'-')
}

fn is_domain(domain: &str) -> bool {
    let Some((name, top)) = domain.rsplit_once('.') else {
        return false;
    };
    let is_top = (2..=24).contains(&top.len()) && top.bytes().all(|byte| byte.is_ascii_alphabetic());
    let are_labels = name
        .split('.')
        .all(|label| !label.is_empty() && label.len() < 64 && !label.starts_with('-'));
    // A density of pixels, as in `icon@2x.png`, or a version, as in `netty@4.1.Final`.
    let is_density = name.len() == 2 && name.ends_with('x');
    let is_version = name.contains('.') && name.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    is_top && are_labels && !is_density && !is_version && !FILE_ENDINGS.contains(&top)
}

fn is_nobodys(local: &str, domain: &str) -> bool {
    let kept = NOBODYS.iter().any(|name| {
        domain
            .strip_suffix(name)
            .is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
    });
    kept || NO_PERSON.contains(&local)
}

/// Whether this is the `user:password@host` of a URL, which is somebody else's matter.
fn names_a_server(text: &str, start: usize) -> bool {
    if !matches!(byte_before(text, start), Some(b':' | b'/')) {
        return false;
    }
    let before = window_before(text, start, 128);
    let scheme = before.rfind("://").and_then(|scheme| before.get(scheme + 3..));
    scheme.is_some_and(|authority| {
        !authority.contains(|character: char| character.is_whitespace() || "/?#\"'".contains(character))
    })
}
