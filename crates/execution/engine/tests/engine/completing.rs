//! Completion: what is shown, what is not and why, and what costs no model.

use std::sync::Arc;
use std::time::Duration;

use tenon_context::Index;
use tenon_domain::RepoPath;
use tenon_engine::{AnsweredBy, Buffer, Completer, Completion, CompletionRequest, Extent, Silence};
use tenon_runtime::{CacheScope, ModelError, PromptInput};
use tenon_testkit::{Answer, ScriptedModel, ScriptedSample, TemporaryRepository};
use tokio::sync::Notify;

/// A request at the `|` of `buffer`.
fn at(path: &str, buffer: &str) -> CompletionRequest {
    let cursor = buffer.find('|').unwrap();
    CompletionRequest {
        path: RepoPath::parse(path).unwrap(),
        text: buffer.replacen('|', "", 1),
        cursor,
        is_excerpt: false,
        extent: Extent::Natural,
        alternatives: 1,
        deadline: Duration::from_secs(30),
        open_buffers: Vec::new(),
        recent_edits: Vec::new(),
        scope: CacheScope::local(),
    }
}

struct Desk {
    repository: TemporaryRepository,
    model: ScriptedModel,
    completer: Arc<Completer>,
}

impl Desk {
    fn new(files: &[(&str, &str)], model: ScriptedModel) -> Self {
        let repository = TemporaryRepository::new(files.iter().copied());
        let completer = Arc::new(Completer::new(Arc::new(model.clone()), repository.path()));
        Self {
            repository,
            model,
            completer,
        }
    }

    async fn complete(&self, path: &str, buffer: &str) -> Completion {
        self.completer.complete(&at(path, buffer)).await
    }
}

/// The reason why `answer` is not shown at the cursor of `buffer`.
async fn silence(buffer: &str, answer: impl Into<Answer>) -> Silence {
    let desk = Desk::new(&[], ScriptedModel::new().otherwise(answer));
    let completion = desk.complete("a.py", buffer).await;
    assert!(completion.suggestions.is_empty(), "{completion:?}");
    completion.silence.unwrap()
}

#[tokio::test]
async fn what_the_model_writes_is_trimmed_and_shown() {
    let model = ScriptedModel::new().then("first + second  \n\n\ndef other():\n    pass\n");
    let desk = Desk::new(&[], model);
    let completion = desk
        .complete("a.py", "def add(first, second):\n    return |\n")
        .await;
    assert_eq!(completion.suggestions, ["first + second"]);
    assert_eq!(completion.silence, None);
    assert_eq!(completion.trace.answered_by, AnsweredBy::Model);
    let [request] = desk.model.requests().try_into().unwrap();
    assert_eq!(
        request.prompt,
        PromptInput::Fill {
            prefix: "# a.py\ndef add(first, second):\n    return ".to_owned(),
            suffix: "\n".to_owned(),
        }
    );
}

#[tokio::test]
async fn a_block_is_written_where_one_begins() {
    let model = ScriptedModel::new().then("total = 0\n    return total\n\n\ndef next():\n    pass\n");
    let desk = Desk::new(&[], model);
    let completion = desk.complete("a.py", "def f():\n    |\n").await;
    assert_eq!(completion.suggestions, ["total = 0\n    return total"]);
}

#[tokio::test]
async fn a_line_that_opens_a_block_comes_with_it() {
    let model = ScriptedModel::new()
        .then("if x > 1:")
        .then("return x\n  return 1\n");
    let desk = Desk::new(&[], model);
    let completion = desk.complete("a.py", "def f(x):\n  y = 1\n  |\n").await;
    assert_eq!(completion.suggestions, ["if x > 1:\n    return x"]);
    let prompts = desk.model.prompts();
    assert!(
        prompts[1].contains("  y = 1\n  if x > 1:\n    \n"),
        "{}",
        prompts[1]
    );
}

#[tokio::test]
async fn a_body_that_stands_there_is_not_written_again() {
    let desk = Desk::new(&[], ScriptedModel::new().then("if x > 1:"));
    let completion = desk
        .complete("a.py", "def f(x):\n    |\n        return x\n")
        .await;
    assert_eq!(completion.suggestions, ["if x > 1:"]);
    assert_eq!(desk.model.requests().len(), 1);
}

#[tokio::test]
async fn a_half_typed_word_is_written_anew() {
    let desk = Desk::new(&[], ScriptedModel::new().then("return first"));
    let completion = desk.complete("a.py", "def f(first):\n    retu|\n").await;
    assert_eq!(completion.suggestions, ["rn first"]);
    let [request] = desk.model.requests().try_into().unwrap();
    let PromptInput::Fill { prefix, .. } = request.prompt else {
        panic!("a completion fills in the middle");
    };
    assert!(prefix.ends_with("def f(first):\n    "), "{prefix:?}");
}

#[tokio::test]
async fn typing_along_costs_no_model() {
    let desk = Desk::new(&[], ScriptedModel::new().then("first + second"));
    let buffer = "def add(first, second):\n    return |\n";
    desk.complete("a.py", buffer).await;
    let completion = desk
        .complete("a.py", "def add(first, second):\n    return first + |\n")
        .await;
    assert_eq!(completion.suggestions, ["second"]);
    assert_eq!(completion.trace.answered_by, AnsweredBy::Memory);
    assert_eq!(desk.model.requests().len(), 1);
}

#[tokio::test]
async fn nothing_remembered_crosses_a_scope() {
    let desk = Desk::new(&[], ScriptedModel::new().then("1").then("2"));
    desk.complete("a.py", "x = |\n").await;
    let other = CompletionRequest {
        scope: CacheScope("bob".to_owned()),
        ..at("a.py", "x = |\n")
    };
    assert_eq!(desk.completer.complete(&other).await.suggestions, ["2"]);
}

#[tokio::test]
async fn the_next_line_is_prepared_ahead() {
    let model = ScriptedModel::new().then("1").then("y = x + 1");
    let desk = Desk::new(&[], model);
    let request = at("a.py", "def f():\n    x = |\n    return y\n");
    let shown = desk.completer.complete(&request).await;
    desk.completer.prepare_after(&request, &shown.suggestions[0]);
    while desk.model.requests().len() < 2 {
        tokio::task::yield_now().await;
    }
    let next = at("a.py", "def f():\n    x = 1\n    |\n    return y\n");
    let prepared = desk.completer.complete(&next).await;
    assert_eq!(prepared.suggestions, ["y = x + 1"]);
    // It may still be at it.
    assert_ne!(prepared.trace.answered_by, AnsweredBy::Model);
    assert_eq!(desk.model.requests().len(), 2);
}

#[tokio::test]
async fn whatever_makes_the_buffer_worse_is_not_shown() {
    assert_eq!(silence("x = |\n", "(1 +").await, Silence::ParseWorse);
    assert_eq!(silence("x = |\n", "").await, Silence::Empty);
    assert_eq!(
        silence("total = x + 1\n|\n", "total = x + 1").await,
        Silence::RepeatsAbove
    );
    assert_eq!(
        silence("f(|, timeout=3)\n", ", timeout=3)").await,
        Silence::RepeatsSuffix
    );
}

#[tokio::test]
async fn what_is_too_large_to_be_checked_is_not_shown() {
    let buffer = format!("x = |\n{}", "# filler\n".repeat(600_000));
    assert_eq!(silence(&buffer, "1").await, Silence::ParseWorse);
}

#[tokio::test]
async fn a_module_that_was_just_written_may_be_imported() {
    let desk = Desk::new(&[], ScriptedModel::new().otherwise("shop"));
    let before = desk.complete("a.py", "import |\n").await;
    assert!(
        matches!(before.silence, Some(Silence::UnknownName { .. })),
        "{before:?}"
    );
    desk.repository.write("shop.py", "x = 1\n");
    desk.completer.read_again();
    assert_eq!(desk.complete("a.py", "import |\n").await.suggestions, ["shop"]);
}

#[tokio::test]
async fn names_that_do_not_exist_are_not_shown() {
    let silence = silence("import |\n", "jsno").await;
    assert!(
        matches!(&silence, Silence::UnknownName { said } if said.contains("jsno")),
        "{silence:?}"
    );
    let desk = Desk::new(&[], ScriptedModel::new().otherwise("compute_all(2)"));
    let completion = desk.complete("a.py", "x = |\n").await;
    let silence = completion.silence.unwrap();
    assert!(
        matches!(&silence, Silence::UnknownName { said } if said.contains("compute_all")),
        "{silence:?}"
    );
    assert_eq!(silence.as_str(), "unknown_name");
    assert_eq!(completion.trace.dropped.len(), 1);
}

#[tokio::test]
async fn when_the_likeliest_does_not_hold_others_are_tried() {
    let model = ScriptedModel::new()
        .when(|request| request.sampling.temperature == 0.0, "(1 +")
        .otherwise(Answer::texts(["(2 +", "2", "3"]));
    let desk = Desk::new(&[], model);
    let completion = desk.complete("a.py", "x = |\n").await;
    assert_eq!(completion.suggestions, ["2"]);
    assert_eq!(completion.trace.dropped.len(), 2);
}

#[tokio::test]
async fn a_secret_is_not_shown() {
    let silence = silence("key = |\n", "\"AKIAIOSFODNN7EXAMPLF\"").await;
    assert!(matches!(silence, Silence::Policy { .. }), "{silence:?}");
}

#[tokio::test]
async fn guesses_are_not_shown() {
    let answer = Answer::Samples(vec![ScriptedSample {
        mean_logprob: Some(-2.5),
        ..ScriptedSample::stopping("1")
    }]);
    assert_eq!(silence("x = |\n", answer).await, Silence::LowConfidence);
}

#[tokio::test]
async fn a_deadline_ends_the_wait_and_cancels_the_model() {
    let model = ScriptedModel::new().then(Answer::Hang);
    let desk = Desk::new(&[], model.clone());
    let request = CompletionRequest {
        deadline: Duration::from_millis(20),
        ..at("a.py", "x = |\n")
    };
    let completion = desk.completer.complete(&request).await;
    assert_eq!(completion.silence, Some(Silence::Deadline));
    model.cancelled().await;
}

/// Asks and no longer waits, as an editor does when the next key comes.
async fn interrupted(desk: &Desk, buffer: &str) {
    let asked = desk.model.requests().len();
    let begun = async {
        while desk.model.requests().len() == asked {
            tokio::task::yield_now().await;
        }
        // What it writes at once is heard.
        tokio::time::sleep(Duration::from_millis(20)).await;
    };
    tokio::select! {
        completion = desk.complete("a.py", buffer) => panic!("too early: {completion:?}"),
        () = begun => {}
    }
}

#[tokio::test]
async fn the_next_key_does_not_begin_anew_what_it_agrees_with() {
    let release = Arc::new(Notify::new());
    let model = ScriptedModel::new().then(Answer::Paused {
        text: "first".to_owned(),
        release: Arc::clone(&release),
        rest: " + second".to_owned(),
    });
    let desk = Desk::new(&[], model);
    interrupted(&desk, "def add(first, second):\n    return |\n").await;
    let next = desk.complete("a.py", "def add(first, second):\n    return fi|\n");
    let (completion, ()) = tokio::join!(next, async { release.notify_one() });
    assert_eq!(completion.suggestions, ["rst + second"]);
    assert_eq!(completion.trace.answered_by, AnsweredBy::Underway);
    assert_eq!(desk.model.requests().len(), 1);
    assert_eq!(desk.model.cancellations(), 0);
}

#[tokio::test]
async fn a_key_that_contradicts_what_is_written_ends_it() {
    let model = ScriptedModel::new()
        .then(Answer::Paused {
            text: "first".to_owned(),
            release: Arc::default(),
            rest: String::new(),
        })
        .then("second");
    let desk = Desk::new(&[], model);
    interrupted(&desk, "def add(first, second):\n    return |\n").await;
    let completion = desk
        .complete("a.py", "def add(first, second):\n    return s|\n")
        .await;
    assert_eq!(completion.suggestions, ["econd"]);
    assert_eq!(completion.trace.answered_by, AnsweredBy::Model);
    desk.model.cancelled().await;
}

#[tokio::test]
async fn whoever_joins_has_a_deadline_of_his_own() {
    let model = ScriptedModel::new().then(Answer::Hang);
    let desk = Desk::new(&[], model);
    interrupted(&desk, "x = |\n").await;
    let request = CompletionRequest {
        deadline: Duration::from_millis(20),
        ..at("a.py", "x = y|\n")
    };
    let completion = desk.completer.complete(&request).await;
    assert_eq!(completion.silence, Some(Silence::Deadline));
}

#[tokio::test]
async fn nothing_under_way_is_joined_from_another_scope() {
    let model = ScriptedModel::new().then(Answer::Hang).then("2");
    let desk = Desk::new(&[], model);
    interrupted(&desk, "x = |\n").await;
    let other = CompletionRequest {
        scope: CacheScope("bob".to_owned()),
        ..at("a.py", "x = |\n")
    };
    assert_eq!(desk.completer.complete(&other).await.suggestions, ["2"]);
    assert_eq!(desk.model.cancellations(), 0, "it is somebody else's");
}

#[tokio::test]
async fn what_nobody_waits_for_is_cancelled() {
    let model = ScriptedModel::new().then(Answer::Hang);
    let desk = Desk::new(&[], model.clone());
    let request = at("a.py", "x = |\n");
    let patience = Duration::from_millis(20);
    assert!(
        tokio::time::timeout(patience, desk.completer.complete(&request))
            .await
            .is_err()
    );
    model.cancelled().await;
}

#[tokio::test]
async fn odd_cursors_are_told_apart() {
    let desk = Desk::new(&[], ScriptedModel::new());
    let inside = desk.complete("a.py", "val|ue = 1\n").await;
    assert_eq!(inside.silence, Some(Silence::InsideWord));
    for cursor in [1, 99] {
        let request = CompletionRequest {
            cursor,
            text: "é".to_owned(),
            ..at("a.py", "|")
        };
        let completion = desk.completer.complete(&request).await;
        assert_eq!(completion.silence, Some(Silence::BadCursor));
    }
    assert!(desk.model.requests().is_empty());
}

#[tokio::test]
async fn a_model_that_fails_is_a_reason() {
    let error = ModelError::Broken {
        reason: "gone".to_owned(),
    };
    let silence = silence("x = |\n", error).await;
    assert!(
        matches!(&silence, Silence::NoModel { said } if said.contains("gone")),
        "{silence:?}"
    );
}

#[tokio::test]
async fn a_model_that_cannot_fill_is_refused_at_the_start() {
    let cannot = ScriptedModel::new().describe(|descriptor| descriptor.fills_in_the_middle = false);
    let desk = Desk::new(&[], cannot);
    assert!(matches!(
        desk.completer.warm_up().await,
        Err(ModelError::Refused { .. })
    ));
    let silent = Desk::new(&[], ScriptedModel::new().then(""));
    assert!(matches!(
        silent.completer.warm_up().await,
        Err(ModelError::Refused { .. })
    ));
    let able = Desk::new(&[], ScriptedModel::new().then("first + second"));
    assert_eq!(able.completer.warm_up().await, Ok(()));
}

#[tokio::test]
async fn signatures_come_from_the_repository_and_from_open_buffers() {
    let files = [("text.py", "def slugify(title: str) -> str:\n    return title\n")];
    let desk = Desk::new(&files, ScriptedModel::new().then("slugify(name)"));
    let cache = tempfile::tempdir().unwrap();
    let index = Index::open(desk.repository.path(), cache.path()).unwrap();
    desk.completer.use_index(Arc::new(index));
    let buffer = "from text import slugify\nfrom shop import price\n\n\ndef f(name):\n    x = price(name)\n    return |\n";
    let request = CompletionRequest {
        open_buffers: vec![Buffer {
            path: RepoPath::parse("shop.py").unwrap(),
            text: "def price(name, tax=0.2):\n    return 1\n".to_owned(),
        }],
        ..at("a.py", buffer)
    };
    let completion = desk.completer.complete(&request).await;
    assert_eq!(completion.suggestions, ["slugify(name)"]);
    let prompts = desk.model.prompts();
    assert!(
        prompts[0].contains("# def slugify(title: str) -> str"),
        "{}",
        prompts[0]
    );
    assert!(
        prompts[0].contains("# def price(name, tax=0.2)"),
        "{}",
        prompts[0]
    );
    assert_eq!(completion.trace.fragments.len(), 2);
}

#[tokio::test]
async fn alternatives_differ() {
    let model = ScriptedModel::new()
        .when(|request| request.sampling.temperature == 0.0, "1")
        .otherwise(Answer::texts(["1", "2"]));
    let desk = Desk::new(&[], model);
    let request = CompletionRequest {
        alternatives: 3,
        ..at("a.py", "x = |\n")
    };
    assert_eq!(desk.completer.complete(&request).await.suggestions, ["1", "2"]);
}

#[tokio::test]
async fn a_file_in_no_known_language_is_completed_as_text() {
    let desk = Desk::new(&[], ScriptedModel::new().then("name: build"));
    let completion = desk.complete("ci.yaml", "jobs:\n- |\n").await;
    assert_eq!(completion.suggestions, ["name: build"]);
    assert!(completion.trace.fragments.is_empty());
}

#[tokio::test]
async fn carriage_returns_stay() {
    let desk = Desk::new(&[], ScriptedModel::new().then("x = 1\n    return x\n"));
    let completion = desk.complete("a.py", "def f():\r\n    |\r\n").await;
    assert_eq!(completion.suggestions, ["x = 1\r\n    return x"]);
}
