//! Candidates that alter what judges them, in the real sandbox.

use crate::workshop::{Workshop, messages, report};

use tenon_check::{AfterFailure, CheckPlan, Gate, ProjectChecks};
use tenon_domain::{AcceptanceCommand, Evidence, Level, Outcome};

const TEXT: &str = "def shout(text):\n    return text.upper()\n";
const WRONG: &str = "def shout(text):\n    return text\n";
const RIGHT: &str = "def shout(t):\n    return t.upper()\n";
const TEXT_TEST: &str = "import unittest\nfrom text import shout\n\nclass ShoutTest(unittest.TestCase):\n    \
                         def test_shout(self):\n        self.assertEqual(shout('a'), 'A')\n";
/// Loaded before the other, and with it whatever the candidate does when it is imported.
const EARLY_TEST: &str = "import unittest\nimport text\n\nclass EarlyTest(unittest.TestCase):\n    \
                          def test_early(self):\n        self.assertTrue(text.shout)\n";
/// The test that a candidate would like to have: same name, asks nothing.
const TAME_TEST: &str =
    "import unittest\n\nclass ShoutTest(unittest.TestCase):\n    def test_shout(self):\n        pass\n";

/// Wrong code that writes `text` to `path` as soon as it is imported.
fn tampering(path: &str, text: &str) -> String {
    format!("import pathlib\n\n{WRONG}\npathlib.Path({path:?}).write_text({text:?})\n")
}

async fn check(workshop: &Workshop, gate: &Gate, code: &str, plan: &CheckPlan) -> Evidence {
    gate.check(&workshop.change(&[("text.py", Some(code))]), plan)
        .await
}

#[tokio::test]
async fn a_candidate_that_rewrites_its_test_passes_neither_itself_nor_the_next() {
    let files = [
        ("text.py", TEXT),
        ("test_early.py", EARLY_TEST),
        ("test_text.py", TEXT_TEST),
    ];
    let workshop = Workshop::new(&files);
    let gate = workshop.gate().await;
    let plan = CheckPlan::default();
    let evidence = check(&workshop, &gate, &tampering("test_text.py", TAME_TEST), &plan).await;
    let tests = report(&evidence, "unittest");
    assert_eq!(tests.outcome, Outcome::Failed, "{tests:#?}");
    assert_eq!(tests.findings[0].rule, "policy/tampered");
    assert!(
        messages(tests)[0].contains("altered `test_text.py`"),
        "{tests:#?}"
    );
    assert_eq!(evidence.level(), Level::Unverified);
    let evidence = check(&workshop, &gate, WRONG, &plan).await;
    let tests = report(&evidence, "unittest");
    assert_eq!(tests.findings[0].rule, "tests/failed", "{tests:#?}");
    assert_eq!(check(&workshop, &gate, RIGHT, &plan).await.level(), Level::Tested);
    assert_eq!(
        std::fs::read_to_string(workshop.root.join("test_text.py")).unwrap(),
        TEXT_TEST
    );
}

#[tokio::test]
async fn what_one_command_leaves_is_gone_before_the_next() {
    let import = "python3 -c 'import text'";
    let judge = "PYTHONPATH=. python3 -m unittest test_text";
    let plan = CheckPlan {
        acceptance: [import, judge]
            .map(|command| AcceptanceCommand(command.into()))
            .into(),
        project_checks: ProjectChecks::None,
        after_failure: AfterFailure::GoOn,
        ..CheckPlan::default()
    };
    for (path, text, import_outcome) in [
        ("test_text.py", TAME_TEST, Outcome::Failed),
        ("conftest.py", "import os\nos._exit(0)\n", Outcome::Failed),
        ("sitecustomize.py", "import os\nos._exit(0)\n", Outcome::Failed),
        // No file that anything reads unasked, yet it would take the place of the real one.
        ("unittest.py", "raise SystemExit(0)\n", Outcome::Passed),
    ] {
        let workshop = Workshop::new(&[("text.py", TEXT), ("test_text.py", TEXT_TEST)]);
        let gate = workshop.gate().await;
        let evidence = check(&workshop, &gate, &tampering(path, text), &plan).await;
        assert_eq!(
            report(&evidence, import).outcome,
            import_outcome,
            "{path} {evidence:#?}"
        );
        assert_eq!(
            report(&evidence, judge).outcome,
            Outcome::Failed,
            "{path} {evidence:#?}"
        );
        let evidence = check(&workshop, &gate, WRONG, &plan).await;
        assert_eq!(report(&evidence, import).outcome, Outcome::Passed);
        let judged = report(&evidence, judge);
        assert_eq!(judged.outcome, Outcome::Failed, "{path} {evidence:#?}");
        assert!(judged.reason.as_ref().unwrap().contains("FAILED"), "{judged:#?}");
        assert_eq!(check(&workshop, &gate, RIGHT, &plan).await.level(), Level::Tested);
    }
}

#[tokio::test]
async fn tests_that_always_write_beside_themselves_are_not_held_against_a_change() {
    let writing = format!("import pathlib\npathlib.Path('conftest.py').write_text('')\n{TEXT_TEST}");
    let workshop = Workshop::new(&[("text.py", TEXT), ("test_text.py", &writing)]);
    let evidence = workshop
        .check(&[("text.py", Some(RIGHT))], &CheckPlan::default())
        .await;
    assert_eq!(evidence.level(), Level::Tested, "{evidence:#?}");
}
