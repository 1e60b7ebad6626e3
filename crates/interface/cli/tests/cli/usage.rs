//! Bad usage is answered with what is wrong, how to mend it, and exit code 2, 4 or 5.

use tenon_testkit::TemporaryRepository;

use crate::world::World;

fn repository() -> TemporaryRepository {
    TemporaryRepository::new([("text.py", "def shout(text):\n    return text.upper()\n")]).with_git()
}

#[test]
fn help_speaks_in_sentences_and_names_every_command() {
    let world = World::new();
    let ran = world.run(world.path("").as_path(), &["--help"]).expect(0);
    for command in [
        "generate",
        "fix",
        "test",
        "explain",
        "complete",
        "lsp",
        "replay-keys",
        "show",
        "replay",
        "apply",
        "model",
        "prompt",
        "context",
        "eval",
        "doctor",
        "config",
        "completions",
    ] {
        ran.says(command);
    }
    ran.says("Exit codes");
    assert!(
        !ran.stdout.contains("llama-worker"),
        "the worker is Tenon's own business"
    );
    assert!(!ran.stdout.contains('\u{1b}'), "colours only on a terminal");
}

#[test]
fn an_empty_or_endless_intent_is_refused() {
    let world = World::new();
    let repository = repository();
    world
        .run(repository.path(), &["generate", "  "])
        .expect(2)
        .says("empty");
    // One argument may not be so long; standard input may.
    let endless = world.path("endless");
    std::fs::write(&endless, "add a function ".repeat(100_000)).unwrap();
    let mut command = world.command(repository.path(), &["generate", "-"]);
    command.stdin(std::fs::File::open(endless).unwrap());
    let ran = crate::world::Ran::from(command.output().unwrap()).expect(2);
    assert!(
        ran.stderr.len() < 2_000,
        "the intent is not thrown back: {}",
        ran.stderr.len()
    );
}

#[test]
fn files_outside_the_repository_are_refused() {
    let world = World::new();
    let repository = repository();
    for file in ["../outside.py", "/etc/passwd", ".git/config", "a/../../b.py"] {
        world
            .run(repository.path(), &["generate", "add f(x)", "--file", file])
            .expect(4)
            .says(file);
    }
    assert_eq!(repository.snapshot().len(), 1);
}

#[test]
fn a_repository_that_cannot_be_worked_on_is_named() {
    let world = World::new();
    let bare = TemporaryRepository::empty();
    bare.git(&["init", "--bare", "--quiet"]);
    world
        .run(bare.path(), &["generate", "add f(x) to a.py"])
        .expect(2)
        .says("bare repository");
    let folder = bare.path().to_owned();
    world
        .run(
            &folder,
            &["generate", "add f(x) to a.py", "--repo", "no/such/folder"],
        )
        .expect(2)
        .says("no/such/folder");
}

#[test]
fn unknown_models_and_missing_files_have_a_mend() {
    let world = World::new();
    let repository = repository();
    world
        .run(
            repository.path(),
            &["generate", "add f(x) to text.py", "--model", "gpt-9"],
        )
        .expect(2)
        .says("gpt-9")
        .says("qwen2.5-coder-0.5b");
    let mut command = world.command(repository.path(), &["generate", "add f(x) to text.py"]);
    command.env("TENON_MODELS_FOLDER", world.path("no-models"));
    crate::world::Ran::from(command.output().unwrap())
        .expect(5)
        .says("tenon model pull qwen2.5-coder-0.5b");
}

#[test]
fn values_out_of_range_are_explained() {
    let world = World::new();
    let repository = repository();
    for (arguments, said) in [
        (["generate", "x", "--max-time", "5x"], "90s"),
        (["generate", "x", "--max-attempts", "0"], "1..=64"),
        (["generate", "x", "--quality", "best"], "standard"),
        (["generate", "x", "--sandbox", "docker"], "bubblewrap"),
    ] {
        world.run(repository.path(), &arguments).expect(2).says(said);
    }
    world.run(repository.path(), &["fix"]).expect(2).says("--test");
    world
        .run(repository.path(), &["generate", "x", "--apply", "--branch", "b"])
        .expect(2)
        .says("cannot be used with");
}

#[test]
fn a_mistake_in_the_configuration_is_named_with_its_line() {
    let world = World::new();
    std::fs::write(world.path("config.toml"), "threads = 2\nmodles = [\"a\"]\n").unwrap();
    world
        .run(world.path("").as_path(), &["config"])
        .expect(2)
        .says("modles")
        .says("2");
}
