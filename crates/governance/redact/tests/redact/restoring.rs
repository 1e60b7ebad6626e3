use std::borrow::Cow;

use proptest::prelude::*;
use tenon_redact::{Finding, Kind, Redactor, Session, Settings};

use crate::samples::{Random, sample};

fn session() -> Session {
    Redactor::new(Settings::default()).session()
}

fn value(kind: Kind, seed: u64) -> String {
    sample(kind, &mut Random(seed)).value
}

/// The only placeholder in `text`.
fn placeholder(text: &str) -> &str {
    let start = text.find("TENON_REDACTED_").unwrap();
    let rest = &text[start..];
    let is_part =
        |character: char| character.is_ascii_uppercase() || character.is_ascii_digit() || character == '_';
    &rest[..rest.find(|character| !is_part(character)).unwrap_or(rest.len())]
}

#[test]
fn the_same_value_has_the_same_placeholder_and_another_has_another() {
    let (first, second) = (value(Kind::NpmToken, 1), value(Kind::NpmToken, 2));
    let mut session = session();
    let text = session.redact(&format!("{first} {second} {first}")).into_owned();
    let names: Vec<&str> = text.split(' ').collect();
    assert_eq!(names[0], names[2]);
    assert_ne!(names[0], names[1]);
    assert_eq!(session.redact(&second), names[1]);
    assert_eq!(
        session.findings(),
        [Finding {
            kind: Kind::NpmToken,
            count: 4
        }]
    );
}

#[test]
fn a_text_without_findings_is_not_copied() {
    let mut session = session();
    assert!(matches!(session.redact("let x = 1;"), Cow::Borrowed(_)));
    assert!(matches!(
        session.restore("TENON_REDACTED_EMAIL_1_BBBB"),
        Cow::Borrowed(_)
    ));
}

#[test]
fn the_same_texts_are_redacted_the_same_way() {
    let text = format!("you are an engineer\nkey = {}", value(Kind::AnthropicKey, 4));
    assert_eq!(session().redact(&text), session().redact(&text));
    // What is typed after the first finding leaves everything before it as it was.
    let longer = format!("{text}\nnext line");
    assert_eq!(
        session().redact(&longer),
        format!("{}\nnext line", session().redact(&text))
    );
}

#[test]
fn a_value_that_its_name_gave_away_is_found_without_its_name() {
    let credential = value(Kind::Credential, 6);
    let mut session = session();
    let text = session
        .redact(&format!("login({credential})\napi_key = \"{credential}\""))
        .into_owned();
    assert!(!text.contains(&credential), "{text}");
    assert!(!session.redact(&format!("see {credential}")).contains(&credential));
}

#[test]
fn a_password_that_is_a_word_is_not_looked_for_elsewhere() {
    let mut session = session();
    let text = session
        .redact("redis://app:application@cache/ runs the application")
        .into_owned();
    assert!(
        text.ends_with("@cache/ runs the application") && !text.contains(":application"),
        "{text}"
    );
}

#[test]
fn what_was_there_before_is_no_placeholder() {
    let token = value(Kind::GitHubToken, 3);
    let name = placeholder(&session().redact(&token)).to_owned();
    // The text knows what its session would call its first token.
    let mut session = session();
    let text = format!("{token} {name}");
    let redacted = session.redact(&text).into_owned();
    assert_eq!(session.restore(&redacted), text);
    assert_eq!(session.restore(&name), name);
    // A later text learnt the name that the session chose.
    let chosen = placeholder(&redacted).to_owned();
    let later = format!("print({chosen}); {chosen}9 TENON_REDACTED_{chosen}");
    let hidden = session.redact(&later).into_owned();
    assert!(!hidden.contains(&chosen), "{hidden}");
    assert_eq!(session.restore(&hidden), later);
}

#[test]
fn a_tag_is_none_that_an_earlier_text_had() {
    let token = value(Kind::GitLabToken, 9);
    let name = placeholder(&session().redact(&token)).to_owned();
    let mut session = session();
    assert_eq!(session.redact(&name), name);
    session.redact(&token);
    assert_eq!(session.restore(&name), name);
}

#[test]
fn nothing_is_restored_across_sessions() {
    let (mut first, mut second) = (session(), session());
    let ours = first
        .redact(&format!("a {}", value(Kind::StripeKey, 1)))
        .into_owned();
    second.redact(&format!("b {}", value(Kind::StripeKey, 2)));
    assert_eq!(second.restore(&ours), ours);
    assert_eq!(second.restorer().push(&ours), ours);
}

#[test]
fn nothing_that_can_be_printed_shows_a_value() {
    let redactor = Redactor::new(Settings::default());
    let mut session = redactor.session();
    session.redact("password = \"kV9$wq2LpZ71\", maria@acme.io");
    let mut restorer = session.restorer();
    restorer.push("kV9$wq2LpZ71 TENON_REDACTED");
    let shown = format!("{redactor:?} {session:?} {restorer:?} {:?}", session.findings());
    assert!(shown.contains("Password") && shown.contains("Email"), "{shown}");
    assert!(!shown.contains("kV9") && !shown.contains("maria"), "{shown}");
}

#[test]
fn only_what_may_become_a_placeholder_is_held_back() {
    let mut session = session();
    let token = value(Kind::SendGridKey, 5);
    let name = session.redact(&token).into_owned();
    let mut restorer = session.restorer();
    assert_eq!(restorer.push("key = TEN"), "key = ");
    assert_eq!(restorer.push("sion TENON_REDACTED_"), "TENsion ");
    assert_eq!(restorer.push("EMAIL"), "TENON_REDACTED_EMAIL");
    let (head, tail) = name.split_at(20);
    assert_eq!(restorer.push(head), "");
    assert_eq!(restorer.push(tail), token);
    assert_eq!(restorer.push("TENON_RED"), "");
    assert_eq!(restorer.finish(), "TENON_RED");
    assert_eq!(restorer.finish(), "");
}

#[test]
fn findings_that_overlap_leave_nothing_of_each_other() {
    let token = value(Kind::GitLabToken, 8);
    let text = format!("https://oauth2:{token}@gitlab.com/a.git password=\"{token}@acme.io\"");
    let mut session = session();
    let redacted = session.redact(&text).into_owned();
    assert!(
        !redacted.contains(&token) && redacted.contains("https://oauth2:TENON_REDACTED_GITLAB_TOKEN_1_"),
        "{redacted}"
    );
    assert_eq!(session.restore(&redacted), text);
}

/// Text in which anything may stand beside anything.
fn any_text() -> impl Strategy<Value = String> {
    let part = prop_oneof![
        4 => ".{0,12}",
        2 => "[ =:\"'@.+/0-9A-Za-z_-]{0,24}",
        3 => (0..Kind::ALL.len(), any::<u64>()).prop_map(|(kind, seed)| sample(Kind::ALL[kind], &mut Random(seed)).text),
        2 => "(TENON_REDACTED_){1,2}(EMAIL|PASSWORD)_[0-9]{1,2}_[B-DX-Z2-4]{4}",
        1 => "TENON_|REDACTED_|T|TENON_REDACTED_EMAIL_1_",
        1 => "(password|secret|token)[:=]{1,2}[ \"]?",
    ];
    prop::collection::vec(part, 0..8).prop_map(|parts| parts.concat())
}

proptest! {
    #[test]
    fn what_is_redacted_comes_back(texts in prop::collection::vec(any_text(), 1..4)) {
        let mut session = session();
        for text in &texts {
            let once = session.redact(text).into_owned();
            prop_assert_eq!(session.restore(&once), text.as_str());
            // Now with real placeholders in the text.
            let twice = session.redact(&once).into_owned();
            prop_assert_eq!(session.restore(&twice), once);
        }
    }

    #[test]
    fn pieces_do_not_matter(text in any_text(), invented in any_text(), lengths in prop::collection::vec(1_usize..9, 200)) {
        let mut session = session();
        let redacted = session.redact(&text).into_owned();
        let answer = format!("{redacted}{invented}{redacted}");
        let mut restorer = session.restorer();
        let mut characters = answer.chars();
        let mut restored = String::new();
        for length in lengths {
            let piece: String = characters.by_ref().take(length).collect();
            restored.push_str(&restorer.push(&piece));
        }
        restored.push_str(&restorer.push(characters.as_str()));
        restored.push_str(&restorer.finish());
        prop_assert_eq!(restored, session.restore(&answer));
    }

    #[test]
    fn the_same_text_is_always_redacted_the_same_way(text in any_text()) {
        prop_assert_eq!(session().redact(&text), session().redact(&text));
    }
}
