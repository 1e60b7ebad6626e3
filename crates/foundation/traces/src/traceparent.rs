use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A place in a trace, as W3C Trace Context writes it: `00-TRACE-SPAN-FLAGS`.
///
/// ```
/// use tenon_traces::Traceparent;
///
/// let text = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
/// let place: Traceparent = text.parse()?;
/// assert_eq!(place.to_string(), text);
/// # Ok::<(), tenon_traces::NoTraceparent>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Traceparent {
    /// The trace; not 0.
    pub trace: u128,
    /// The span; not 0.
    pub span: u64,
    /// Bit 0: it is recorded.
    pub flags: u8,
}

/// A text that is no place in a trace.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "it is no traceparent: `00`, 32, 16 and 2 digits of a hexadecimal number in lower case, with `-` between them"
)]
pub struct NoTraceparent;

impl FromStr for Traceparent {
    type Err = NoTraceparent;

    fn from_str(text: &str) -> Result<Self, NoTraceparent> {
        let mut parts = text.trim().split('-');
        let mut part = |digits: usize| {
            let part = parts.next().filter(|part| part.len() == digits);
            let is_hex = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
            part.filter(|part| part.bytes().all(is_hex)).ok_or(NoTraceparent)
        };
        let (version, trace, span, flags) = (part(2)?, part(32)?, part(16)?, part(2)?);
        // Later versions may add parts behind these.
        if version == "ff" || version == "00" && parts.next().is_some() {
            return Err(NoTraceparent);
        }
        let place = Self {
            trace: u128::from_str_radix(trace, 16).map_err(|_| NoTraceparent)?,
            span: u64::from_str_radix(span, 16).map_err(|_| NoTraceparent)?,
            flags: u8::from_str_radix(flags, 16).map_err(|_| NoTraceparent)?,
        };
        match place.trace == 0 || place.span == 0 {
            true => Err(NoTraceparent),
            false => Ok(place),
        }
    }
}

impl fmt::Display for Traceparent {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { trace, span, flags } = self;
        write!(formatter, "00-{trace:032x}-{span:016x}-{flags:02x}")
    }
}

impl TryFrom<String> for Traceparent {
    type Error = NoTraceparent;

    fn try_from(text: String) -> Result<Self, NoTraceparent> {
        text.parse()
    }
}

impl From<Traceparent> for String {
    fn from(place: Traceparent) -> Self {
        place.to_string()
    }
}

#[cfg(test)]
mod tests {
    #![allow(
        clippy::unwrap_used,
        reason = "a test that cannot go on should say so and stop"
    )]

    use super::*;

    const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
    const SPAN: &str = "b7ad6b7169203331";

    #[test]
    fn what_is_no_place_in_a_trace_is_refused() {
        let zeros = "0".repeat(32);
        for text in [
            String::new(),
            format!("00-{TRACE}-{SPAN}"),
            format!("00-{TRACE}-{SPAN}-01-more"),
            format!("ff-{TRACE}-{SPAN}-01"),
            format!("00-{}-{SPAN}-01", TRACE.to_uppercase()),
            format!("00-{zeros}-{SPAN}-01"),
            format!("00-{TRACE}-0000000000000000-01"),
            format!("00-{TRACE}-+7ad6b7169203331-01"),
            format!("00-{TRACE}é-{SPAN}-01"),
        ] {
            assert_eq!(text.parse::<Traceparent>(), Err(NoTraceparent), "{text}");
        }
    }

    #[test]
    fn later_versions_are_read_as_far_as_they_are_known() {
        let place: Traceparent = format!("cc-{TRACE}-{SPAN}-03-more").parse().unwrap();
        assert_eq!(place.to_string(), format!("00-{TRACE}-{SPAN}-03"));
    }

    #[test]
    fn without_a_carrier_nothing_is_handed_over() {
        assert_eq!(crate::current(), None);
        let span = tracing::Span::none();
        crate::adopt(&span, Some(&format!("00-{TRACE}-{SPAN}-01")));
        crate::link(&span, None);
    }
}
