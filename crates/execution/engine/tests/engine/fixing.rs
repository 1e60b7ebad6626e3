//! Making a failing command pass.

use tenon_domain::{AttemptOutcome, Level, Outcome};
use tenon_engine::EngineError;

use crate::scene::{Scene, coder, fates, fix, in_file, paths, report, text_of};

const CART: &str = "def total(prices):
    result = 0
    for price in prices:
        result += price
    return result


def average(prices):
    return total(prices) / (len(prices) + 1)
";
const TESTS: &str = "import unittest
from cart import average


class CartTest(unittest.TestCase):
    def test_average(self):
        self.assertEqual(average([2, 4]), 3)
";
const COMMAND: &str = "python3 -m unittest -q";

fn scene(cart: &str) -> Scene {
    Scene::new(&[("cart.py", cart), ("test_cart.py", TESTS)])
}

#[tokio::test]
async fn the_bug_behind_a_failing_test_is_found_and_mended() {
    let model = coder().then("def average(prices):\n    return total(prices) / len(prices)\n");
    let scene = scene(CART).with(model.clone());
    let proposal = scene.propose(&fix(COMMAND)).await;
    assert_eq!(proposal.level(), Level::Tested);
    assert_eq!(
        text_of(&proposal, "cart.py"),
        CART.replace("(len(prices) + 1)", "len(prices)")
    );
    assert_eq!(paths(&proposal), ["cart.py"]);
    assert_eq!(report(&proposal, COMMAND).outcome, Outcome::Passed);
    let prompt = &model.prompts()[0];
    assert!(
        prompt.contains("return total(prices) / (len(prices) + 1)"),
        "the suspect is shown"
    );
    assert!(
        prompt.contains("AssertionError: 2.0 != 3"),
        "what the command said is shown: {prompt}"
    );
    assert!(
        prompt.contains("self.assertEqual(average([2, 4]), 3)"),
        "the failing test is shown"
    );
}

#[tokio::test]
async fn where_the_model_is_no_help_a_small_variation_may_be() {
    let bug = CART
        .replace("(len(prices) + 1)", "len(prices)")
        .replace("result = 0", "result = 1");
    let tests = TESTS.replace("average([2, 4]), 3", "average([2, 3]), 2.5");
    let scene =
        Scene::new(&[("cart.py", &bug), ("test_cart.py", &tests)]).with(coder().otherwise("I do not know."));
    let proposal = scene.propose(&fix(COMMAND)).await;
    assert_eq!(proposal.level(), Level::Tested, "{:?}", fates(&proposal));
    assert_eq!(
        text_of(&proposal, "cart.py"),
        bug.replace("result = 1", "result = 0")
    );
    let chosen = &proposal.provenance.attempts[proposal.provenance.chosen.unwrap()];
    assert!(
        chosen.model.name.starts_with("none"),
        "no model is credited: {}",
        chosen.model.name
    );
    assert!(matches!(chosen.outcome, AttemptOutcome::Passed { .. }));
}

#[tokio::test]
async fn a_likely_slip_further_away_comes_before_an_unlikely_one_near_by() {
    let player = "const { withDefaults } = require(\"./settings.js\");\n\nfunction isMuted(settings) {\n  return withDefaults(settings).volume === 0;\n}\n\nmodule.exports = { isMuted };\n";
    let settings = "function withDefaults(settings) {\n  return { volume: settings.volume || 70 };\n}\n\nmodule.exports = { withDefaults };\n";
    let test = "const assert = require(\"node:assert/strict\");\nconst { test } = require(\"node:test\");\nconst { isMuted } = require(\"./player.js\");\n\ntest(\"silence\", () => {\n  assert.equal(isMuted({ volume: 0 }), true);\n});\n";
    let scene = Scene::new(&[
        ("package.json", "{\"name\": \"player\"}"),
        ("player.js", player),
        ("settings.js", settings),
        ("player.test.js", test),
    ])
    .with(coder().otherwise("I do not know."));
    let proposal = scene.propose(&fix("node --test")).await;
    assert_eq!(paths(&proposal), ["settings.js"], "{:?}", fates(&proposal));
    assert!(text_of(&proposal, "settings.js").contains("settings.volume ?? 70"));
}

#[tokio::test]
async fn a_command_that_succeeds_leaves_nothing_to_fix() {
    let model = coder();
    let scene = scene(CART).with(model.clone());
    let error = scene.refusal(&fix("true")).await;
    assert!(
        matches!(&error, EngineError::NothingToFix { command } if command == "true"),
        "{error:?}"
    );
    assert_eq!(
        error.to_string(),
        "`true` already succeeds: there is nothing to fix"
    );
    assert!(model.requests().is_empty());
}

#[tokio::test]
async fn the_first_of_several_commands_that_fails_is_mended() {
    let model = coder().then("def average(prices):\n    return total(prices) / len(prices)\n");
    let scene = scene(CART).with(model);
    let mut intent = fix("true");
    intent.acceptance.extend(fix(COMMAND).acceptance);
    let proposal = scene.propose(&intent).await;
    assert_eq!(proposal.level(), Level::Tested);
}

#[tokio::test]
async fn a_test_is_not_mended_by_changing_the_test() {
    let easier = TESTS.replace("self.assertEqual(average([2, 4]), 3)", "pass");
    let scene = scene(CART).with(coder().otherwise(easier));
    let proposal = scene.propose(&fix(COMMAND)).await;
    assert!(
        !paths(&proposal).contains(&"test_cart.py"),
        "{:#?}",
        proposal.change
    );
}

#[tokio::test]
async fn when_nothing_helps_the_proposal_says_so() {
    let impossible = TESTS.replace("average([2, 4]), 3", "average([2, 4]), \"three\"");
    let scene = Scene::new(&[("cart.py", CART), ("test_cart.py", &impossible)])
        .with(coder().otherwise("def average(prices):\n    return 3\n"));
    let proposal = scene.propose(&fix(COMMAND)).await;
    assert_eq!(proposal.level(), Level::Unverified);
    assert!(!fates(&proposal).contains(&"passed"));
}

#[tokio::test]
async fn a_named_file_narrows_the_search() {
    let other = "def average_of(prices):\n    return 1\n";
    let model = coder().otherwise("def average_of(prices):\n    return 2\n");
    let scene =
        Scene::new(&[("cart.py", CART), ("other.py", other), ("test_cart.py", TESTS)]).with(model.clone());
    let proposal = scene.propose(&in_file(fix(COMMAND), "other.py")).await;
    assert!(paths(&proposal).iter().all(|path| *path == "other.py"));
    assert!(model.prompts().iter().all(|prompt| prompt.contains("average_of")));
}

#[tokio::test]
async fn a_command_that_does_not_exist_is_no_bug_in_the_code() {
    let model = coder().otherwise("def average(prices):\n    return 3\n");
    let scene = scene(CART).with(model.clone());
    let mut intent = fix("no-such-runner --quiet");
    intent.text = "the average is wrong".to_owned();
    let error = scene.refusal(&intent).await;
    assert!(matches!(error, EngineError::Missing { .. }), "{error:?}");
    assert!(error.to_string().contains("no-such-runner"), "{error}");
    assert!(model.requests().is_empty());
}

#[tokio::test]
async fn without_a_sandbox_or_a_command_there_is_no_fixing() {
    let error = scene(CART)
        .with(coder())
        .without_sandbox()
        .refusal(&fix(COMMAND))
        .await;
    assert!(matches!(error, EngineError::Missing { .. }), "{error:?}");
    assert!(error.to_string().contains("bubblewrap"), "{error}");
    let mut without = fix(COMMAND);
    without.acceptance.clear();
    let error = scene(CART).with(coder()).refusal(&without).await;
    assert!(error.to_string().contains("--test"), "{error}");
}

#[tokio::test]
async fn a_failure_that_leads_nowhere_is_said() {
    let scene = Scene::new(&[("notes.txt", "nothing to see\n")]).with(coder());
    let error = scene.refusal(&fix("false")).await;
    assert!(matches!(error, EngineError::NotFound { .. }), "{error:?}");
    assert!(error.to_string().contains("--file"), "{error}");
}
