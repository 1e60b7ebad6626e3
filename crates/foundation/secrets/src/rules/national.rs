//! Numbers of persons that are too short to stand for themselves: a word beside them must say what they are.

use super::{Find, Pattern, Rule};
use crate::checksum::{
    brazilian_tax_id, digits, french_social_security, german_tax_id, nhs_number, spanish_id,
};
use crate::kind::Kind;
use crate::numbers::is_social_security_number;

pub(super) fn rules() -> Vec<Rule> {
    vec![
        rule(
            Kind::SocialSecurityNumber,
            &["ssn", "social security"],
            r"(?i)(?:ssn|social security)[^0-9\n]{0,24}([0-9]{3}[ -]?[0-9]{2}[ -]?[0-9]{4})",
            is_social_security_number,
        ),
        rule(
            Kind::NationalId,
            &["dni", "nie", "nif"],
            r"(?i)(?:dni|nie|nif)[^0-9XYZ\n]{0,16}([XYZ]?[0-9]{7,8}[ -]?[A-Z])",
            spanish_id,
        ),
        rule(
            Kind::NationalId,
            &["steuer", "idnr"],
            r"(?i)(?:steuer|idnr)[^0-9\n]{0,40}([0-9]{2} ?[0-9]{3} ?[0-9]{3} ?[0-9]{3})",
            |text| german_tax_id(&digits(text)),
        ),
        rule(
            Kind::NationalId,
            &["nhs"],
            r"(?i)nhs[^0-9\n]{0,24}([0-9]{3}[ -]?[0-9]{3}[ -]?[0-9]{4})",
            |text| nhs_number(&digits(text)),
        ),
        rule(
            Kind::NationalId,
            &["cpf"],
            r"(?i)cpf[^0-9\n]{0,16}([0-9]{3}\.?[0-9]{3}\.?[0-9]{3}-?[0-9]{2})",
            |text| brazilian_tax_id(&digits(text)),
        ),
        rule(
            Kind::NationalId,
            &["nir", "insee", "sociale"],
            r"(?i)(?:nir|insee|sociale)[^0-9\n]{0,16}([12] ?[0-9]{2} ?[0-9]{2} ?[0-9]{2} ?[0-9]{3} ?[0-9]{3} ?[0-9]{2})",
            |text| french_social_security(&digits(text)),
        ),
    ]
}

fn rule(kind: Kind, anchors: &'static [&'static str], pattern: &str, holds: fn(&str) -> bool) -> Rule {
    Rule {
        kind,
        anchors,
        find: Find::Pattern(Pattern {
            text: pattern.to_owned(),
            starts_word: false,
            holds,
        }),
    }
}
