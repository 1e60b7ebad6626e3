//! A moment as milliseconds since 1970 UTC, and as the one RFC 3339 text that stands for it.
//!
//! Days are counted after Howard Hinnant's "chrono-compatible low-level date algorithms": years begin in March, so
//! that the leap day comes last.

use serde::{Deserialize, Deserializer, Serializer};

/// The last moment that has a year of four digits.
const LATEST: i64 = 253_402_300_799_999;
const DAY: i64 = 86_400_000;

/// The nearest moment that can be written.
pub fn bounded(milliseconds: i64) -> i64 {
    milliseconds.clamp(0, LATEST)
}

/// For `#[serde(with = "moment")]`: writes the text.
///
/// # Errors
/// When the serialiser does.
pub fn serialize<S: Serializer>(milliseconds: &i64, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&to_text(*milliseconds))
}

/// For `#[serde(with = "moment")]`: reads the text.
///
/// # Errors
/// When it is not the text of a moment.
pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<i64, D::Error> {
    let text = String::deserialize(deserializer)?;
    from_text(&text)
        .ok_or_else(|| serde::de::Error::custom(format!("`{}` is not a moment in UTC", text.escape_debug())))
}

/// The text that stands for a moment, such as `2026-01-31T12:00:00.000Z`; one that cannot be written is the nearest that can.
pub fn to_text(milliseconds: i64) -> String {
    let milliseconds = bounded(milliseconds);
    let (year, month, day) = date(milliseconds / DAY);
    let (seconds, fraction) = (milliseconds % DAY / 1000, milliseconds % 1000);
    let (hour, minute, second) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{fraction:03}Z")
}

/// The moment whose text is exactly `text`.
pub fn from_text(text: &str) -> Option<i64> {
    let number = |from: usize, to: usize| text.get(from..to)?.parse::<i64>().ok();
    let days = days(number(0, 4)?, number(5, 7)?, number(8, 10)?);
    let seconds = (number(11, 13)? * 60 + number(14, 16)?) * 60 + number(17, 19)?;
    let milliseconds = days * DAY + seconds * 1000 + number(20, 23)?;
    // Refuses what only looks alike: other separators, the thirtieth of February.
    (to_text(milliseconds) == text).then_some(milliseconds)
}

fn date(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let (era, day_of_era) = (days / 146_097, days % 146_097);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * from_march + 2) / 5 + 1;
    let month = if from_march < 10 {
        from_march + 3
    } else {
        from_march - 9
    };
    (era * 400 + year_of_era + i64::from(month <= 2), month, day)
}

fn days(year: i64, month: i64, day: i64) -> i64 {
    let year = year - i64::from(month <= 2);
    let (era, year_of_era) = (year.div_euclid(400), year.rem_euclid(400));
    let from_march = if month > 2 { month - 3 } else { month + 9 };
    let day_of_year = (153 * from_march + 2) / 5 + day - 1;
    era * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719_468
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn known_moments_are_written_as_everybody_writes_them() {
        for (milliseconds, text) in [
            (0, "1970-01-01T00:00:00.000Z"),
            (951_827_696_789, "2000-02-29T12:34:56.789Z"),
            (4_107_542_400_000, "2100-03-01T00:00:00.000Z"),
            (LATEST, "9999-12-31T23:59:59.999Z"),
        ] {
            assert_eq!(to_text(milliseconds), text);
        }
        assert_eq!(to_text(i64::MIN), to_text(0));
    }

    #[test]
    fn what_only_looks_like_a_moment_is_refused() {
        for text in [
            "",
            "2026-02-30T00:00:00.000Z",
            "2026-01-01 00:00:00.000Z",
            "2026-01-01T24:00:00.000Z",
            "2026-01-01T00:00:00.000+00:00",
            "1969-12-31T23:59:59.999Z",
        ] {
            assert_eq!(from_text(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn a_moment_survives_its_text_form(milliseconds in 0..=LATEST) {
            prop_assert_eq!(from_text(&to_text(milliseconds)), Some(milliseconds));
        }
    }
}
