//! Outputs that must match.

use serde_json::{Value, json};
use tenon_runtime::{Constraint, FinishReason, GenerateRequest, ModelError};

use crate::setup::{CODER, SMALL, answer, chat, refusal, start, warm};

fn constrained(text: &str, constraint: Constraint) -> GenerateRequest {
    let mut request = chat(text);
    request.constraint = Some(constraint);
    request.max_tokens = 200;
    request.samples = 3;
    request.sampling = warm(1);
    request
}

#[tokio::test]
async fn a_choice_is_one_of_its_options() {
    let model = start(SMALL).await;
    let options = ["src/main.rs", "src/lib.rs (tests)", "none.*"]
        .map(str::to_owned)
        .to_vec();
    let request = constrained(
        "Which file?",
        Constraint::Choice {
            options: options.clone(),
        },
    );
    for sample in answer(&model, request).await.0 {
        assert!(options.contains(&sample.text), "{}", sample.text);
        assert_eq!(sample.finish_reason, FinishReason::Stop);
    }
}

#[tokio::test]
async fn the_sensible_option_is_chosen() {
    let model = start(CODER).await;
    let options = ["Paris", "Rome", "Oslo"].map(str::to_owned).to_vec();
    let mut request = constrained(
        "What is the capital of Italy? Answer with one word.",
        Constraint::Choice { options },
    );
    request.samples = 1;
    request.sampling.temperature = 0.0;
    assert_eq!(answer(&model, request).await.0[0].text, "Rome");
}

#[tokio::test]
async fn a_pattern_is_matched_from_end_to_end() {
    let model = start(SMALL).await;
    let pattern = "[A-Z][a-z]{2,5}-[0-9]{3}";
    let whole = regex::Regex::new(&format!("^(?:{pattern})$")).unwrap();
    let request = constrained(
        "An order number, please.",
        Constraint::Regex {
            pattern: pattern.to_owned(),
        },
    );
    for sample in answer(&model, request).await.0 {
        assert!(whole.is_match(&sample.text), "{}", sample.text);
    }
}

#[tokio::test]
async fn a_document_fits_its_schema() {
    let model = start(SMALL).await;
    let schema = json!({
        "type": "object",
        "properties": {
            "name": { "type": "string", "maxLength": 20 },
            "kind": { "enum": ["fn", "struct"] },
            "line": { "type": "integer", "minimum": 1, "maximum": 99 },
        },
        "required": ["name", "kind", "line"],
        "additionalProperties": false,
    });
    for sample in answer(
        &model,
        constrained("Describe a symbol.", Constraint::JsonSchema { schema }),
    )
    .await
    .0
    {
        let document: Value = serde_json::from_str(&sample.text).expect(&sample.text);
        assert!(document["name"].as_str().unwrap().chars().count() <= 20);
        assert!(["fn", "struct"].contains(&document["kind"].as_str().unwrap()));
        assert!((1..=99).contains(&document["line"].as_i64().unwrap()));
        assert_eq!(document.as_object().unwrap().len(), 3);
    }
}

#[tokio::test]
async fn a_grammar_is_obeyed() {
    let model = start(SMALL).await;
    let grammar = "start: call (\";\" call)*\ncall: NAME \"()\"\nNAME: /[a-z]{1,6}/\n".to_owned();
    for sample in answer(
        &model,
        constrained("Call something.", Constraint::Lark { grammar }),
    )
    .await
    .0
    {
        if sample.finish_reason == FinishReason::Stop {
            let calls = sample
                .text
                .split(';')
                .all(|call| call.ends_with("()") && call.len() > 2);
            assert!(calls, "{}", sample.text);
        }
    }
}

#[tokio::test]
async fn bad_constraints_are_refused() {
    let model = start(SMALL).await;
    let bad = [
        Constraint::Choice { options: Vec::new() },
        Constraint::Regex {
            pattern: "(".to_owned(),
        },
        Constraint::Lark {
            grammar: "start: missing".to_owned(),
        },
        Constraint::JsonSchema {
            schema: json!({ "type": "no such type" }),
        },
    ];
    for constraint in bad {
        let error = refusal(&model, constrained("x", constraint.clone())).await;
        assert!(
            matches!(error, ModelError::Refused { .. }),
            "{constraint:?}: {error}"
        );
    }
    // The worker is as well as before.
    let options = vec!["ok".to_owned()];
    assert_eq!(
        answer(&model, constrained("x", Constraint::Choice { options }))
            .await
            .0[0]
            .text,
        "ok"
    );
}
