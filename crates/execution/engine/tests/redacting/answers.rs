use proptest::prelude::*;
use tenon_runtime::{ModelError, SampleEvent};
use tenon_secrets::Kind;
use tenon_testkit::{Answer, ScriptedModel, ScriptedSample};

use crate::samples::{Random, sample};
use crate::saying::{Event, Saying, end, piece};
use crate::{chat, far, raw, raw_as_sent, redacting, request, secret, streamed};

#[tokio::test]
async fn an_answer_comes_back_with_values() {
    let email = "ann@acme.io";
    let sent = raw_as_sent(email).await;
    let model = redacting(far(ScriptedModel::new().then(format!("mail {sent} now"))));
    let (texts, finished) = streamed(&*model, request(chat(&[email], ""))).await.unwrap();
    assert_eq!(texts[0], "mail ann@acme.io now");
    assert_eq!(finished[0].text, texts[0]);
}

#[tokio::test]
async fn a_placeholder_in_two_pieces_comes_back_in_one() {
    let token = secret(Kind::StripeKey);
    // The script cuts it in the middle.
    let sent = raw_as_sent(&token).await;
    let model = redacting(far(ScriptedModel::new().then(sent)));
    let mut stream = model.generate(request(raw(&token))).await.unwrap();
    let mut pieces = Vec::new();
    while let Some(event) = stream.next().await {
        if let SampleEvent::Text { text, .. } = event.unwrap() {
            pieces.push(text);
        }
    }
    assert_eq!(pieces, [token]);
}

#[tokio::test]
async fn samples_that_interleave_are_restored_apart() {
    let (first, second) = ("ann@acme.io", "bob@acme.io");
    let both = format!("{first} {second}");
    let sent = raw_as_sent(&both).await;
    let (one, other) = sent.split_once(' ').unwrap();
    let (head, tail) = one.split_at(20);
    let (other_head, other_tail) = other.split_at(25);
    let model = redacting(Saying::new([
        piece(0, head),
        piece(1, "to "),
        piece(1, other_head),
        piece(0, tail),
        piece(1, other_tail),
        piece(1, " TENON_RED"),
        end(1, &format!("to {other} TENON_RED"), &[]),
        piece(0, "!"),
        end(0, &format!("{one}!"), &[]),
    ]));
    let (texts, finished) = streamed(&*model, request(raw(&both))).await.unwrap();
    assert_eq!(texts, ["ann@acme.io!", "to bob@acme.io TENON_RED"]);
    assert_eq!((&finished[0].text, &finished[1].text), (&texts[1], &texts[0]));
}

#[tokio::test]
async fn several_samples_of_one_script_are_all_restored() {
    let sent = raw_as_sent("ann@acme.io").await;
    let samples = [format!("a {sent}"), format!("{sent} b")].map(ScriptedSample::stopping);
    let model = redacting(far(ScriptedModel::new().then(Answer::Samples(samples.to_vec()))));
    let mut asked = request(raw("ann@acme.io"));
    asked.samples = 2;
    let (texts, _) = streamed(&*model, asked).await.unwrap();
    assert_eq!(texts, ["a ann@acme.io", "ann@acme.io b"]);
}

#[tokio::test]
async fn tokens_are_claimed_only_for_the_text_that_they_make() {
    let sent = raw_as_sent("ann@acme.io").await;
    let model = redacting(Saying::new([
        piece(0, &sent),
        end(0, &sent, &[5, 6]),
        piece(1, "x"),
        end(1, "x", &[7]),
    ]));
    let (_, finished) = streamed(&*model, request(raw("ann@acme.io"))).await.unwrap();
    assert_eq!((finished[0].tokens.len(), finished[0].near_ties), (0, 0));
    assert_eq!((&finished[1].tokens[..], finished[1].near_ties), (&[7][..], 1));
    // How much was written and how certain it was stays true.
    assert_eq!(
        (finished[0].completion_tokens, finished[0].mean_logprob),
        (Some(3), Some(-0.5))
    );
}

#[tokio::test]
async fn an_error_that_quotes_the_prompt_quotes_placeholders() {
    let sent = raw_as_sent("ann@acme.io").await;
    let error = ModelError::Refused {
        reason: format!("cannot read {sent}"),
    };
    let refusing = redacting(far(ScriptedModel::new().then(error.clone())));
    let dying = redacting(Saying::new([piece(0, &sent), Err(error.clone())]));
    for model in [refusing, dying] {
        let failed = streamed(&*model, request(raw("ann@acme.io"))).await;
        assert_eq!(failed.unwrap_err(), error);
    }
}

#[tokio::test]
async fn a_placeholder_of_nobody_stays() {
    let foreign = "TENON_REDACTED_EMAIL_1_BBBB";
    for prompt in ["nothing", "ann@acme.io"] {
        let model = redacting(Saying::new([piece(0, foreign), end(0, foreign, &[1])]));
        let (texts, finished) = streamed(&*model, request(raw(prompt))).await.unwrap();
        assert_eq!((texts[0].as_str(), &finished[0].tokens[..]), (foreign, &[1][..]));
    }
}

/// Text in which anything may stand beside anything.
fn any_text() -> impl Strategy<Value = String> {
    let part = prop_oneof![
        3 => ".{0,12}",
        2 => "[ =:\"'@.+/0-9A-Za-z_-]{0,24}",
        4 => (0..Kind::ALL.len(), any::<u64>())
            .prop_map(|(kind, seed)| sample(Kind::ALL[kind], &mut Random(seed)).text),
        1 => "TENON_REDACTED_(EMAIL|PASSWORD)_[0-9]{1,2}_[B-DX-Z2-4]{4}",
    ];
    prop::collection::vec(part, 0..8).prop_map(|parts| parts.concat())
}

/// The text in pieces of these lengths, each sample's in turn with the other's.
fn echo(text: &str, lengths: &[usize]) -> Vec<Event> {
    let mut characters = text.chars();
    let mut events = Vec::new();
    for length in lengths {
        let next: String = characters.by_ref().take(*length).collect();
        events.extend([piece(0, &next), piece(1, &next)]);
    }
    events.extend([0, 1].map(|sample| piece(sample, characters.as_str())));
    events.extend([0, 1].map(|sample| end(sample, text, &[])));
    events
}

proptest! {
    #[test]
    fn what_is_echoed_comes_back_as_it_was(text in any_text(), lengths in prop::collection::vec(1_usize..40, 0..40)) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let (texts, finished) = runtime.block_on(async {
            let model = redacting(Saying::new(echo(&raw_as_sent(&text).await, &lengths)));
            streamed(&*model, request(raw(&text))).await.unwrap()
        });
        for sample in 0..2 {
            prop_assert_eq!(&texts[sample], &text);
            prop_assert_eq!(&finished[sample].text, &text);
        }
    }
}
