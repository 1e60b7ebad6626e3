//! Answers that do not hold: they are rejected for what is wrong with them, and others are drawn.

use tenon_domain::{Level, Outcome, Quality};
use tenon_engine::Verification;
use tenon_runtime::{ModelError, PromptInput, Role};
use tenon_testkit::{Answer, ScriptedModel};

use crate::scene::{Scene, coder, fates, generate, paths, reason, text_of};

/// A stronger model elsewhere: it is not asked before something here has failed or needs another opinion.
fn strong() -> ScriptedModel {
    coder()
        .named("strong")
        .describe(|descriptor| descriptor.remote = true)
}

const TEXT: &str = "def shout(text):\n    return text.upper()\n";
const RIGHT: &str = "def slugify(title):\n    return \"-\".join(title.lower().split())\n";
const WRONG: &str = "def slugify(title):\n    return title\n";
const BROKEN: &str = "def slugify(title):\n    return (title\n\n\nx = = 2\n";
const MADE_UP: &str = "import slugtools\n\n\ndef slugify(title):\n    return slugtools.slug(title)\n";
const WISH: &str = "add slugify(title) to text.py, e.g. slugify(\"A b\") == \"a-b\"";

fn scene(model: &ScriptedModel) -> Scene {
    Scene::new(&[("text.py", TEXT)]).with(model.clone())
}

#[tokio::test]
async fn an_answer_that_does_not_parse_is_not_the_last_word() {
    let model = coder().then(BROKEN).otherwise(RIGHT);
    let proposal = scene(&model).propose(&generate(WISH)).await;
    assert_eq!(proposal.level(), Level::Tested);
    assert_eq!(text_of(&proposal, "text.py"), format!("{TEXT}\n\n{RIGHT}"));
    assert_ne!(fates(&proposal)[0], "passed");
    assert_eq!(proposal.provenance.chosen, Some(1));
}

#[tokio::test]
async fn an_import_that_does_not_exist_is_found_without_running_anything() {
    let model = coder().then(Answer::text(MADE_UP)).otherwise(RIGHT);
    // The whole answer begins with an import, so nothing may be presumed about its beginning.
    let wish = "add a helper slugify to text.py; slugify(\"A b\") == \"a-b\"; this is no class ";
    let proposal = scene(&model).propose(&generate(wish)).await;
    assert_eq!(
        fates(&proposal)[0],
        "dependencies",
        "{:#?}",
        proposal.provenance.attempts
    );
    assert!(reason(&proposal, 0).contains("slugtools"));
    assert_eq!(proposal.level(), Level::Tested);
}

#[tokio::test]
async fn the_word_of_a_compiler_is_shown_to_the_model_once_and_a_wrong_value_never() {
    let undefined = "def slugify(title):\n    return hyphenate(title)\n";
    let model = coder().then(undefined).then(WRONG).otherwise(RIGHT);
    let proposal = scene(&model).propose(&generate(WISH)).await;
    assert_eq!(fates(&proposal)[..3], ["names", "examples", "passed"]);
    let shown: Vec<bool> = model
        .requests()
        .iter()
        .map(|request| match &request.prompt {
            PromptInput::Chat { messages, .. } => {
                messages.iter().any(|message| message.role == Role::Assistant)
            }
            _ => panic!("a conversation"),
        })
        .collect();
    assert_eq!(shown[..3], [false, true, false]);
    assert!(model.prompts()[1].contains("hyphenate"));
    assert!(
        !model.prompts()[2].contains("return title"),
        "resampling is blind"
    );
}

#[tokio::test]
async fn at_high_quality_the_majority_decides_without_examples_too() {
    let odd = "def slugify(title: str) -> str:\n    return title\n";
    let right = "def slugify(title: str) -> str:\n    return \"-\".join(title.lower().split())\n";
    let alike =
        "def slugify(title: str) -> str:\n    words = title.lower().split()\n    return \"-\".join(words)\n";
    let model = coder().then(odd).otherwise(Answer::texts([right, alike, odd]));
    let mut intent = generate("add slugify(title: str) to text.py, which turns a title into a slug");
    intent.quality = Quality::High;
    let proposal = scene(&model).propose(&intent).await;
    assert!(
        text_of(&proposal, "text.py").contains("join"),
        "{:?}",
        fates(&proposal)
    );
    assert_eq!(
        proposal.level(),
        Level::Parsed,
        "nothing that ran says that it is right"
    );
}

#[tokio::test]
async fn a_missing_import_is_added_without_asking_again() {
    let model = coder().then("def slugify(title):\n    return re.sub(r\"\\s+\", \"-\", title.lower())\n");
    let proposal = scene(&model).propose(&generate(WISH)).await;
    assert_eq!(proposal.level(), Level::Tested);
    assert!(text_of(&proposal, "text.py").starts_with("import re\n"));
    assert_eq!(proposal.usage.attempts, 1);
}

#[tokio::test]
async fn when_nothing_holds_the_best_attempt_is_shown_as_unverified() {
    let model = coder().then(BROKEN).otherwise(WRONG);
    let proposal = scene(&model).propose(&generate(WISH)).await;
    assert_eq!(proposal.level(), Level::Unverified);
    assert_eq!(paths(&proposal), ["text.py"]);
    assert!(
        text_of(&proposal, "text.py").contains("return title"),
        "the one that came furthest"
    );
    let attempts = &proposal.provenance.attempts;
    assert!(attempts.len() > 4, "it tried again");
    assert!(fates(&proposal).contains(&"examples"));
    assert!(fates(&proposal).contains(&"duplicate"));
    assert!(!fates(&proposal).contains(&"passed"));
    assert!(
        proposal.summary.contains("examples failed"),
        "{}",
        proposal.summary
    );
    let failed = proposal
        .evidence
        .checks
        .iter()
        .any(|report| report.outcome == Outcome::Failed);
    assert!(failed, "the evidence names what failed");
}

#[tokio::test]
async fn the_stronger_model_is_asked_when_the_weaker_one_fails() {
    let weak = coder().named("weak").otherwise(WRONG);
    let strong = strong().otherwise(RIGHT);
    let scene = scene(&weak).with(strong.clone());
    let proposal = scene.propose(&generate(WISH)).await;
    assert_eq!(proposal.level(), Level::Tested);
    let names: Vec<&str> = proposal
        .provenance
        .attempts
        .iter()
        .map(|attempt| attempt.model.name.as_str())
        .collect();
    assert_eq!(names.first(), Some(&"weak"));
    assert_eq!(names.last(), Some(&"strong"));
    assert_eq!(strong.requests().len(), 1);
    assert_eq!(proposal.provenance.chosen, Some(names.len() - 1));
}

#[tokio::test]
async fn the_stronger_model_of_this_machine_goes_first_where_the_examples_are_few() {
    let weak = coder().named("weak").otherwise(RIGHT);
    let able = coder().named("able").then(RIGHT);
    let first = scene(&weak).with(able.clone());
    assert_eq!(first.propose(&generate(WISH)).await.level(), Level::Tested);
    assert!(weak.requests().is_empty());
    let unable = coder().named("unable").otherwise(WRONG);
    let second = scene(&weak).with(unable.clone());
    let proposal = second.propose(&generate(WISH)).await;
    assert_eq!(proposal.level(), Level::Tested);
    assert_eq!(
        unable.requests().len(),
        3,
        "all of its wordings, and nothing more once another has it"
    );
    assert_eq!(weak.requests().len(), 1);
}

/// Right for the one example, and for nothing else.
const THIN: &str = "def slugify(title):\n    return \"a-b\"\n";
const ALSO_RIGHT: &str =
    "def slugify(title):\n    words = title.lower().split()\n    return \"-\".join(words)\n";

#[tokio::test]
async fn the_stronger_model_is_left_alone_when_the_weaker_one_satisfies_many_examples() {
    let strong = strong();
    let scene = scene(&coder().named("weak").otherwise(RIGHT)).with(strong.clone());
    let many: Vec<String> = ["A b", "A", "", "x  Y", "q", "Q r S", "z z", "0"]
        .iter()
        .map(|title| {
            let slug = title
                .to_lowercase()
                .split_whitespace()
                .collect::<Vec<_>>()
                .join("-");
            format!("slugify(\"{title}\") == \"{slug}\"")
        })
        .collect();
    let wish = format!("add slugify(title) to text.py, e.g. {}", many.join(", "));
    assert_eq!(scene.propose(&generate(&wish)).await.level(), Level::Tested);
    assert!(strong.requests().is_empty());
    let mut fast = generate(WISH);
    fast.quality = Quality::Fast;
    assert_eq!(scene.propose(&fast).await.level(), Level::Tested);
    assert!(strong.requests().is_empty());
}

#[tokio::test]
async fn a_change_that_rests_on_one_example_is_shown_up_by_the_stronger_model() {
    let strong = strong().then(RIGHT).then(Answer::texts([ALSO_RIGHT]));
    let scene = scene(&coder().named("weak").then(THIN)).with(strong.clone());
    let proposal = scene.propose(&generate(WISH)).await;
    assert_eq!(proposal.level(), Level::Tested);
    assert!(
        text_of(&proposal, "text.py").contains("join"),
        "{:?}",
        fates(&proposal)
    );
    assert_eq!(
        strong.requests().len(),
        2,
        "they differ, so more voices are heard"
    );
}

#[tokio::test]
async fn two_models_that_agree_are_enough() {
    for agreeing in [RIGHT, ALSO_RIGHT] {
        let strong = strong().then(agreeing);
        let scene = scene(&coder().named("weak").then(RIGHT)).with(strong.clone());
        assert_eq!(scene.propose(&generate(WISH)).await.level(), Level::Tested);
        assert_eq!(strong.requests().len(), 1);
    }
}

#[tokio::test]
async fn two_voices_of_the_weaker_model_do_not_outweigh_the_stronger_one() {
    let also_thin = "def slugify(title):\n    return \"a\" + \"-b\"\n";
    let weak = coder()
        .named("weak")
        .then(WRONG)
        .then(Answer::texts([THIN, also_thin]));
    let strong = strong().then(RIGHT).then(Answer::texts([ALSO_RIGHT, RIGHT]));
    let proposal = scene(&weak).with(strong.clone()).propose(&generate(WISH)).await;
    assert_eq!(strong.requests().len(), 2);
    assert!(
        text_of(&proposal, "text.py").contains("join"),
        "{:?}",
        fates(&proposal)
    );
}

#[tokio::test]
async fn what_was_found_late_is_compared_with_more_of_its_kind() {
    let model = coder()
        .then(WRONG)
        .then(Answer::texts([WRONG, THIN, WRONG, WRONG]))
        .then(Answer::texts([RIGHT, ALSO_RIGHT, WRONG, WRONG]));
    let proposal = scene(&model).propose(&generate(WISH)).await;
    assert_eq!(model.requests().len(), 3);
    assert!(
        text_of(&proposal, "text.py").contains("join"),
        "{:?}",
        fates(&proposal)
    );
}

#[tokio::test]
async fn a_change_stands_when_the_stronger_model_cannot_be_asked() {
    let broken = Answer::Refuse(ModelError::Unauthorised {
        reason: "no key".to_owned(),
    });
    let scene = scene(&coder().named("weak").then(RIGHT)).with(strong().then(broken));
    let proposal = scene.propose(&generate(WISH)).await;
    assert_eq!(proposal.level(), Level::Tested);
    assert!(text_of(&proposal, "text.py").contains("join"));
}

#[tokio::test]
async fn without_anything_to_run_the_strongest_model_is_asked_at_once_and_little_is_claimed() {
    let weak = coder().named("weak");
    let scene = scene(&weak).with(coder().named("strong").otherwise(WRONG));
    let proposal = scene.propose(&generate("add slugify(title) to text.py")).await;
    assert!(weak.requests().is_empty());
    assert_eq!(proposal.level(), Level::Parsed, "{:#?}", proposal.evidence);
}

#[tokio::test]
async fn high_quality_takes_the_behaviour_of_the_majority() {
    // Both hold for the example; they differ on other inputs.
    let odd = "def slugify(title):\n    return \"a-b\"\n";
    let also_right = "def slugify(title):\n    words = title.lower().split()\n    return \"-\".join(words)\n";
    let model = coder().then(odd).then(Answer::texts([RIGHT, also_right]));
    let mut intent = generate(WISH);
    intent.quality = Quality::High;
    let proposal = scene(&model).propose(&intent).await;
    assert_eq!(proposal.level(), Level::Tested);
    let text = text_of(&proposal, "text.py");
    assert!(text.contains("join"), "{text}\n{:?}", fates(&proposal));
}

#[tokio::test]
async fn a_raw_run_takes_one_greedy_sample_of_the_last_model_as_it_comes() {
    let weak = coder().named("weak");
    let strong = coder().named("strong").then(WRONG);
    let scene = scene(&weak).with(strong.clone());
    let proposal = scene.run(&generate(WISH), Verification::Off).await.unwrap();
    assert_eq!(proposal.level(), Level::Unverified);
    assert!(text_of(&proposal, "text.py").contains("return title"));
    assert!(
        proposal.evidence.checks.is_empty(),
        "nothing was checked, and nothing is claimed"
    );
    assert!(weak.requests().is_empty());
    assert!(strong.requests()[0].sampling.temperature == 0.0);
    assert_eq!(proposal.usage.attempts, 1);
}
