//! Repositories as people have them.

use std::fs::File;

use tenon_domain::{ChangeKind, Level};
use tenon_engine::EngineError;
use tenon_testkit::TemporaryRepository;

use crate::scene::{Scene, coder, generate, in_file, paths, text_of};

const TEXT: &str = "def shout(text):\n    return text.upper()\n";
const LOUDER: &str = "def shout(text):\n    return text.upper() + \"!\"\n";
const WISH: &str = "make `shout` end with an exclamation mark, e.g. shout(\"a\") == \"A!\"";
const ADD: &str = "add whisper(text) to text.py, e.g. whisper(\"A\") == \"a\"";
const WHISPER: &str = "def whisper(text):\n    return text.lower()\n";

#[tokio::test]
async fn a_folder_without_git() {
    let scene = Scene::on(TemporaryRepository::new([("text.py", TEXT)])).with(coder().then(LOUDER));
    let proposal = scene.propose(&generate(WISH)).await;
    assert_eq!(proposal.level(), Level::Tested);
}

#[tokio::test]
async fn a_dirty_tree_is_read_as_it_is() {
    let scene = Scene::new(&[
        ("text.py", "def shout(text):\n    return None\n"),
        ("gone.py", "x = 1\n"),
    ]);
    scene.repository.write("text.py", TEXT);
    scene.repository.write("untracked.py", "MARK = \"!\"\n");
    std::fs::remove_file(scene.repository.at("gone.py")).unwrap();
    let answer = "from untracked import MARK\n\n\ndef shout(text):\n    return text.upper() + MARK\n";
    let scene = scene.with(coder().otherwise(answer));
    let proposal = scene.propose(&generate(WISH)).await;
    assert_eq!(proposal.change.files[0].before.as_deref(), Some(TEXT));
    assert_eq!(proposal.level(), Level::Tested, "{:#?}", proposal.evidence);
}

#[tokio::test]
async fn an_empty_repository_gets_its_first_file() {
    for repository in [
        TemporaryRepository::empty(),
        TemporaryRepository::empty().with_git(),
    ] {
        let scene = Scene::on(repository).with(coder().then(WHISPER));
        let proposal = scene.propose(&generate(ADD)).await;
        assert_eq!(proposal.level(), Level::Tested);
        assert_eq!(proposal.change.files[0].kind(), ChangeKind::Created);
    }
}

#[tokio::test]
async fn a_repository_that_is_not_there() {
    let scene = Scene::on(TemporaryRepository::empty()).with(coder());
    let engine = scene.engine().await;
    let repository = tenon_engine::Repository {
        root: scene.repository.at("nowhere"),
        base_commit: None,
    };
    let proposed = engine
        .propose(
            &repository,
            &generate(WISH),
            tenon_engine::Verification::Full,
            &scene.events,
            &scene.stop,
        )
        .await;
    let error = proposed.unwrap_err();
    assert!(matches!(error, EngineError::Repository { .. }), "{error:?}");
    assert!(error.to_string().contains("nowhere"), "{error}");
}

#[tokio::test]
async fn huge_and_binary_files_are_in_nobodys_way() {
    let scene = Scene::new(&[("text.py", TEXT), (".gitignore", "")]);
    File::create(scene.repository.at("dump.bin"))
        .unwrap()
        .set_len(1 << 30)
        .unwrap();
    File::create(scene.repository.at("huge.py"))
        .unwrap()
        .set_len(1 << 30)
        .unwrap();
    scene.repository.write("image.png", [0x89, b'P', 0, 0xff, 0xfe]);
    scene.repository.write("latin.py", b"# caf\xe9\nx = 1\n");
    let scene = scene.with(coder().then(LOUDER));
    let engine_only = scene
        .run(&generate(WISH), tenon_engine::Verification::Full)
        .await
        .unwrap();
    assert_eq!(engine_only.level(), Level::Tested);
    assert_eq!(paths(&engine_only), ["text.py"]);
}

#[tokio::test]
async fn what_is_no_text_is_not_edited() {
    let scene = Scene::new(&[("text.py", TEXT)]).with(coder());
    scene
        .repository
        .write("latin.py", b"def caf\xe9():\n    return 1\n");
    scene.repository.write("image.py", [0, 1, 2, 0xff]);
    scene.repository.write("large.py", "x = 1\n".repeat(400_000));
    for path in ["latin.py", "image.py", "large.py"] {
        let error = scene.refusal(&in_file(generate("make it shorter"), path)).await;
        assert!(
            matches!(error, EngineError::Uneditable { .. }),
            "{path}: {error:?}"
        );
        assert!(
            error.to_string().contains(path) && error.to_string().contains("UTF-8"),
            "{error}"
        );
    }
}

#[tokio::test]
async fn a_file_that_git_ignores_is_not_written_over() {
    let scene = Scene::new(&[
        ("text.py", TEXT),
        (".gitignore", "secret.py\n"),
        ("secret.py", "KEY = 1\n"),
    ])
    .with(coder());
    let error = scene
        .refusal(&generate("add a function key() to secret.py"))
        .await;
    assert!(matches!(error, EngineError::Uneditable { .. }), "{error:?}");
    assert!(error.to_string().contains("ignores"), "{error}");
}

#[tokio::test]
async fn a_link_is_not_written_through() {
    let outside = TemporaryRepository::new([("target.py", TEXT)]);
    let scene = Scene::new(&[("text.py", TEXT)]).with(coder().otherwise(WHISPER));
    std::os::unix::fs::symlink(outside.path(), scene.repository.at("vendor_")).unwrap();
    std::os::unix::fs::symlink(outside.at("target.py"), scene.repository.at("alias.py")).unwrap();
    for wish in [
        "add whisper(text) to vendor_/target.py",
        "add whisper(text) to vendor_/fresh.py",
        "add whisper(text) to alias.py",
    ] {
        let error = scene.refusal(&generate(wish)).await;
        assert!(matches!(error, EngineError::Refused { .. }), "{wish}: {error:?}");
        assert!(error.to_string().contains("symbolic link"), "{error}");
    }
    let moved = scene
        .propose(&generate("rename text.py to vendor_/text.py"))
        .await;
    assert_eq!(moved.level(), Level::Unverified, "{:#?}", moved.evidence);
    assert_eq!(outside.snapshot().len(), 1);
    assert_eq!(outside.read("target.py"), TEXT);
}

#[tokio::test]
async fn line_ends_and_indentation_stay_as_they_were() {
    let crlf = "# first\r\ndef shout(text):\r\n\treturn text.upper()\r\n\r\n\r\ndef last():\r\n\treturn 1";
    let scene = Scene::new(&[("text.py", crlf)]).with(coder().then(LOUDER));
    let proposal = scene.propose(&generate(WISH)).await;
    assert_eq!(
        text_of(&proposal, "text.py"),
        crlf.replace("upper()", "upper() + \"!\"")
    );
    assert_eq!(proposal.level(), Level::Tested);
}

#[tokio::test]
async fn an_addition_to_a_file_without_a_final_newline() {
    let scene = Scene::new(&[("text.py", TEXT.trim_end())]).with(coder().then(WHISPER));
    let proposal = scene.propose(&generate(ADD)).await;
    assert_eq!(
        text_of(&proposal, "text.py").trim_end(),
        format!("{TEXT}\n\n{WHISPER}").trim_end()
    );
    assert!(!text_of(&proposal, "text.py").ends_with('\n'), "as it was");
}

#[tokio::test]
async fn code_that_does_not_parse_already_can_still_be_worked_on() {
    let broken = format!("{TEXT}\n\ndef half(\n");
    let scene = Scene::new(&[("text.py", TEXT), ("broken.py", &broken)]).with(coder().then(LOUDER));
    let proposal = scene.propose(&in_file(generate(WISH), "text.py")).await;
    assert_eq!(proposal.level(), Level::Tested);
}
