use std::net::{Ipv4Addr, Ipv6Addr};
use std::ops::Range;

use crate::boundary::{byte_at, byte_before, is_word, run, run_before, window, window_before};

/// Where a word says what the number is.
const CONTEXT: usize = 24;
/// With the mark that may follow; of what is longer no part is an address.
const LONGEST_4: usize = "255.255.255.255.".len();
const LONGEST_6: usize = "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff:".len();

/// A public address such as `192.0.2.1` would be, were it not kept for examples.
pub(super) fn version_4(text: &str, start: usize) -> Option<Range<usize>> {
    let rest = window(text, start, LONGEST_4);
    let length = run(rest, 0, |byte| byte.is_ascii_digit() || byte == b'.');
    let address = rest.get(..length)?.trim_end_matches('.');
    let end = start + address.len();
    let parsed: Ipv4Addr = address.parse().ok()?;
    let stands_alone = !begins_inside(text, start) && ends_address(text, end);
    (stands_alone && is_public_4(parsed) && !is_version(text, start, parsed)).then_some(start..end)
}

/// A public address such as `2001:db8::1` would be, were it not kept for examples.
pub(super) fn version_6(text: &str, start: usize) -> Option<Range<usize>> {
    if !matches!(byte_at(text, start), Some(b'2' | b'3'))
        || run(text, start, |byte| byte.is_ascii_hexdigit()) != 4
    {
        return None;
    }
    let rest = window(text, start, LONGEST_6);
    let length = run(rest, 0, |byte| byte.is_ascii_hexdigit() || byte == b':');
    let mut address = rest.get(..length)?;
    if address.ends_with(':') && !address.ends_with("::") {
        address = address.trim_end_matches(':');
    }
    let end = start + address.len();
    let parsed: Ipv6Addr = address.parse().ok()?;
    let stands_alone = !begins_inside(text, start) && !follows_group(text, start) && ends_address(text, end);
    (stands_alone && is_public_6(parsed)).then_some(start..end)
}

/// After `fd00:` it is the rest of a longer address.
fn follows_group(text: &str, start: usize) -> bool {
    let group = start
        .checked_sub(1)
        .map_or(0, |colon| run_before(text, colon, 5, is_word));
    let group = window_before(text, start, group + 1)
        .strip_suffix(':')
        .unwrap_or("");
    (1..=4).contains(&group.len()) && group.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// Part of a longer number, or of a name with a version, as in `Chrome/120.0.0.0` and `tool-1.2.3.4`.
fn begins_inside(text: &str, start: usize) -> bool {
    let earlier = start.checked_sub(1).and_then(|at| byte_before(text, at));
    match byte_before(text, start) {
        Some(b'-' | b'/') => earlier.is_some_and(is_word),
        Some(before) => {
            matches!(before, b'.' | b':' | b'^' | b'~') && (before != b':' || earlier == Some(b':'))
        }
        None => false,
    }
}

fn ends_address(text: &str, end: usize) -> bool {
    let goes_on =
        matches!(byte_at(text, end), Some(b'-' | b'.' | b'+')) && byte_at(text, end + 1).is_some_and(is_word);
    !byte_at(text, end).is_some_and(is_word) && !goes_on
}

fn is_public_4(address: Ipv4Addr) -> bool {
    let [first, second, third, _] = address.octets();
    let is_shared = first == 100 && (64..128).contains(&second);
    let is_kept = (first == 192 && second == 0 && third == 0) || (first == 198 && (18..20).contains(&second));
    let is_nobodys = first == 0 || first >= 224 || is_shared || is_kept;
    !is_nobodys
        && !address.is_private()
        && !address.is_loopback()
        && !address.is_link_local()
        && !address.is_documentation()
}

/// 2000::/3 but for the blocks of special protocols, documentation and the old transition.
fn is_public_6(address: Ipv6Addr) -> bool {
    let [first, second, ..] = address.segments();
    let is_special = first == 0x2001 && (second < 0x0200 || second == 0x0db8);
    (0x2000..0x4000).contains(&first) && !is_special && first != 0x2002 && first < 0x3fff
}

/// Four numbers are a version where something says so, and where they look like one unless something says otherwise.
fn is_version(text: &str, start: usize, address: Ipv4Addr) -> bool {
    let before = window_before(text, start, CONTEXT);
    let line = before.rsplit('\n').next().unwrap_or(before).to_ascii_lowercase();
    let names = |names: &[&str]| {
        line.split(|character: char| !character.is_alphabetic())
            .any(|word| names.contains(&word))
    };
    let is_pinned =
        line.ends_with("==") || line.ends_with(">=") || line.ends_with("<=") || line.ends_with("~=");
    let [first, second, ..] = address.octets();
    let is_small = address.octets().iter().all(|octet| *octet < 32);
    // Object identifiers begin with 0, 1 or 2, and go on below 40.
    let may_be_identifier = first < 3 && second < 40;
    is_pinned
        || line.contains("version")
        || names(&["release", "section", "chapter"])
        || ((is_small || may_be_identifier)
            && !names(&[
                "ip", "host", "address", "addr", "server", "dns", "http", "https", "client", "peer",
            ]))
}
