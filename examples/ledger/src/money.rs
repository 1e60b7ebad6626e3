//! Amounts, in cents.

/// An amount of money; negative for what goes out.
pub type Cents = i64;

/// Shows an amount with two decimals: `-1205` becomes `-12.05`.
pub fn format_cents(amount: Cents) -> String {
    let sign = if amount < 0 { "-" } else { "" };
    let cents = amount.unsigned_abs();
    format!("{sign}{}.{:02}", cents / 100, cents % 100)
}

/// Reads `12`, `12.5` or `-12.50`; `None` for anything else.
pub fn parse_cents(text: &str) -> Option<Cents> {
    let text = text.trim();
    let (negative, digits) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text),
    };
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, "0"));
    let only_digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    if !only_digits(whole) || !only_digits(fraction) || fraction.len() > 2 {
        return None;
    }
    let cents: Cents = format!("{fraction:0<2}").parse().ok()?;
    let amount = whole.parse::<Cents>().ok()?.checked_mul(100)?.checked_add(cents)?;
    Some(if negative { -amount } else { amount })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shows_two_decimals() {
        assert_eq!(format_cents(5), "0.05");
        assert_eq!(format_cents(-1205), "-12.05");
    }

    #[test]
    fn reads_what_it_shows() {
        for amount in [0, 5, 99, 100, -1, -1205, 123_456] {
            assert_eq!(parse_cents(&format_cents(amount)), Some(amount));
        }
    }

    #[test]
    fn refuses_what_is_no_amount() {
        for text in ["", "-", "1.234", "1,5", ".5", "ten"] {
            assert_eq!(parse_cents(text), None, "{text}");
        }
    }
}
