//! What messages are signed with: `whsec_` and base64, as Standard Webhooks writes it.

use aws_lc_rs::{hmac, rand};
use tenon_domain::Secret;

use crate::{WebhookError, base64};

const PREFIX: &str = "whsec_";
/// The specification has 24 to 64; the digest of HMAC-SHA256 has as many.
const BYTES: usize = 32;

/// A new secret, from the system's randomness.
///
/// # Errors
/// When the system gives none.
pub fn generate_secret() -> Result<Secret, WebhookError> {
    let mut bytes = [0; BYTES];
    rand::fill(&mut bytes).map_err(|_| WebhookError::Randomness)?;
    Ok(Secret::new(&format!("{PREFIX}{}", base64::encode(&bytes))))
}

/// The value of `webhook-signature`: the message signed with each secret, whichever the receiver knows by now.
pub(crate) fn signatures(
    secrets: &[Secret],
    id: &str,
    timestamp: i64,
    body: &str,
) -> Result<String, WebhookError> {
    let signed = format!("{id}.{timestamp}.{body}");
    let each = secrets.iter().map(|secret| {
        let text = secret.expose().strip_prefix(PREFIX).and_then(base64::decode);
        let bytes = text.filter(|bytes| (24..=64).contains(&bytes.len()));
        let bytes = bytes.ok_or(WebhookError::Unusable { what: "secret" })?;
        let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, &bytes), signed.as_bytes());
        Ok(format!("v1,{}", base64::encode(tag.as_ref())))
    });
    let each: Vec<String> = each.collect::<Result<_, WebhookError>>()?;
    match each.is_empty() {
        true => Err(WebhookError::Unusable { what: "secret" }),
        false => Ok(each.join(" ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of the specification's own libraries.
    #[test]
    fn the_known_message_has_the_known_signature() {
        let secret = Secret::new("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");
        let body = r#"{"test": 2432232314}"#;
        let signed = signatures(&[secret], "msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, body).unwrap();
        assert_eq!(signed, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    }

    #[test]
    fn two_secrets_give_two_signatures() {
        let (one, other) = (generate_secret().unwrap(), generate_secret().unwrap());
        assert_ne!(one, other);
        let signed = |secrets: &[Secret]| signatures(secrets, "id", 1, "{}").unwrap();
        let both = signed(&[one.clone(), other.clone()]);
        assert_eq!(both, format!("{} {}", signed(&[one]), signed(&[other])));
    }

    #[test]
    fn what_is_no_secret_signs_nothing() {
        for text in [
            "",
            "whsec_",
            "whsec_AAAA",
            "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
            "whsec_!",
        ] {
            assert!(signatures(&[Secret::new(text)], "id", 1, "{}").is_err(), "{text}");
        }
        assert!(signatures(&[], "id", 1, "{}").is_err());
    }
}
