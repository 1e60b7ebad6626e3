//! A person's folders, apart from those of whoever runs the tests.

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde_json::Value;
use tempfile::TempDir;
use tenon_testkit::FakeUpstream;

/// Folders for configuration, data and caches that vanish with the value. Models are those that `make models` brings.
pub struct World {
    folder: TempDir,
}

/// What a command did.
#[derive(Debug)]
pub struct Ran {
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

impl World {
    pub fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("config.toml"), "").unwrap();
        Self { folder }
    }

    /// A world whose model answers over HTTP, from a script.
    pub fn with_upstream(upstream: &FakeUpstream) -> Self {
        let world = Self::new();
        let configuration = format!(
            "models = [\"scripted\"]\n[[upstream]]\nname = \"scripted\"\nkind = \"compatible\"\nbase_url = \"{}\"\nmodel = \"any\"\n",
            upstream.base_url()
        );
        std::fs::write(world.path("config.toml"), configuration).unwrap();
        world
    }

    pub fn path(&self, below: &str) -> PathBuf {
        self.folder.path().join(below)
    }

    /// The command, with nothing of the caller's settings.
    pub fn command(&self, folder: &Path, arguments: &[&str]) -> Command {
        self.command_of(env!("CARGO_BIN_EXE_tenon"), folder, arguments)
    }

    /// A program that starts the command itself.
    pub fn command_of(&self, program: &str, folder: &Path, arguments: &[&str]) -> Command {
        let models = std::env::home_dir().unwrap().join(".local/share/tenon/models");
        let mut command = Command::new(program);
        for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("TENON_"))
        {
            command.env_remove(name);
        }
        command
            .args(arguments)
            .current_dir(folder)
            .stdin(Stdio::null())
            .env("TENON_CONFIG", self.path("config.toml"))
            .env("TENON_DATA_FOLDER", self.path("data"))
            .env("TENON_CACHE_FOLDER", self.path("cache"))
            .env("TENON_MODELS_FOLDER", models)
            .env("TENON_PROMPTS_FOLDER", self.path("prompts"));
        command
    }

    pub fn run(&self, folder: &Path, arguments: &[&str]) -> Ran {
        Ran::from(self.command(folder, arguments).output().unwrap())
    }

    /// Work copies that a run left behind.
    pub fn left_behind(&self) -> Vec<PathBuf> {
        let Ok(entries) = std::fs::read_dir(self.path("cache/work")) else {
            return Vec::new();
        };
        entries.map(|entry| entry.unwrap().path()).collect()
    }
}

impl Ran {
    pub fn expect(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "{}\n{}", self.stdout, self.stderr);
        self
    }

    pub fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}: {}", self.stdout))
    }

    pub fn says(&self, text: &str) -> &Self {
        assert!(
            self.stdout.contains(text) || self.stderr.contains(text),
            "no `{text}` in:\n{}\n{}",
            self.stdout,
            self.stderr
        );
        self
    }
}

impl From<Output> for Ran {
    fn from(output: Output) -> Self {
        Self {
            code: output.status.code(),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }
}
