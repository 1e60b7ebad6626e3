//! Check digits. Each function takes the digits' values and says whether the last ones follow from the others.

const BASE62: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
const SPANISH_LETTERS: &[u8; 23] = b"TRWAGMYFPDXBNJZSQVHLCKE";

/// The values of the decimal digits in `text`; everything else is passed over.
pub(crate) fn digits(text: &str) -> Vec<u32> {
    text.chars()
        .filter_map(|character| character.to_digit(10))
        .collect()
}

/// ISO/IEC 7812: every second digit counts twice.
pub(crate) fn luhn(digits: &[u32]) -> bool {
    let weighed = digits.iter().rev().enumerate().map(|(index, digit)| {
        let weighed = if index % 2 == 1 { digit * 2 } else { *digit };
        weighed / 10 + weighed % 10
    });
    weighed.sum::<u32>() % 10 == 0
}

/// ISO 13616: the first four characters go to the end, letters count from ten.
pub(crate) fn iban(characters: &str) -> bool {
    let Some((country, account)) = characters.split_at_checked(4) else {
        return false;
    };
    let values = account
        .chars()
        .chain(country.chars())
        .map(|character| character.to_digit(36));
    let remainder = values.into_iter().try_fold(0, |remainder, value| {
        let value = value?;
        let shift = if value < 10 { 10 } else { 100 };
        Some((remainder * shift + value) % 97)
    });
    remainder == Some(1)
}

/// Spain's identity number: eight digits and a letter; for foreigners the first digit is X, Y or Z.
pub(crate) fn spanish_id(text: &str) -> bool {
    let mut number = 0_usize;
    let mut count = 0;
    let mut last = 0;
    for byte in text
        .bytes()
        .filter(u8::is_ascii_alphanumeric)
        .map(|byte| byte.to_ascii_uppercase())
    {
        let digit = match byte {
            b'0'..=b'9' => Some(byte - b'0'),
            b'X'..=b'Z' if count == 0 => Some(byte - b'X'),
            _ => None,
        };
        if let Some(digit) = digit {
            number = number * 10 + usize::from(digit);
            count += 1;
        }
        last = byte;
    }
    count == 8 && SPANISH_LETTERS.get(number % 23) == Some(&last)
}

/// Germany's tax number: ISO 7064 MOD 11,10 over eleven digits, of which the first is not zero.
pub(crate) fn german_tax_id(digits: &[u32]) -> bool {
    let [first, .., check] = digits else { return false };
    let product = digits.iter().take(10).fold(10, |product, digit| {
        let sum = (digit + product) % 10;
        (if sum == 0 { 10 } else { sum }) * 2 % 11
    });
    digits.len() == 11 && *first != 0 && (11 - product) % 10 == *check
}

/// The number of the United Kingdom's health service: ten digits, weights from ten downwards, modulo 11.
pub(crate) fn nhs_number(digits: &[u32]) -> bool {
    let sum: u32 = digits
        .iter()
        .zip((1..=10).rev())
        .map(|(digit, weight)| digit * weight)
        .sum();
    digits.len() == 10 && sum.is_multiple_of(11) && digits.iter().any(|digit| *digit != 0)
}

/// Brazil's tax number: eleven digits, two of them check digits.
pub(crate) fn brazilian_tax_id(digits: &[u32]) -> bool {
    let check = |place: usize, heaviest: u32| {
        let weighed = digits
            .iter()
            .zip((2..=heaviest).rev())
            .map(|(digit, weight)| digit * weight);
        digits.get(place) == Some(&(weighed.sum::<u32>() * 10 % 11 % 10))
    };
    let all_same = digits.windows(2).all(|pair| pair.first() == pair.last());
    digits.len() == 11 && !all_same && check(9, 10) && check(10, 11)
}

/// France's social security number: thirteen digits and their distance to a multiple of 97.
pub(crate) fn french_social_security(digits: &[u32]) -> bool {
    let number = |digits: &[u32]| {
        digits
            .iter()
            .fold(0_u64, |number, digit| number * 10 + u64::from(*digit))
    };
    digits
        .split_at_checked(13)
        .is_some_and(|(body, key)| key.len() == 2 && 97 - number(body) % 97 == number(key))
}

/// The last six characters of a token of GitHub or npm are the CRC-32 of what stands between prefix and them, in base 62.
pub(crate) fn token_crc(token: &str) -> bool {
    let Some((_, body)) = token.split_once('_') else {
        return false;
    };
    let split = body.len().checked_sub(6).and_then(|at| body.split_at_checked(at));
    split.is_some_and(|(drawn, check)| check.as_bytes() == base62(crc32(drawn.as_bytes())))
}

fn base62(mut number: u32) -> [u8; 6] {
    let mut text = [b'0'; 6];
    for place in text.iter_mut().rev() {
        *place = BASE62.get((number % 62) as usize).copied().unwrap_or(b'0');
        number /= 62;
    }
    text
}

fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| {
            crc >> 1 ^ (0xedb8_8320 & (crc & 1).wrapping_neg())
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn published_examples_hold_and_one_digit_less_does_not() {
        assert!(luhn(&digits("4111 1111 1111 1111")) && !luhn(&digits("4111 1111 1111 1112")));
        assert!(iban("GB82WEST12345698765432") && !iban("GB82WEST12345698765433"));
        assert!(spanish_id("12345678Z") && spanish_id("x-1234567-l") && !spanish_id("12345678A"));
        assert!(german_tax_id(&digits("86095742719")) && !german_tax_id(&digits("86095742718")));
        assert!(nhs_number(&digits("943 476 5919")) && !nhs_number(&digits("943 476 5918")));
        assert!(brazilian_tax_id(&digits("529.982.247-25")) && !brazilian_tax_id(&digits("52998224724")));
        assert!(!brazilian_tax_id(&digits("11111111111")));
        assert!(french_social_security(&digits("2 55 08 14 168 025 38")));
        assert!(!french_social_security(&digits("255081416802539")));
    }

    #[test]
    fn the_checksum_of_a_token_is_read() {
        assert_eq!(crc32(b"123456789"), 0xcbf4_3926);
        assert_eq!(&base62(u32::MAX), b"4gfFC3");
        let token = format!(
            "ghx_{}{}",
            "123456789",
            std::str::from_utf8(&base62(0xcbf4_3926)).unwrap()
        );
        assert!(token_crc(&token));
        assert!(!token_crc(&token.replace("12", "21")));
        assert!(!token_crc("ghx_") && !token_crc(""));
    }
}
