//! Models that fail, in all the ways they do.

use async_trait::async_trait;
use tenon_domain::Level;
use tenon_engine::EngineError;
use tenon_runtime::{GenerateRequest, Model, ModelDescriptor, ModelError, SampleEvent, SampleStream};
use tenon_testkit::Answer;
use tokio::sync::mpsc;

use crate::scene::{Scene, coder, explain, fates, generate, reason, write_tests};

const TEXT: &str = "def shout(text):\n    return text.upper()\n";
const LOUDER: &str = "def shout(text):\n    return text.upper() + \"!\"\n";
const WISH: &str = "make `shout` end with an exclamation mark, e.g. shout(\"a\") == \"A!\"";

fn broken() -> ModelError {
    ModelError::Broken {
        reason: "the worker was killed by signal 9".to_owned(),
    }
}

fn scene() -> Scene {
    Scene::new(&[("text.py", TEXT)])
}

#[tokio::test]
async fn the_next_model_steps_in_for_one_that_fails() {
    let faults = [
        Answer::Refuse(broken()),
        Answer::Refuse(ModelError::Unavailable {
            model: "failing".to_owned(),
            reason: "the file is gone".to_owned(),
        }),
        Answer::Refuse(ModelError::Timeout {
            phase: "first token".to_owned(),
            seconds: 60,
        }),
        Answer::BreakAfter {
            text: "):\n    retu".to_owned(),
            error: broken(),
        },
    ];
    for fault in faults {
        let scene = scene()
            .with(coder().named("able").otherwise(LOUDER))
            .with(coder().named("failing").otherwise(fault));
        let proposal = scene.propose(&generate(WISH)).await;
        assert_eq!(proposal.level(), Level::Tested);
        assert_eq!(fates(&proposal)[0], "model failed");
        assert!(!reason(&proposal, 0).is_empty());
        assert_eq!(proposal.provenance.attempts.last().unwrap().model.name, "able");
    }
}

#[tokio::test]
async fn a_model_that_fails_once_is_asked_again() {
    let model = coder().then(Answer::Refuse(broken())).otherwise(LOUDER);
    let proposal = scene().with(model).propose(&generate(WISH)).await;
    assert_eq!(fates(&proposal)[..2], ["model failed", "passed"]);
}

#[tokio::test]
async fn when_every_model_fails_the_error_says_how() {
    let scene = scene()
        .with(coder().otherwise(broken()))
        .with(coder().otherwise(broken()));
    let error = scene.refusal(&generate(WISH)).await;
    assert!(
        matches!(&error, EngineError::Model(ModelError::Broken { .. })),
        "{error:?}"
    );
    assert!(error.to_string().contains("signal 9"), "{error}");
}

#[tokio::test]
async fn a_failure_after_a_failed_answer_loses_nothing() {
    let wrong = "def shout(text):\n    return text\n";
    let model = coder().then(wrong).otherwise(broken());
    let proposal = scene().with(model).propose(&generate(WISH)).await;
    assert_eq!(proposal.level(), Level::Unverified);
    assert_eq!(fates(&proposal)[..2], ["examples", "model failed"]);
}

#[tokio::test]
async fn a_model_that_fails_while_mending_does_not_end_the_run() {
    // The checker's word draws one more answer, and that one fails.
    let model = coder()
        .then("def shout(text):\n    return loud(text)\n")
        .then(broken())
        .otherwise(LOUDER);
    let proposal = scene().with(model).propose(&generate(WISH)).await;
    assert_eq!(fates(&proposal)[..3], ["names", "model failed", "passed"]);
}

#[tokio::test]
async fn a_mending_that_does_not_fit_the_context_does_not_end_the_run() {
    let long: String = (0..40)
        .map(|number| format!("    text = text + loud(\"{number}\")\n"))
        .collect();
    let undefined = format!("def shout(text):\n{long}    return text\n");
    let model = coder()
        .describe(|model| model.context_length = 700)
        .then(undefined)
        .otherwise(LOUDER);
    let proposal = scene().with(model).propose(&generate(WISH)).await;
    assert_eq!(proposal.level(), Level::Tested, "{:?}", fates(&proposal));
}

#[tokio::test]
async fn refused_credentials_are_told_at_once_when_there_is_nobody_else() {
    let refused = ModelError::Unauthorised {
        reason: "401: the key is not known".to_owned(),
    };
    let scene = scene().with(coder().otherwise(refused));
    let error = scene.refusal(&generate(WISH)).await;
    assert!(
        matches!(error, EngineError::Model(ModelError::Unauthorised { .. })),
        "{error:?}"
    );
}

#[tokio::test]
async fn every_task_hands_on_the_failure_of_its_model() {
    let scene = scene().with(coder().otherwise(Answer::BreakAfter {
        text: "It ".to_owned(),
        error: broken(),
    }));
    for intent in [explain("shout"), write_tests("shout")] {
        let error = scene.refusal(&intent).await;
        assert!(
            matches!(error, EngineError::Model(ModelError::Broken { .. })),
            "{error:?}"
        );
    }
}

#[tokio::test]
async fn without_a_model_there_is_an_error_and_no_panic() {
    let scene = scene();
    for intent in [generate(WISH), explain("shout"), write_tests("shout")] {
        let error = scene.refusal(&intent).await;
        assert!(matches!(error, EngineError::Missing { .. }), "{error:?}");
        assert!(error.to_string().contains("model"), "{error}");
    }
}

/// A model whose stream ends before the samples do, as when a connection is cut.
struct Vanishing(ModelDescriptor);

#[async_trait]
impl Model for Vanishing {
    fn descriptor(&self) -> &ModelDescriptor {
        &self.0
    }

    async fn count_tokens(&self, texts: &[String]) -> Result<Vec<u32>, ModelError> {
        Ok(vec![1; texts.len()])
    }

    async fn generate(&self, _request: GenerateRequest) -> Result<SampleStream, ModelError> {
        let (sender, receiver) = mpsc::channel(4);
        let text = "def sho".to_owned();
        sender
            .send(Ok(SampleEvent::Text { sample: 0, text }))
            .await
            .unwrap();
        Ok(SampleStream::new(receiver))
    }
}

#[tokio::test]
async fn a_stream_that_just_ends_is_a_failure() {
    let scene = scene().with(Vanishing(coder().descriptor().clone()));
    let error = scene.refusal(&generate(WISH)).await;
    assert!(
        matches!(error, EngineError::Model(ModelError::Broken { .. })),
        "{error:?}"
    );
}
