use std::sync::Arc;

use tenon_engine::{RedactingModel, RedactionSettings, Redactor};
use tenon_runtime::{Constraint, GenerateRequest, Model, PromptInput};
use tenon_secrets::Kind;
use tenon_testkit::{Answer, ScriptedModel};

use crate::{as_sent, chat, far, raw, redacting, request, secret};

#[tokio::test]
async fn every_message_and_the_prefill_are_redacted_as_one_conversation() {
    let token = secret(Kind::GitHubToken);
    let prompt = chat(
        &[
            "ask ann@acme.io",
            &format!("use {token}"),
            &format!("not {token}"),
        ],
        &format!("key = \"{token}"),
    );
    let PromptInput::Chat { messages, prefill } = as_sent(prompt).await else {
        panic!("it was a conversation")
    };
    let placeholder = messages[1].content.strip_prefix("use ").unwrap();
    assert!(placeholder.starts_with("TENON_REDACTED_GITHUB_TOKEN_1_"));
    assert!(messages[0].content.starts_with("ask TENON_REDACTED_EMAIL_1_"));
    assert_eq!(messages[2].content, format!("not {placeholder}"));
    assert_eq!(prefill, format!("key = \"{placeholder}"));
}

#[tokio::test]
async fn what_stands_after_the_cursor_gives_away_what_stands_before_it() {
    let credential = secret(Kind::Credential);
    let prompt = PromptInput::Fill {
        prefix: format!("login({credential})\n"),
        suffix: format!("\napi_key = \"{credential}\"\n"),
    };
    let PromptInput::Fill { prefix, suffix } = as_sent(prompt).await else {
        panic!("it was a gap")
    };
    let placeholder = prefix
        .strip_prefix("login(")
        .and_then(|rest| rest.strip_suffix(")\n"))
        .unwrap();
    assert!(placeholder.starts_with("TENON_REDACTED_CREDENTIAL_1_"));
    assert_eq!(suffix, format!("\napi_key = \"{placeholder}\"\n"));
}

#[tokio::test]
async fn the_same_prompt_is_sent_the_same_way_again() {
    let prompt = chat(&["write code", &secret(Kind::NpmToken), "ann@acme.io"], "x");
    assert_eq!(as_sent(prompt.clone()).await, as_sent(prompt).await);
}

#[tokio::test]
async fn all_but_the_prompt_is_sent_as_it_is() {
    let model = far(ScriptedModel::new().then("ok"));
    let asked = GenerateRequest {
        stop: vec!["ann@acme.io".to_owned()],
        constraint: Some(Constraint::Choice {
            options: vec!["ok".to_owned(), "bob@acme.io".to_owned()],
        }),
        expected: Some(vec![1, 2]),
        ..request(raw("ann@acme.io"))
    };
    redacting(model.clone()).generate(asked.clone()).await.unwrap();
    let sent = model.requests().remove(0);
    assert_ne!(sent.prompt, asked.prompt);
    let prompt = sent.prompt.clone();
    assert_eq!(sent, GenerateRequest { prompt, ..asked });
}

#[tokio::test]
async fn a_model_on_this_machine_is_asked_directly() {
    let model: Arc<dyn Model> = Arc::new(ScriptedModel::new());
    let redactor = Redactor::new(RedactionSettings::default());
    assert!(Arc::ptr_eq(
        &RedactingModel::around(Arc::clone(&model), &redactor),
        &model
    ));
}

#[tokio::test]
async fn what_is_switched_off_is_sent() {
    let token = secret(Kind::GitLabToken);
    let model = far(ScriptedModel::new().then("ok"));
    let redactor = Redactor::new(RedactionSettings {
        secrets: true,
        personal: false,
    });
    let redacting = RedactingModel::around(Arc::new(model.clone()), &redactor);
    let asked = request(raw(&format!("ann@acme.io {token}")));
    redacting.generate(asked).await.unwrap();
    let prompt = &model.prompts()[0];
    assert!(
        prompt.starts_with("ann@acme.io ") && !prompt.contains(&token),
        "{prompt}"
    );
}

#[tokio::test]
async fn giving_up_the_answer_gives_up_the_request() {
    let model = far(ScriptedModel::new().then(Answer::Hang));
    let asked = request(raw("ann@acme.io"));
    let stream = redacting(model.clone()).generate(asked).await.unwrap();
    drop(stream);
    model.cancelled().await;
    assert_eq!(model.cancellations(), 1);
}
