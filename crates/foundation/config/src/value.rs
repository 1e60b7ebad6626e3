//! What values may be, in one place for files, variables and flags. Reasons continue the sentence "`key` …".

use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::time::Duration;

use serde::Serialize;
use tenon_domain::Secret;

pub(crate) const THREADS: RangeInclusive<u64> = 1..=1024;
pub(crate) const CONTEXT_LENGTH: RangeInclusive<u64> = 512..=1_048_576;
pub(crate) const PARALLEL: RangeInclusive<u64> = 1..=64;
pub(crate) const MAX_ATTEMPTS: RangeInclusive<u64> = 1..=64;
pub(crate) const ROUTE_ATTEMPTS: RangeInclusive<u64> = 1..=16;
pub(crate) const WEIGHT: RangeInclusive<u64> = 1..=1000;
pub(crate) const TIER: RangeInclusive<u64> = 0..=15;
const MAX_TIME: RangeInclusive<Duration> = Duration::from_secs(1)..=Duration::from_secs(24 * 60 * 60);
const SESSION: RangeInclusive<Duration> = Duration::from_secs(60)..=Duration::from_secs(30 * 24 * 60 * 60);
const MAX_MODELS: usize = 8;

/// How generated code is isolated when it runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum SandboxMode {
    /// In namespaces of its own, by bubblewrap; where that cannot be had, nothing is executed.
    Bubblewrap,
    /// With the user's own rights.
    None,
}

impl SandboxMode {
    /// The word in files and on the command line.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Bubblewrap => "bubblewrap",
            Self::None => "none",
        }
    }
}

pub(crate) fn sandbox(text: &str) -> Result<SandboxMode, String> {
    match text {
        "bubblewrap" => Ok(SandboxMode::Bubblewrap),
        "none" => Ok(SandboxMode::None),
        _ => Err(format!("is `{text}`; accepted are `bubblewrap` and `none`")),
    }
}

pub(crate) fn number(value: u64, range: RangeInclusive<u64>) -> Result<u32, String> {
    if !range.contains(&value) {
        return Err(format!(
            "is {value}; accepted are {} to {}",
            range.start(),
            range.end()
        ));
    }
    u32::try_from(value).map_err(|error| error.to_string())
}

pub(crate) fn number_text(text: &str, range: RangeInclusive<u64>) -> Result<u32, String> {
    let value = text.trim().parse();
    number(
        value.map_err(|_| format!("is `{text}`; expected a number"))?,
        range,
    )
}

pub(crate) fn switch_text(text: &str) -> Result<bool, String> {
    let value = text.trim().parse();
    value.map_err(|_| format!("is `{text}`; accepted are `true` and `false`"))
}

pub(crate) fn max_time(duration: Duration) -> Result<Duration, String> {
    if MAX_TIME.contains(&duration) {
        return Ok(duration);
    }
    Err(format!("is {} s; accepted are 1s to 24h", duration.as_secs_f64()))
}

pub(crate) fn max_time_text(text: &str) -> Result<Duration, String> {
    max_time(parse_duration(text).map_err(|reason| format!("is `{text}`: {reason}"))?)
}

/// Reads dollars as millionths of one.
pub(crate) fn micros(text: &str) -> Result<u64, String> {
    const PLACES: usize = 6;
    let wrong = || format!("is `{text}`; expected US dollars for a million tokens, such as `0.15`");
    let (whole, part) = text.split_once('.').unwrap_or((text, ""));
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if whole.is_empty() || whole.len() > 6 || part.len() > PLACES || !digits(whole) || !digits(part) {
        return Err(wrong());
    }
    format!("{whole}{part:0<PLACES$}").parse().map_err(|_| wrong())
}

pub(crate) fn session_text(text: &str) -> Result<Duration, String> {
    let duration = parse_duration(text).map_err(|reason| format!("is `{text}`: {reason}"))?;
    match SESSION.contains(&duration) {
        true => Ok(duration),
        false => Err(format!("is `{text}`; accepted are 1m to 720h")),
    }
}

/// Reads `90s`, `5m`, `1h` or `1h30m`.
///
/// # Errors
/// With what was expected.
pub fn parse_duration(text: &str) -> Result<Duration, String> {
    const EXPECTED: &str = "expected a time such as `90s`, `5m` or `1h30m`";
    let mut rest = text.trim();
    let mut last_unit = u64::MAX;
    let mut seconds: u64 = 0;
    if rest.is_empty() {
        return Err(EXPECTED.to_owned());
    }
    while !rest.is_empty() {
        let digits = rest
            .find(|character: char| !character.is_ascii_digit())
            .ok_or(EXPECTED)?;
        let (count, tail) = rest.split_at_checked(digits).ok_or(EXPECTED)?;
        let (unit, tail) = match tail.split_at_checked(1).ok_or(EXPECTED)? {
            ("h", tail) => (3600, tail),
            ("m", tail) => (60, tail),
            ("s", tail) => (1, tail),
            _ => return Err(EXPECTED.to_owned()),
        };
        // Units fall, so that `5m5m` and `1s1h` are not taken for something that was meant.
        if unit >= last_unit {
            return Err(EXPECTED.to_owned());
        }
        last_unit = unit;
        let count: u64 = count.parse().map_err(|_| EXPECTED)?;
        seconds = count
            .checked_mul(unit)
            .and_then(|part| seconds.checked_add(part))
            .ok_or("longer than anything that ends")?;
        rest = tail;
    }
    Ok(Duration::from_secs(seconds))
}

pub(crate) fn models(names: Vec<String>) -> Result<Vec<String>, String> {
    if names.is_empty() || names.len() > MAX_MODELS {
        return Err(format!(
            "names {} models; accepted are 1 to {MAX_MODELS}",
            names.len()
        ));
    }
    names.into_iter().map(|name| model_name(&name)).collect()
}

pub(crate) fn models_text(text: &str) -> Result<Vec<String>, String> {
    models(text.split(',').map(|name| name.trim().to_owned()).collect())
}

pub(crate) fn model_name(name: &str) -> Result<String, String> {
    let plain = |character: char| character.is_ascii_alphanumeric() || "-_.:@/".contains(character);
    if name.is_empty() || name.len() > 200 || !name.chars().all(plain) {
        return Err(format!(
            "holds `{}`, which is not a name: letters, digits and `-_.:@/` are accepted",
            name.escape_debug()
        ));
    }
    Ok(name.to_owned())
}

pub(crate) fn folder(text: &str, home: Option<&PathBuf>) -> Result<PathBuf, String> {
    let path = match (text.strip_prefix("~/"), home) {
        (Some(rest), Some(home)) => home.join(rest),
        (Some(_), None) => return Err(format!("is `{text}`, but there is no home folder")),
        (None, _) => PathBuf::from(text),
    };
    if path.is_absolute() {
        return Ok(path);
    }
    Err(format!(
        "is `{text}`; expected an absolute path, or one that starts with `~/`"
    ))
}

/// `NAME=VALUE`, separated by commas; in values `%2C` stands for a comma, as OpenTelemetry writes them.
pub(crate) fn headers(text: &str) -> Result<Vec<(String, Secret)>, String> {
    let pairs = text.split(',').map(str::trim).filter(|pair| !pair.is_empty());
    let read = |(number, pair): (usize, &str)| {
        // Whatever is wrong, a value may be a credential and is not shown.
        let wrong = |what: &str| format!("has a wrong header, number {}: {what}", number + 1);
        let (name, value) = pair.split_once('=').ok_or_else(|| wrong("expected NAME=VALUE"))?;
        let (name, value) = (name.trim(), decoded(value.trim()));
        let is_of_name = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
        if name.is_empty() || !name.bytes().all(is_of_name) {
            return Err(wrong("names are of letters, digits and `-`"));
        }
        let value = value.filter(|value| value.bytes().all(|byte| (b' '..=b'~').contains(&byte)));
        let value = value.ok_or_else(|| wrong("its value cannot be sent"))?;
        Ok((name.to_owned(), Secret::new(&value)))
    };
    pairs.enumerate().map(read).collect()
}

/// With `%XX` read as the byte that it stands for.
fn decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        rest = after;
        if *first == b'%' {
            let digits = std::str::from_utf8(after.get(..2)?).ok()?;
            bytes.push(u8::from_str_radix(digits, 16).ok()?);
            rest = after.get(2..)?;
        } else {
            bytes.push(*first);
        }
    }
    String::from_utf8(bytes).ok()
}

pub(crate) fn address(text: &str) -> Result<String, String> {
    let rest = text
        .strip_prefix("https://")
        .or_else(|| text.strip_prefix("http://"))
        .ok_or_else(|| {
            format!("is `{text}`; expected an address that starts with `https://` or `http://`")
        })?;
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    if authority.contains('@') {
        // The address is shown in errors and by `tenon config`; a password in it would be too.
        return Err(
            "holds a user name or password; use `api_key_env` or `api_key_file` for credentials".to_owned(),
        );
    }
    if authority.is_empty()
        || text
            .chars()
            .any(|character| character.is_whitespace() || character.is_control())
    {
        return Err(format!("is `{}`, which is not an address", text.escape_debug()));
    }
    Ok(text.trim_end_matches('/').to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read() {
        assert_eq!(parse_duration("90s"), Ok(Duration::from_secs(90)));
        assert_eq!(parse_duration(" 1h30m "), Ok(Duration::from_secs(5400)));
        for text in [
            "",
            "5",
            "m",
            "5 m",
            "1m1h",
            "5m5m",
            "-1s",
            "1.5h",
            "5é",
            "99999999999999999999s",
            "9999999999999999h",
        ] {
            assert!(parse_duration(text).is_err(), "{text:?} must be refused");
        }
    }

    #[test]
    fn prices_are_read_to_the_millionth() {
        assert_eq!(micros("0.15"), Ok(150_000));
        assert_eq!(micros("12"), Ok(12_000_000));
        assert_eq!(micros("0.000001"), Ok(1));
        for text in [
            "",
            ".5",
            "-1",
            "1e3",
            "inf",
            "0.0000001",
            "1234567",
            "1.2.3",
            "+1",
        ] {
            assert!(micros(text).is_err(), "{text:?} must be refused");
        }
    }

    #[test]
    fn an_address_carries_no_password() {
        assert!(address("https://user:pw@host/v1").is_err());
        assert_eq!(
            address("http://[::1]:8080/v1/"),
            Ok("http://[::1]:8080/v1".to_owned())
        );
        for text in ["ftp://x", "https://", "https:///x", "https://a b", "host:80"] {
            assert!(address(text).is_err(), "{text:?} must be refused");
        }
    }

    proptest::proptest! {
        #[test]
        fn any_text_is_read_or_refused(text in "\\PC{0,20}") {
            let _ = (parse_duration(&text), address(&text), models_text(&text), folder(&text, None));
        }
    }
}
