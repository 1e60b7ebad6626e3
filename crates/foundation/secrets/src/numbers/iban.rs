use std::ops::Range;

use crate::boundary::{byte_at, ends_word, run_before, starts_word};
use crate::checksum;

/// Countries of the registry, with the lengths of their numbers.
const LENGTHS: &str = "AD24 AE23 AL28 AT20 AZ28 BA20 BE16 BG22 BH22 BI27 BR29 BY28 CH21 CR22 CY28 CZ24 DE22 DJ27 DK18 DO28 \
    EE20 EG29 ES24 FI18 FK18 FO18 FR27 GB22 GE22 GI23 GL18 GR27 GT28 HN28 HR21 HU28 IE22 IL23 IQ23 IS26 IT27 JO30 KW30 \
    KZ20 LB28 LC32 LI21 LT20 LU20 LV21 LY25 MC27 MD24 ME22 MK19 MN20 MR27 MT31 MU30 NI28 NL18 NO15 OM23 PK24 PL28 PS29 \
    PT25 QA29 RO24 RS22 RU33 SA24 SC31 SD18 SE24 SI19 SK24 SM27 SO23 ST25 SV28 TL23 TN24 TR26 UA29 VA22 VG24 XK20 YE30";

/// A bank account's number whose check digits begin at `digits`, plain or in groups of four.
pub(super) fn around(text: &str, digits: usize) -> Option<Range<usize>> {
    let country = run_before(text, digits, 3, |byte| byte.is_ascii_uppercase());
    let start = digits.checked_sub(2)?;
    if country != 2 || !starts_word(text, start) {
        return None;
    }
    let length = length_in(text.get(start..digits)?)?;
    let mut characters = String::with_capacity(length);
    let mut at = start;
    while characters.len() < length {
        match byte_at(text, at)? {
            byte if byte.is_ascii_uppercase() || byte.is_ascii_digit() => characters.push(char::from(byte)),
            b' ' if characters.len().is_multiple_of(4) => {}
            _ => return None,
        }
        at += 1;
    }
    (ends_word(text, at) && checksum::iban(&characters)).then_some(start..at)
}

fn length_in(country: &str) -> Option<usize> {
    let mut entries = LENGTHS.split_ascii_whitespace();
    entries.find_map(|entry| entry.strip_prefix(country)?.parse().ok())
}
