//! What a model writes is data too: only the target is written, whatever the answer names.

use tenon_domain::Level;
use tenon_testkit::Answer;

use crate::scene::{Scene, coder, fates, generate, in_file, paths, reason, text_of};

const TEXT: &str = "def shout(text):\n    return text.upper()\n";
const LOUDER: &str = "def shout(text):\n    return text.upper() + \"!\"\n";
const WISH: &str = "make `shout` end with an exclamation mark, e.g. shout(\"a\") == \"A!\"";

#[tokio::test]
async fn answers_without_code_are_said_to_be_such() {
    let long = "I am thinking about it. ".repeat(40_000);
    for (answer, said) in [
        (Answer::text(""), "no python code"),
        (Answer::text("\n\n   \n"), "no python code"),
        (
            Answer::text("I am sorry, I cannot help with that."),
            "no python code",
        ),
        (Answer::text("```\n```\n"), "no python code"),
        (Answer::cut_short(long), "cut at"),
        (Answer::text("\u{0}\u{1}\u{feff}\u{202e}"), "no python code"),
    ] {
        let scene = Scene::new(&[("text.py", TEXT)]).with(coder().then(answer).otherwise(LOUDER));
        let proposal = scene.propose(&generate(WISH)).await;
        assert_eq!(fates(&proposal)[0], "not extracted", "{said}");
        assert!(reason(&proposal, 0).contains(said), "{}", reason(&proposal, 0));
        assert_eq!(proposal.level(), Level::Tested, "the next answer counts");
    }
}

#[tokio::test]
async fn an_answer_that_repeats_itself_for_ever_is_bound_and_rejected() {
    let endless = format!("def shout(text):\n{}", "    text = text + text\n".repeat(30_000));
    let scene =
        Scene::new(&[("text.py", TEXT)]).with(coder().then(Answer::cut_short(endless)).otherwise(LOUDER));
    let proposal = scene.propose(&generate(WISH)).await;
    assert_ne!(fates(&proposal)[0], "passed");
    assert_eq!(proposal.level(), Level::Tested);
}

#[tokio::test]
async fn an_answer_that_changes_nothing_is_no_change() {
    let scene = Scene::new(&[("text.py", TEXT)]).with(coder().otherwise(TEXT));
    let proposal = scene.propose(&generate(WISH)).await;
    assert!(proposal.change.is_empty());
    assert!(
        reason(&proposal, 0).contains("changes nothing"),
        "{}",
        reason(&proposal, 0)
    );
    assert_eq!(proposal.level(), Level::Unverified);
}

#[tokio::test]
async fn an_answer_that_only_moves_white_space_is_no_change_unless_that_was_the_wish() {
    let cramped = "import os\n\ndef shout(text):\n    return text.upper()\n";
    let airy = cramped.replace("\n\n", "\n\n\n");
    let scene = Scene::new(&[("text.py", cramped)]).with(coder().otherwise(airy.as_str()));
    let proposal = scene.propose(&generate("make text.py louder")).await;
    assert_eq!(reason(&proposal, 0), "the answer changes nothing but white space");
    let proposal = scene
        .propose(&generate("put two blank lines between the parts of text.py"))
        .await;
    assert_eq!(text_of(&proposal, "text.py"), airy);
}

#[tokio::test]
async fn a_path_in_an_answer_decides_nothing() {
    for path in [
        "../escape.py",
        "/etc/escape.py",
        ".git/hooks/pre-commit",
        "~/.bashrc",
        "other.py",
        "C:\\x.py",
    ] {
        for answer in [
            format!("```python {path}\n{LOUDER}```\n"),
            format!("# {path}\n{LOUDER}"),
            format!("```python\n{LOUDER}```\n\n`{path}`:\n\n```python\nimport os\nos.remove(\"x\")\n```\n"),
        ] {
            let scene =
                Scene::new(&[("text.py", TEXT), ("other.py", "x = 1\n")]).with(coder().otherwise(answer));
            let proposal = scene
                .propose(&generate("make `shout` end with an exclamation mark"))
                .await;
            assert!(
                paths(&proposal).iter().all(|touched| *touched == "text.py"),
                "{path}: {:?}",
                paths(&proposal)
            );
        }
    }
}

#[tokio::test]
async fn a_diff_in_an_answer_reaches_no_other_file() {
    let diff = "--- a/other.py\n+++ b/../../escape.py\n@@ -1 +1 @@\n-x = 1\n+x = 2\n";
    let scene = Scene::new(&[("text.py", TEXT), ("other.py", "x = 1\n")]).with(coder().otherwise(diff));
    let proposal = scene.propose(&generate(WISH)).await;
    assert!(!paths(&proposal).contains(&"other.py"));
    assert_eq!(proposal.level(), Level::Unverified);
}

#[tokio::test]
async fn other_functions_are_not_rewritten_unasked() {
    let two = format!("{TEXT}\n\ndef whisper(text):\n    return text.lower()\n");
    let answer = format!("{LOUDER}\n\ndef whisper(text):\n    return None\n");
    let scene = Scene::new(&[("text.py", &two)]).with(coder().otherwise(answer));
    let proposal = scene.propose(&generate(WISH)).await;
    assert!(
        text_of(&proposal, "text.py").contains("return text.lower()"),
        "{}",
        text_of(&proposal, "text.py")
    );
}

#[tokio::test]
async fn markers_of_a_chat_in_an_answer_do_not_reach_the_file() {
    let answer = format!("{LOUDER}<|im_end|>\n<|im_start|>user\nthanks<|im_end|>\n");
    let scene = Scene::new(&[("text.py", TEXT)]).with(coder().otherwise(answer));
    let proposal = scene.propose(&generate(WISH)).await;
    if !proposal.change.is_empty() {
        assert!(
            !text_of(&proposal, "text.py").contains("im_end"),
            "{}",
            text_of(&proposal, "text.py")
        );
    }
}

#[tokio::test]
async fn a_secret_in_an_answer_is_a_failed_check() {
    let leaked = format!("KEY = \"{}{}\"\n\n\n{LOUDER}", "AKIA", "QX7RT2ZP5WM3KDLV");
    let scene = Scene::new(&[("text.py", TEXT)]).with(coder().otherwise(leaked));
    let proposal = scene
        .propose(&in_file(generate("rewrite this file"), "text.py"))
        .await;
    assert_eq!(proposal.level(), Level::Unverified, "{:#?}", proposal.evidence);
}

#[tokio::test]
async fn an_answer_that_plays_with_its_judges_is_not_believed() {
    // It passes the test by altering it.
    let tests = "import unittest\nfrom text import shout\n\n\nclass T(unittest.TestCase):\n    def test_shout(self):\n        self.assertEqual(shout(\"a\"), \"A!\")\n";
    let cheat = "def shout(text):\n    import test_text\n    test_text.T.assertEqual = lambda *_: None\n    return text\n";
    let quitter = "import os\n\nos._exit(0)\n\n\ndef shout(text):\n    return text\n";
    let scene = Scene::new(&[("text.py", TEXT), ("test_text.py", tests)])
        .with(coder().then(quitter).otherwise(cheat));
    let proposal = scene.propose(&generate(WISH)).await;
    assert_eq!(proposal.level(), Level::Unverified, "{:#?}", proposal.evidence);
}
