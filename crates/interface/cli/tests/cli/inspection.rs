//! Commands that look and change nothing.

use tenon_testkit::TemporaryRepository;

use crate::world::{Ran, World};

#[test]
fn doctor_finds_the_sandbox_and_names_what_is_missing() {
    let world = World::new();
    let folder = world.path("");
    let ran = world.run(&folder, &["doctor", "--json"]).expect(0);
    let examined = ran.json();
    let item = |name: &str| {
        let found = examined
            .as_array()
            .unwrap()
            .iter()
            .find(|item| item["name"] == name);
        found
            .unwrap_or_else(|| panic!("no {name} in {examined:#}"))
            .clone()
    };
    assert_eq!(item("qwen2.5-coder-0.5b")["health"], "good");
    assert!(item("bubblewrap")["detail"].as_str().unwrap().contains("network"));
    assert!(item("python3")["detail"].as_str().unwrap().contains("Python 3"));
    let mut command = world.command(&folder, &["doctor"]);
    command.env("TENON_MODELS_FOLDER", world.path("none"));
    Ran::from(command.output().unwrap())
        .expect(5)
        .says("tenon model pull qwen2.5-coder-0.5b");
}

#[test]
fn without_bubblewrap_doctor_says_what_is_lost() {
    let world = World::new();
    let mut command = world.command(&world.path(""), &["doctor"]);
    command.env("PATH", world.path("empty"));
    Ran::from(command.output().unwrap())
        .expect(5)
        .says("bubblewrap is not installed")
        .says("apt-get install bubblewrap");
}

#[test]
fn settings_are_shown_with_their_origin() {
    let world = World::new();
    let mut command = world.command(&world.path(""), &["config", "--json"]);
    command.env("TENON_THREADS", "3");
    let settings = Ran::from(command.output().unwrap()).expect(0).json();
    let threads = settings
        .as_array()
        .unwrap()
        .iter()
        .find(|item| item["key"] == "threads")
        .unwrap();
    assert_eq!(threads["value"], "3");
    assert!(threads["origin"].as_str().unwrap().contains("TENON_THREADS"));
}

#[test]
fn the_context_says_why_something_was_found() {
    let world = World::new();
    let repository = TemporaryRepository::new([
        (
            "cart.py",
            "def total_price(items):\n    return sum(item.price for item in items)\n",
        ),
        ("other.py", "def unrelated():\n    return 1\n"),
    ]);
    let found = world
        .run(
            repository.path(),
            &["context", "the total price of items", "--json"],
        )
        .expect(0)
        .json();
    assert_eq!(found["files"], 2);
    assert_eq!(found["snippets"][0]["symbol"], "total_price");
    assert!(!found["snippets"][0]["reasons"].as_array().unwrap().is_empty());
    world
        .run(repository.path(), &["context", " "])
        .expect(2)
        .says("empty");
}

#[test]
fn a_template_of_ones_own_takes_the_place_of_a_builtin_one() {
    let world = World::new();
    let folder = world.path("");
    let shown = world
        .run(&folder, &["prompt", "show", "generate/function"])
        .expect(0);
    shown.says("built in");
    let place = world.path("prompts/generate/function.md");
    std::fs::create_dir_all(place.parent().unwrap()).unwrap();
    std::fs::write(
        &place,
        shown.stdout.replace("--- user ---\n", "--- user ---\nPlease.\n"),
    )
    .unwrap();
    world
        .run(&folder, &["prompt", "list"])
        .expect(0)
        .says("takes the place of the built-in template");
    world
        .run(
            &folder,
            &[
                "prompt",
                "render",
                "generate/function",
                "--set",
                "language=python",
                "--set",
                "path=a.py",
                "--set",
                "code=def double(x): ...",
            ],
        )
        .expect(0)
        .says("Please.")
        .says("def double(x): ...");
    world
        .run(&folder, &["prompt", "show", "generate/functoin"])
        .expect(2)
        .says("generate/function");
    world
        .run(
            &folder,
            &["prompt", "render", "generate/function", "--set", "colour=red"],
        )
        .expect(2)
        .says("colour");
}

#[test]
fn models_are_listed_added_shown_and_forgotten() {
    let world = World::new();
    let folder = world.path("");
    let mut listed = world.run(&folder, &["model", "list", "--json"]).expect(0).json();
    assert_eq!(listed["models"][0]["name"], "qwen2.5-coder-0.5b");
    let models = std::env::home_dir().unwrap().join(".local/share/tenon/models");
    let small = models.join("SmolLM2-135M-Instruct.Q4_1.gguf");
    let own = |arguments: &[&str]| {
        let mut command = world.command(&folder, arguments);
        command.env("TENON_MODELS_FOLDER", world.path("models"));
        Ran::from(command.output().unwrap())
    };
    own(&["model", "add", small.to_str().unwrap(), "--name", "mine"]).expect(0);
    own(&["model", "show", "mine"])
        .expect(0)
        .says("added by you")
        .says("llama");
    listed = own(&["model", "list", "--json"]).expect(0).json();
    assert!(
        listed["models"]
            .as_array()
            .unwrap()
            .iter()
            .any(|model| model["name"] == "mine")
    );
    own(&["model", "remove", "mine"]).expect(0).says("forgot");
    assert!(small.is_file(), "the user's file stays");
    own(&["model", "show", "mine"]).expect(2).says("mine");

    let broken = world.path("broken.gguf");
    let whole = std::fs::read(&small).unwrap();
    std::fs::write(&broken, &whole[..whole.len() / 2]).unwrap();
    own(&["model", "add", broken.to_str().unwrap()])
        .expect(5)
        .says("broken.gguf");
    std::fs::write(&broken, "no model at all").unwrap();
    own(&["model", "add", broken.to_str().unwrap()])
        .expect(5)
        .says("broken.gguf");
}

#[test]
fn a_damaged_model_file_is_refused_before_it_is_loaded() {
    let world = World::new();
    let repository = TemporaryRepository::new([("text.py", "x = 1\n")]);
    let folder = world.path("models");
    std::fs::create_dir_all(&folder).unwrap();
    let file = folder.join("SmolLM2-135M-Instruct.Q4_1.gguf");
    let real = std::env::home_dir()
        .unwrap()
        .join(".local/share/tenon/models/SmolLM2-135M-Instruct.Q4_1.gguf");
    let mut bytes = std::fs::read(real).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 0xff;
    std::fs::write(&file, bytes).unwrap();
    let mut command = world.command(
        repository.path(),
        &["generate", "add f(x) to text.py", "--model", "smollm2-135m"],
    );
    command.env("TENON_MODELS_FOLDER", &folder);
    Ran::from(command.output().unwrap())
        .expect(5)
        .says("digest")
        .says("tenon model pull smollm2-135m");
}

#[test]
fn completions_are_scripts_of_their_shells() {
    let world = World::new();
    for (shell, mark) in [
        ("bash", "complete -F"),
        ("zsh", "#compdef"),
        ("fish", "complete -c tenon"),
    ] {
        world
            .run(world.path("").as_path(), &["completions", shell])
            .expect(0)
            .says(mark);
    }
}
