//! The caller's commands, the project's own tests, and machines on which neither can run.

use tenon_domain::{Level, Outcome};

use crate::scene::{Scene, accepting, coder, fates, generate, report, text_of};

const TEXT: &str = "def shout(text):\n    return text.upper()\n";
const RIGHT: &str = "def shout(text):\n    return text.upper() + \"!\"\n";
const WRONG: &str = "def shout(text):\n    return \"!\" + text.upper()\n";
const WISH: &str = "make `shout` end with an exclamation mark";
const COMMAND: &str = "python3 -c 'import text; assert text.shout(\"a\") == \"A!\"'";

const TESTS: &str = "import unittest
from text import shout


class ShoutTest(unittest.TestCase):
    def test_upper(self):
        self.assertIn(\"A\", shout(\"a\"))

    def test_moon(self):
        self.assertEqual(1, 2)
";

#[tokio::test]
async fn a_command_decides_which_answer_is_right() {
    let scene = Scene::new(&[("text.py", TEXT)]).with(coder().then(WRONG).otherwise(RIGHT));
    let proposal = scene.propose(&accepting(generate(WISH), COMMAND)).await;
    assert_eq!(proposal.level(), Level::Tested);
    assert_eq!(text_of(&proposal, "text.py"), RIGHT);
    assert_eq!(fates(&proposal)[0], COMMAND);
    assert_eq!(report(&proposal, COMMAND).outcome, Outcome::Passed);
}

#[tokio::test]
async fn a_command_that_failed_before_and_still_fails_is_reported_as_such() {
    let scene = Scene::new(&[("text.py", TEXT)]).with(coder().otherwise(RIGHT));
    let proposal = scene
        .propose(&accepting(generate(WISH), "echo hopeless; exit 3"))
        .await;
    assert_eq!(proposal.level(), Level::Unverified);
    let report = report(&proposal, "echo hopeless; exit 3");
    assert_eq!(report.outcome, Outcome::Failed);
    let reason = report.reason.as_deref().unwrap();
    assert!(reason.contains("before the change"), "{reason}");
    assert!(reason.contains("hopeless"), "{reason}");
}

#[tokio::test]
async fn a_command_that_holds_already_does_not_let_the_weak_model_go_first() {
    let scene = Scene::new(&[("text.py", TEXT)])
        .with(coder().named("weak").otherwise(WRONG))
        .with(coder().named("strong").otherwise(RIGHT));
    let proposal = scene.propose(&accepting(generate(WISH), "test -e text.py")).await;
    assert_eq!(proposal.provenance.attempts[0].model.name, "strong");
    let proposal = scene.propose(&accepting(generate(WISH), COMMAND)).await;
    assert_eq!(proposal.provenance.attempts[0].model.name, "weak");
}

#[tokio::test]
async fn every_command_must_hold() {
    let scene = Scene::new(&[("text.py", TEXT)]).with(coder().otherwise(RIGHT));
    let intent = accepting(accepting(generate(WISH), COMMAND), "test -e nowhere");
    let proposal = scene.propose(&intent).await;
    assert_eq!(proposal.level(), Level::Unverified);
    assert_eq!(report(&proposal, COMMAND).outcome, Outcome::Passed);
    assert_eq!(report(&proposal, "test -e nowhere").outcome, Outcome::Failed);
}

#[tokio::test]
async fn a_test_that_failed_before_is_not_held_against_the_change() {
    let scene = Scene::new(&[("text.py", TEXT), ("test_text.py", TESTS)]).with(coder().then(RIGHT));
    let proposal = scene.propose(&generate(WISH)).await;
    assert_eq!(proposal.level(), Level::Tested, "{:#?}", proposal.evidence);
    let report = report(&proposal, "unittest");
    assert_eq!(report.outcome, Outcome::Passed);
    let note = report
        .findings
        .iter()
        .find(|finding| finding.message.contains("test_moon"))
        .unwrap();
    assert_eq!(note.rule, "tests/failed-before");
}

#[tokio::test]
async fn a_change_that_breaks_a_test_is_rejected() {
    let silent = "def shout(text):\n    return \"!\"\n";
    let scene =
        Scene::new(&[("text.py", TEXT), ("test_text.py", TESTS)]).with(coder().then(silent).otherwise(RIGHT));
    let proposal = scene.propose(&generate(WISH)).await;
    assert_eq!(fates(&proposal)[0], "unittest");
    assert_eq!(text_of(&proposal, "text.py"), RIGHT);
}

#[tokio::test]
async fn a_missing_runner_is_said_and_proves_nothing() {
    let before = "export const shout = (text) => text.toUpperCase();\n";
    let after = "export const shout = (text) => `${text.toUpperCase()}!`;\n";
    let package = "{\"type\": \"module\", \"scripts\": {\"test\": \"no-such-runner\"}}\n";
    let scene = Scene::new(&[
        ("text.js", before),
        ("package.json", package),
        ("eslint.config.js", "export default [];\n"),
    ])
    .with(coder().otherwise(after));
    let proposal = scene.propose(&generate(WISH)).await;
    let linter = report(&proposal, "eslint");
    assert_eq!(linter.outcome, Outcome::Skipped);
    let reason = linter.reason.as_deref().unwrap();
    assert!(
        reason.contains("not installed") && reason.contains("npm install"),
        "{reason}"
    );
    let tests = report(&proposal, "npm test");
    assert_eq!(tests.outcome, Outcome::Skipped, "{tests:#?}");
    assert!(tests.reason.as_deref().unwrap().contains("before the change"));
    assert_eq!(
        proposal.level(),
        Level::Parsed,
        "nothing was executed that could show more"
    );
}

#[tokio::test]
async fn without_a_sandbox_nothing_runs_and_the_level_says_so() {
    let scene = Scene::new(&[("text.py", TEXT), ("test_text.py", TESTS)])
        .with(coder().otherwise(RIGHT))
        .without_sandbox();
    let intent = accepting(generate(&format!("{WISH}, e.g. shout(\"a\") == \"A!\"")), COMMAND);
    let proposal = scene.propose(&intent).await;
    assert_eq!(proposal.level(), Level::Parsed);
    assert_eq!(proposal.evidence.sandbox, None);
    for check in ["unittest", "examples", COMMAND] {
        let report = report(&proposal, check);
        assert_eq!(report.outcome, Outcome::Skipped, "{check}");
        assert!(
            report
                .reason
                .as_deref()
                .unwrap()
                .contains("bubblewrap is not installed")
        );
    }
}

#[tokio::test]
async fn javascript_is_run_too() {
    let before = "export function shout(text) {\n  return text.toUpperCase();\n}\n";
    let after = "export function shout(text) {\n  return text.toUpperCase() + '!';\n}\n";
    let tests = "import test from 'node:test';\nimport assert from 'node:assert';\nimport { shout } from './text.mjs';\n\ntest('shouts', () => {\n  assert.ok(shout('a').startsWith('A'));\n});\n";
    let scene = Scene::new(&[
        ("text.mjs", before),
        ("text.test.mjs", tests),
        ("package.json", "{\"type\": \"module\"}\n"),
    ])
    .with(coder().then(after));
    let wish = "make `shout` end with an exclamation mark, e.g. shout(\"a\") === \"A!\"";
    let proposal = scene.propose(&accepting(generate(wish), "node --test")).await;
    assert_eq!(proposal.level(), Level::Tested, "{:#?}", proposal.evidence);
    assert_eq!(text_of(&proposal, "text.mjs"), after);
}
