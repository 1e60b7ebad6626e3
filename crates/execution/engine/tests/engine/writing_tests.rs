//! Tests are kept if they pass and notice something.

use tenon_domain::{ChangeKind, Level, Outcome};
use tenon_engine::EngineError;

use crate::scene::{Scene, coder, in_file, paths, report, text_of, write_tests};

const GRADES: &str = "def grade(points):\n    if points >= 90:\n        return \"A\"\n    return \"B\"\n";
const HEAD: &str = "import unittest\nfrom grades import grade\n\n\nclass GradeTest(unittest.TestCase):\n";
const GOOD: &str = "    def test_edge(self):\n        self.assertEqual(grade(90), \"A\")\n\n    def test_below(self):\n        self.assertEqual(grade(89), \"B\")\n";
const WRONG: &str = "\n    def test_wrong(self):\n        self.assertEqual(grade(10), \"F\")\n";
const IDLE: &str = "    def test_nothing(self):\n        grade(5)\n        self.assertTrue(True)\n";

fn scene() -> Scene {
    Scene::new(&[("grades.py", GRADES)])
}

#[tokio::test]
async fn tests_that_notice_changes_to_the_code_are_kept() {
    let scene = scene().with(coder().then(format!("{HEAD}{GOOD}")));
    let proposal = scene.propose(&write_tests("grade")).await;
    assert_eq!(proposal.level(), Level::Tested, "{:#?}", proposal.evidence);
    assert_eq!(paths(&proposal), ["test_grades.py"]);
    assert_eq!(proposal.change.files[0].kind(), ChangeKind::Created);
    let mutation = report(&proposal, "mutation");
    assert_eq!(mutation.outcome, Outcome::Passed);
    let reason = mutation.reason.as_deref().unwrap();
    assert!(reason.starts_with("2 tests kept, 0 dropped"), "{reason}");
}

#[tokio::test]
async fn a_test_that_fails_on_the_code_as_it_is_is_cut_out() {
    let scene = scene().with(coder().then(format!("{HEAD}{GOOD}{WRONG}")));
    let proposal = scene.propose(&write_tests("grade")).await;
    assert_eq!(proposal.level(), Level::Tested);
    let text = text_of(&proposal, "test_grades.py");
    assert!(
        text.contains("test_edge") && text.contains("test_below") && !text.contains("test_wrong"),
        "{text}"
    );
    assert!(
        report(&proposal, "mutation")
            .reason
            .as_deref()
            .unwrap()
            .contains("1 dropped")
    );
}

#[tokio::test]
async fn tests_that_assert_nothing_are_rejected() {
    let scene = scene().with(coder().otherwise(format!("{HEAD}{IDLE}")));
    let proposal = scene.propose(&write_tests("grade")).await;
    assert_eq!(proposal.level(), Level::Unverified);
    let mutation = report(&proposal, "mutation");
    assert_eq!(mutation.outcome, Outcome::Failed);
    assert!(
        mutation.reason.as_deref().unwrap().contains("notice 0 of"),
        "{mutation:?}"
    );
}

#[tokio::test]
async fn better_tests_are_drawn_after_idle_ones() {
    let scene = scene().with(
        coder()
            .then(format!("{HEAD}{IDLE}"))
            .otherwise(format!("{HEAD}{GOOD}")),
    );
    let proposal = scene.propose(&write_tests("grades.py")).await;
    assert_eq!(proposal.level(), Level::Tested);
    assert_eq!(proposal.provenance.chosen, Some(1));
}

#[tokio::test]
async fn an_answer_without_a_test_that_passes_leaves_nothing() {
    let scene = scene().with(coder().otherwise(format!("{HEAD}{}", WRONG.trim_start_matches('\n'))));
    let proposal = scene.propose(&write_tests("grade")).await;
    assert_eq!(proposal.level(), Level::Unverified);
    assert!(proposal.change.is_empty());
}

#[tokio::test]
async fn existing_tests_are_not_overwritten() {
    let existing = format!("{HEAD}{GOOD}");
    let scene = Scene::new(&[
        ("grades.py", GRADES),
        ("tests/test_grades.py", &existing),
        ("tests/__init__.py", ""),
    ])
    .with(coder().then(format!("{HEAD}{GOOD}")));
    let proposal = scene.propose(&write_tests("grade")).await;
    assert_eq!(paths(&proposal), ["tests/test_grade.py"]);
    assert_eq!(proposal.level(), Level::Tested, "{:#?}", proposal.evidence);
}

#[tokio::test]
async fn javascript_tests_are_written_for_node() {
    let code = "export function grade(points) {\n  return points >= 90 ? 'A' : 'B';\n}\n";
    let tests = "import test from 'node:test';\nimport assert from 'node:assert';\n\ntest('edge', () => {\n  assert.strictEqual(grade(90), 'A');\n});\n\ntest('wrong', () => {\n  assert.strictEqual(grade(1), 'F');\n});\n";
    let scene = Scene::new(&[("grades.mjs", code)]).with(coder().otherwise(tests));
    let proposal = scene.propose(&write_tests("grade")).await;
    assert_eq!(proposal.level(), Level::Tested, "{:#?}", proposal.evidence);
    let text = text_of(&proposal, "grades.test.mjs");
    assert!(text.contains("'edge'") && !text.contains("'wrong'"), "{text}");
}

#[tokio::test]
async fn what_cannot_be_tested_is_said() {
    let error = scene().with(coder()).refusal(&write_tests("grad")).await;
    assert!(matches!(error, EngineError::NotFound { .. }), "{error:?}");
    assert!(error.to_string().contains("did you mean `grade`"), "{error}");
    let error = scene()
        .with(coder())
        .without_sandbox()
        .refusal(&write_tests("grade"))
        .await;
    assert!(matches!(error, EngineError::Missing { .. }), "{error:?}");
    let twice = Scene::new(&[("a.py", GRADES), ("b.py", GRADES)])
        .with(coder().otherwise(format!("{}{GOOD}", HEAD.replace("grades", "b"))));
    let error = twice.refusal(&write_tests("grade")).await;
    assert!(
        error.to_string().contains("a.py") && error.to_string().contains("b.py"),
        "{error}"
    );
    let proposal = twice.propose(&in_file(write_tests("grade"), "b.py")).await;
    assert_eq!(paths(&proposal), ["test_b.py"]);
}
