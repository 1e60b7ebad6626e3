//! Where a service lives: folders of its own, a repository that it may work on, and a database.

use std::fs::{self, File};
use std::path::PathBuf;
use std::process::{Command, Stdio};

use tenon_testkit::{FakeUpstream, TemporaryRepository};

use crate::running::Server;
use crate::world::{Ran, World};

pub const REPOSITORY: &str = "sample";
const CODE: &str = "def half(number):\n    return number / 2\n";

pub struct Site {
    pub repository: TemporaryRepository,
    world: World,
    database: Option<String>,
}

impl Site {
    /// A service whose database is a file in its data folder.
    pub fn new(upstream: &FakeUpstream) -> Self {
        Self {
            repository: TemporaryRepository::new([("numbers.py", CODE)]).with_git(),
            world: World::with_upstream(upstream),
            database: None,
        }
    }

    /// A service whose database is a server.
    pub fn on(database: String, upstream: &FakeUpstream) -> Self {
        Self {
            database: Some(database),
            ..Self::new(upstream)
        }
    }

    /// The command, started in the repository.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = self.world.command(self.repository.path(), arguments);
        for proxy in ["http_proxy", "https_proxy", "all_proxy"] {
            command.env_remove(proxy).env_remove(proxy.to_uppercase());
        }
        if let Some(database) = &self.database {
            command.env("TENON_DATABASE", database);
        }
        command
    }

    /// The same for a process that goes on: what it says is in a file of that name.
    pub fn lasting(&self, arguments: &[&str], name: &str) -> Command {
        let log = File::options().create(true).append(true).open(self.path(name));
        let mut command = self.command(arguments);
        command.stdout(Stdio::null()).stderr(log.unwrap());
        command
    }

    pub fn run(&self, arguments: &[&str]) -> Ran {
        Ran::from(self.command(arguments).output().unwrap())
    }

    /// Runs a command that asks the server.
    pub fn ask(&self, server: &Server, arguments: &[&str]) -> Ran {
        self.run(&[arguments, &["--server", &server.url]].concat())
    }

    /// A server on a free port, which may work on the repository.
    pub fn serve(&self, arguments: &[&str]) -> Server {
        let folder = self.repository.path().to_str().unwrap();
        let usual = ["serve", "--listen", "127.0.0.1:0", "--allow-path", folder];
        Server::start(self.lasting(&[&usual, arguments].concat(), "serve.log"))
    }

    /// Registers the repository.
    pub fn register(&self, server: &Server, arguments: &[&str]) {
        let folder = self.repository.path().to_str().unwrap();
        let usual = ["repository", "add", REPOSITORY, folder];
        self.ask(server, &[&usual, arguments].concat()).expect(0);
    }

    pub fn path(&self, below: &str) -> PathBuf {
        self.world.path(below)
    }

    /// The file of the key that the server made first.
    pub fn first_key_file(&self) -> PathBuf {
        self.path("data/service/first.key")
    }

    pub fn first_key(&self) -> String {
        fs::read_to_string(self.first_key_file())
            .unwrap()
            .trim()
            .to_owned()
    }

    /// What its processes said in that file.
    pub fn said(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap_or_default()
    }

    /// The processes that were started here, and by those, and still run.
    pub fn processes(&self) -> Vec<String> {
        let mark = self.path("data").to_string_lossy().into_owned();
        let is_ours = |folder: &PathBuf| {
            let environment = fs::read(folder.join("environ")).unwrap_or_default();
            String::from_utf8_lossy(&environment).contains(&mark)
        };
        let folders = fs::read_dir("/proc").unwrap().map(|entry| entry.unwrap().path());
        let ours = folders.filter(is_ours);
        ours.map(|folder| fs::read_to_string(folder.join("cmdline")).unwrap_or_default())
            .collect()
    }
}
