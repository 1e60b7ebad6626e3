//! From an answer to files, patches, branches and stored proposals; the model is an HTTP upstream with a script.

use std::os::unix::fs::symlink;

use tenon_testkit::{FakeUpstream, TemporaryRepository, UpstreamReply};

use crate::world::{Ran, World};

const INTENT: &str = "add double(number) to numbers.py: twice the number, e.g. double(2) == 4";
const RIGHT: &str = "```python\ndef double(number):\n    return number * 2\n```\n";
const WRONG: &str = "```python\ndef double(number):\n    return number * 3\n```\n";

fn repository() -> TemporaryRepository {
    TemporaryRepository::new([("numbers.py", "def half(number):\n    return number / 2\n")]).with_git()
}

fn upstream(answers: &[&str]) -> FakeUpstream {
    FakeUpstream::start(answers.iter().map(|answer| UpstreamReply::text(answer)))
}

#[test]
fn a_change_is_shown_with_its_evidence_and_nothing_is_touched() {
    let upstream = upstream(&[RIGHT]);
    let world = World::with_upstream(&upstream);
    let repository = repository();
    let before = repository.snapshot();
    let ran = world.run(repository.path(), &["generate", INTENT]).expect(0);
    assert!(
        ran.stdout.starts_with("diff --git a/numbers.py b/numbers.py\n"),
        "{}",
        ran.stdout
    );
    assert!(ran.stdout.contains("+def double(number):"));
    assert!(!ran.stdout.contains('\u{1b}'));
    assert!(
        ran.stderr.contains("tested") && ran.stderr.contains("bubblewrap"),
        "{}",
        ran.stderr
    );
    assert_eq!(repository.snapshot(), before);
    assert!(world.left_behind().is_empty());
}

#[test]
fn the_json_form_holds_the_contract() {
    let upstream = upstream(&[RIGHT]);
    let world = World::with_upstream(&upstream);
    let repository = repository();
    let ran = world
        .run(repository.path(), &["generate", INTENT, "--json", "--quiet"])
        .expect(0);
    let proposal = ran.json();
    assert_eq!(proposal["level"], "tested");
    assert_eq!(proposal["change"]["files"][0]["path"], "numbers.py");
    assert_eq!(proposal["change"]["files"][0]["kind"], "modified");
    assert!(
        proposal["checks"]
            .as_array()
            .unwrap()
            .iter()
            .any(|check| check["kind"] == "examples")
    );
    assert_eq!(proposal["sandbox"]["name"], "bubblewrap");
    assert_eq!(proposal["provenance"]["base_commit"].as_str().unwrap().len(), 40);
    assert_eq!(proposal["usage"]["attempts"], 1);
    assert_eq!(ran.stderr, "", "quiet is quiet");
}

#[test]
fn a_change_is_applied_patched_or_committed_when_asked() {
    let upstream = upstream(&[RIGHT, RIGHT, RIGHT]);
    let world = World::with_upstream(&upstream);
    let repository = repository();
    let patch = world.path("double.patch");
    world
        .run(
            repository.path(),
            &["generate", INTENT, "--patch", patch.to_str().unwrap()],
        )
        .expect(0);
    repository.git(&["apply", "--check", patch.to_str().unwrap()]);
    world
        .run(
            repository.path(),
            &["generate", INTENT, "--branch", "tenon/double"],
        )
        .expect(0)
        .says("committed to tenon/double");
    assert!(
        repository
            .git(&["show", "tenon/double:numbers.py"])
            .contains("def double")
    );
    assert_eq!(
        repository.git(&["status", "--porcelain"]),
        "",
        "the working tree stays"
    );
    world
        .run(repository.path(), &["generate", INTENT, "--apply"])
        .expect(0)
        .says("applied");
    assert!(repository.read("numbers.py").contains("return number * 2"));
}

#[test]
fn a_stored_change_is_shown_listed_and_applied_only_to_what_was_read() {
    let upstream = upstream(&[RIGHT]);
    let world = World::with_upstream(&upstream);
    let repository = repository();
    let proposal = world
        .run(repository.path(), &["generate", INTENT, "--json"])
        .expect(0)
        .json();
    let id = proposal["id"].as_str().unwrap();
    world
        .run(repository.path(), &["show"])
        .expect(0)
        .says(id)
        .says("tested");
    world
        .run(repository.path(), &["show", id, "--attempts"])
        .expect(0)
        .says("+def double")
        .says("scripted")
        .says("--- prompt ---");
    world
        .run(repository.path(), &["show", "ffffffff"])
        .expect(2)
        .says("ffffffff");

    let as_read = repository.read("numbers.py");
    repository.write("numbers.py", "def third(number):\n    return number / 3\n");
    world
        .run(repository.path(), &["apply", id])
        .expect(4)
        .says("numbers.py");
    assert!(
        repository.read("numbers.py").contains("third"),
        "nothing was changed"
    );
    repository.write("numbers.py", as_read);
    world.run(repository.path(), &["apply", id]).expect(0);
    assert!(repository.read("numbers.py").contains("double"));
}

#[test]
fn what_does_not_hold_is_shown_and_never_applied() {
    let upstream = FakeUpstream::start(std::iter::repeat_n(UpstreamReply::text(WRONG), 16));
    let world = World::with_upstream(&upstream);
    let repository = repository();
    let before = repository.snapshot();
    let ran = world
        .run(
            repository.path(),
            &["generate", INTENT, "--apply", "--max-attempts", "2"],
        )
        .expect(3);
    ran.says("unverified").says("expected 4");
    assert_eq!(repository.snapshot(), before);
    let listed = world.run(repository.path(), &["show", "--json"]).expect(0).json();
    let id = listed["proposals"][0]["id"].as_str().unwrap().to_owned();
    world
        .run(repository.path(), &["apply", &id])
        .expect(3)
        .says("--unverified");
    world
        .run(repository.path(), &["apply", &id, "--unverified"])
        .expect(0);
    assert!(repository.read("numbers.py").contains("number * 3"));
}

#[test]
fn a_dirty_tree_is_read_as_it_is() {
    let upstream = upstream(&[RIGHT]);
    let world = World::with_upstream(&upstream);
    let repository = repository();
    repository.write(
        "numbers.py",
        "def half(number):\n    return number / 2  # not committed\n",
    );
    let ran = world.run(repository.path(), &["generate", INTENT]).expect(0);
    ran.says("not committed").says("+def double");
}

#[test]
fn a_folder_without_git_works_but_for_branches() {
    let upstream = upstream(&[RIGHT, RIGHT]);
    let world = World::with_upstream(&upstream);
    let repository = TemporaryRepository::new([("numbers.py", "def half(number):\n    return number / 2\n")]);
    world
        .run(repository.path(), &["generate", INTENT])
        .expect(0)
        .says("+def double");
    world
        .run(repository.path(), &["generate", INTENT, "--branch", "new"])
        .expect(2)
        .says("git init");
}

#[test]
fn without_a_sandbox_nothing_is_executed_unless_that_is_typed() {
    let upstream = upstream(&[RIGHT, RIGHT]);
    let world = World::with_upstream(&upstream);
    let repository = repository();
    // A PATH with Git and Python, and without bubblewrap.
    let tools = world.path("tools");
    std::fs::create_dir(&tools).unwrap();
    for tool in ["git", "python3"] {
        let found = std::env::split_paths(&std::env::var_os("PATH").unwrap())
            .map(|folder| folder.join(tool))
            .find(|path| path.is_file())
            .unwrap();
        symlink(found, tools.join(tool)).unwrap();
    }
    let generate = |arguments: &[&str]| {
        let mut command = world.command(repository.path(), arguments);
        command.env("PATH", &tools);
        Ran::from(command.output().unwrap())
    };
    let refused = generate(&["generate", INTENT, "--json"]).expect(0);
    refused.says("bubblewrap is not installed");
    assert_eq!(refused.json()["level"], "parsed");
    let checks = refused.json()["checks"].clone();
    let executed = |check: &serde_json::Value| check["kind"] == "examples" && check["outcome"] != "skipped";
    assert!(!checks.as_array().unwrap().iter().any(executed), "{checks:#}");

    let open = generate(&["generate", INTENT, "--json", "--sandbox", "none"])
        .expect(0)
        .json();
    assert_eq!(open["sandbox"]["name"], "none", "the evidence says so");
    assert_eq!(open["level"], "tested");
}

#[test]
fn an_upstream_that_fails_is_an_error_with_its_words() {
    let upstream = FakeUpstream::start([UpstreamReply::error(401, "no such key")]);
    let world = World::with_upstream(&upstream);
    let repository = repository();
    world
        .run(repository.path(), &["generate", INTENT])
        .expect(5)
        .says("no such key");
    assert!(world.left_behind().is_empty());
}
