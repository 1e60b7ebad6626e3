//! Wishes that cannot be worked on as they are.

use tenon_domain::{Intent, IntentError};
use tenon_engine::{EngineError, Event};

use crate::scene::{Scene, coder, explain, fates, generate, in_file, paths, write_tests};

const TEXT: &str = "def shout(text):\n    return text.upper()\n";

fn scene() -> Scene {
    // A model that is asked fails the test: it has no answer.
    Scene::new(&[("text.py", TEXT), ("lib/deep.py", "def deep():\n    return 1\n")]).with(coder())
}

#[tokio::test]
async fn an_empty_wish_is_refused_before_anything_is_read() {
    let scene = scene();
    for intent in [generate(""), generate(" \n\t "), explain(""), write_tests("  ")] {
        let error = scene.refusal(&intent).await;
        assert!(
            matches!(error, EngineError::Intent(IntentError::Empty)),
            "{error:?}"
        );
    }
    assert!(scene.events.all().is_empty());
}

#[tokio::test]
async fn a_wish_that_is_too_long_is_refused_before_anything_is_read() {
    let scene = scene();
    let error = scene.refusal(&generate(&"please ".repeat(150_000))).await;
    let EngineError::Intent(IntentError::TooLong { limit, .. }) = error else {
        panic!("{error:?}");
    };
    assert_eq!(limit, Intent::MAX_TEXT_BYTES);
    assert!(scene.events.all().is_empty());
}

#[tokio::test]
async fn a_place_outside_the_repository_is_refused() {
    let scene = scene();
    for wish in [
        "add slugify(title) to ../other/text.py",
        "add a function to `/etc/profile.py` that prints",
        "edit ~/notes.py so that it greets",
        "delete ../../text.py",
        "create .git/hooks/post-commit.sh that beeps",
    ] {
        let error = scene.refusal(&generate(wish)).await;
        assert!(matches!(error, EngineError::Refused { .. }), "{wish}: {error:?}");
        assert!(error.to_string().contains('`'), "it names the place: {error}");
    }
}

#[tokio::test]
async fn a_path_in_an_example_is_no_place() {
    let scene = Scene::new(&[("text.py", TEXT)])
        .with(coder().otherwise("def stem(path):\n    return path.split(\"/\")[-1].split(\".\")[0]\n"));
    let wish = "add stem(path) to text.py: the name alone, e.g. stem(\"/etc/hosts.txt\") == \"hosts\" and stem(\"../a.py\") == \"a\"";
    let proposal = scene.propose(&generate(wish)).await;
    assert_eq!(paths(&proposal), ["text.py"], "{:?}", fates(&proposal));
}

#[tokio::test]
async fn what_is_to_go_must_be_there() {
    let scene = scene();
    for wish in [
        "delete missing.py",
        "remove the file lib/missing.py",
        "rename missing.py to other.py",
    ] {
        let error = scene.refusal(&generate(wish)).await;
        assert!(matches!(error, EngineError::NotFound { .. }), "{wish}: {error:?}");
        assert!(error.to_string().contains("missing.py"), "{error}");
    }
}

#[tokio::test]
async fn a_rename_does_not_overwrite() {
    let scene = scene();
    let error = scene.refusal(&generate("rename text.py to lib/deep.py")).await;
    assert!(error.to_string().contains("lib/deep.py"), "{error}");
}

#[tokio::test]
async fn a_wish_that_fits_nowhere_is_said() {
    let scene = Scene::new(&[("notes.txt", "x\n")]).with(coder());
    let error = scene.refusal(&generate("make the frobnicator faster")).await;
    assert!(matches!(error, EngineError::NotFound { .. }), "{error:?}");
    assert!(error.to_string().contains("--file"), "{error}");
}

#[tokio::test]
async fn a_file_in_no_known_language_is_not_spliced_but_may_be_rewritten() {
    let scene = Scene::new(&[("notes.txt", "one\ntwo\n")]).with(coder().otherwise("one\ntwo\nthree\n"));
    let proposal = scene
        .propose(&in_file(generate("append the line three"), "notes.txt"))
        .await;
    assert_eq!(paths(&proposal), ["notes.txt"]);
    assert_eq!(
        proposal.change.files[0].after.as_deref(),
        Some("one\ntwo\nthree\n")
    );
}

#[tokio::test]
async fn what_does_not_fit_into_the_context_is_left_out_and_named() {
    let long: String = (0..400)
        .map(|number| {
            format!("def function_{number}(first, second):\n    return first * second + {number}\n\n\n")
        })
        .collect();
    let model = coder()
        .describe(|model| model.context_length = 2048)
        .otherwise("def slugify(title):\n    return title\n");
    let scene = Scene::new(&[("long.py", &long)]).with(model.clone());
    let proposal = scene
        .propose(&in_file(generate("add slugify(title)"), "long.py"))
        .await;
    assert_eq!(paths(&proposal), ["long.py"]);
    let left_out = scene.events.all().into_iter().find_map(|event| match event {
        Event::LeftOut { what } => Some(what),
        _ => None,
    });
    assert!(left_out.unwrap().contains("long.py"));
    // The scripted model refuses prompts beyond its context, so this one fitted.
    assert!(!model.requests().is_empty());
}

#[tokio::test]
async fn what_must_be_shown_and_does_not_fit_is_an_error_that_says_so() {
    let body: String = (0..500)
        .map(|number| format!("    text = text.replace(\"{number}\", \"{number}{number}\")\n"))
        .collect();
    let model = coder().describe(|model| model.context_length = 2048);
    let scene =
        Scene::new(&[("text.py", &format!("def shout(text):\n{body}    return text\n"))]).with(model.clone());
    let error = scene.refusal(&generate("make `shout` louder")).await;
    assert!(error.to_string().contains("shout in text.py"), "{error}");
    assert!(error.to_string().contains("larger context"), "{error}");
    assert!(model.requests().is_empty());
}

#[tokio::test]
async fn a_model_with_more_room_is_asked_where_a_smaller_one_has_none() {
    let body: String = (0..60)
        .map(|number| format!("    text = text.replace(\"{number}\", \"{number}{number}\")\n"))
        .collect();
    let code = format!("def shout(text):\n{body}    return text\n");
    let small = coder()
        .named("small")
        .describe(|model| model.context_length = 1024);
    let large = coder()
        .named("large")
        .otherwise(code.replace("return text", "return text + \"!\""));
    let scene = Scene::new(&[("text.py", &code)])
        .with(small.clone())
        .with(large.clone());
    let proposal = scene
        .propose(&generate(
            "make `shout` end with an exclamation mark, e.g. shout(\"a\") == \"a!\"",
        ))
        .await;
    assert!(small.requests().is_empty());
    assert_eq!(fates(&proposal).last(), Some(&"passed"));
}

#[tokio::test]
async fn removing_something_from_a_file_does_not_remove_the_file() {
    let scene = Scene::new(&[("text.py", &format!("import os\n\n\n{TEXT}"))]).with(coder().otherwise(TEXT));
    let proposal = scene
        .propose(&generate("remove the unused import from text.py"))
        .await;
    assert_eq!(proposal.change.files[0].after.as_deref(), Some(TEXT));
}
