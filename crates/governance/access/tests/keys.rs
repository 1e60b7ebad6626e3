//! The text of keys: made, sent, recognised, and never shown by accident.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use proptest::prelude::*;
use tenon_access::{KeyError, KeyId, PresentedKey, mint};
use tenon_domain::Digest;

#[test]
fn a_minted_key_is_recognised_by_its_digest() {
    let minted = mint().unwrap();
    let presented = PresentedKey::parse(minted.text.expose()).unwrap();
    assert_eq!(presented.id(), &minted.id);
    assert!(presented.matches(&minted.digest));
    assert_eq!(minted.digest, Digest::of(minted.text.expose()));
    assert!(!presented.matches(&mint().unwrap().digest));
}

#[test]
fn two_keys_share_neither_id_nor_secret() {
    let (one, other) = (mint().unwrap(), mint().unwrap());
    assert_ne!(one.id, other.id);
    assert_ne!(one.text, other.text);
}

#[test]
fn no_secret_is_shown() {
    let minted = mint().unwrap();
    let text = minted.text.expose();
    let secret = text.rsplit('_').next().unwrap();
    let presented = PresentedKey::parse(text).unwrap();
    let shown = format!("{minted:?} {presented:?}");
    assert!(!shown.contains(secret), "{shown}");
    assert!(shown.contains(minted.id.as_str()), "{shown}");
}

#[test]
fn a_refused_key_is_not_quoted() {
    let mut text = mint().unwrap().text.expose().to_owned();
    text.pop();
    let error = PresentedKey::parse(&text).unwrap_err();
    assert_eq!(error, KeyError::Malformed);
    let secret = text.rsplit('_').next().unwrap();
    assert!(!format!("{error} {error:?}").contains(secret));
}

#[test]
fn text_in_another_form_is_no_key() {
    let id = "abcdefgh2345";
    let secret = "A".repeat(43);
    assert!(PresentedKey::parse(&format!("tenon_{id}_{secret}")).is_ok());
    for wrong in [
        String::new(),
        "tenon".to_owned(),
        "sk-abcdef".to_owned(),
        format!("{id}_{secret}"),
        format!("Tenon_{id}_{secret}"),
        format!(" tenon_{id}_{secret}"),
        format!("tenon_{id}_{secret}\n"),
        format!("tenon_{id}_{secret}_"),
        format!("tenon_{id}_{secret}A"),
        format!("tenon_{id}_-{}", "A".repeat(42)),
        format!("tenon_ABCDEFGH2345_{secret}"),
        format!("tenon_abcdefgh0189_{secret}"),
        format!("tenon_{id}_{}", "é".repeat(21) + "A"),
    ] {
        assert_eq!(
            PresentedKey::parse(&wrong).unwrap_err(),
            KeyError::Malformed,
            "{wrong}"
        );
    }
}

#[test]
fn an_id_survives_its_json_and_no_other_text_is_one() {
    let id = mint().unwrap().id;
    let json = serde_json::to_string(&id).unwrap();
    assert_eq!(serde_json::from_str::<KeyId>(&json).unwrap(), id);
    assert!(serde_json::from_str::<KeyId>("\"short\"").is_err());
    assert_eq!("ABCDEFGH2345".parse::<KeyId>(), Err(KeyError::MalformedId));
}

proptest! {
    #[test]
    fn every_key_in_the_right_form_is_read_whole(id in "[a-z2-7]{12}", secret in "[0-9A-Za-z]{43}") {
        let text = format!("tenon_{id}_{secret}");
        let presented = PresentedKey::parse(&text).unwrap();
        prop_assert_eq!(presented.id().as_str(), id);
        prop_assert!(presented.matches(&Digest::of(&text)));
    }

    #[test]
    fn one_wrong_character_is_another_key(place in 19_usize..62, character in "[0-9A-Za-z]") {
        let minted = mint().unwrap();
        let mut text = minted.text.expose().to_owned();
        text.replace_range(place..=place, &character);
        let same = text == minted.text.expose();
        prop_assert_eq!(PresentedKey::parse(&text).unwrap().matches(&minted.digest), same);
    }

    #[test]
    fn any_text_is_read_without_harm(text in "\\PC{0,80}") {
        prop_assert!(PresentedKey::parse(&text).is_err());
    }
}
