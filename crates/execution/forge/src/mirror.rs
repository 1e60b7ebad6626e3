use std::ffi::OsStr;
use std::fs::{self, File, TryLockError};
use std::io;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use crate::git::{Git, Invocation, LOOK, Output};
use crate::{ForgeError, GitRepository};

/// Fetching may take longer than looking.
const FETCH_LIMIT: Duration = Duration::from_secs(900);
/// Everything else that Git could be made to speak starts programs, or is not encrypted; and a remote leads to no other.
const SETTINGS: [&str; 4] = [
    "protocol.allow=never",
    "protocol.https.allow=always",
    "protocol.file.allow=always",
    "http.followRedirects=false",
];
/// A repository names itself where its large files are: they are not asked for.
const NO_LARGE_FILES: (&str, &str) = ("GIT_LFS_SKIP_SMUDGE", "1");
const HTTPS: &str = "https://";

/// Where a copy says whose it is.
const ORIGIN: &str = "remote.origin.url";

/// A bare copy of a remote, from which trees are taken: each its own, so that none moves while somebody reads it.
#[derive(Debug, Clone)]
pub struct Mirror {
    git: Git,
    folder: PathBuf,
}

impl Mirror {
    /// Brings the copy in `folder` up to date; it is made when it is missing, or of another remote. Several may ask at
    /// once, and wait for each other. Credentials are those that Git's own helpers and files know. Of its host only these
    /// addresses are asked, if there are any, whatever its name leads to by then.
    ///
    /// # Errors
    /// When the remote is neither `https://` nor `file://`, or cannot be fetched: then the copy is as it was. What Git said
    /// about it is not told: it would tell whoever names remotes what listens where.
    pub fn fetch(git: &Git, remote: &str, addresses: &[IpAddr], folder: &Path) -> Result<Self, ForgeError> {
        let mut settings = SETTINGS.map(str::to_owned).to_vec();
        settings.extend(pin(remote, addresses)?);
        let mirror = Self {
            git: git.clone().with_time_limit(FETCH_LIMIT).with_settings(settings),
            folder: folder.to_owned(),
        };
        let parent = folder.parent().unwrap_or(folder);
        let prepare = |source| ForgeError::Start {
            command: "clone".to_owned(),
            source,
        };
        fs::create_dir_all(parent).map_err(prepare)?;
        let _lock = mirror.lock()?;
        match mirror.is_of(remote)? {
            true => mirror.update(remote)?,
            false => mirror.begin(remote, parent)?,
        }
        Ok(mirror)
    }

    /// Puts the files of `revision` (of the remote's own branch, if none is named) into `folder`, which must be empty or
    /// missing; the answer is the commit.
    ///
    /// # Errors
    /// When there is no such revision, or the files cannot be written.
    pub fn check_out(&self, revision: Option<&str>, folder: &Path) -> Result<Option<String>, ForgeError> {
        let mirror = self.folder.to_string_lossy();
        let target = folder.to_string_lossy();
        let source = format!("file://{mirror}");
        self.run(
            &self.folder,
            &["clone", "--quiet", "--no-checkout", &source, &target],
        )?;
        let revision = match revision {
            Some(revision) => self.resolve(revision)?,
            None => "HEAD".to_owned(),
        };
        self.run(folder, &["checkout", "--quiet", "--detach", &revision])?;
        let checked_out = GitRepository::discover_with(&self.git, folder)?;
        checked_out.map_or(Ok(None), |repository| repository.base_commit())
    }

    /// Whether the copy is there, and of this remote.
    fn is_of(&self, remote: &str) -> Result<bool, ForgeError> {
        if !self.folder.join("HEAD").exists() {
            return Ok(false);
        }
        let settings = self.folder.join("config");
        let settings = settings.to_string_lossy();
        let parent = self.folder.parent().unwrap_or(&self.folder);
        let known = self.output(parent, &["config", "--file", &settings, "--get", ORIGIN])?;
        // A copy that does not say whose it is, is nobody's.
        let known = known.into_stdout("config").unwrap_or_default();
        Ok(String::from_utf8_lossy(&known).trim_end_matches('\n') == remote)
    }

    fn begin(&self, remote: &str, parent: &Path) -> Result<(), ForgeError> {
        let failed = |source| ForgeError::Start {
            command: "clone".to_owned(),
            source,
        };
        // A clone that was cut off has another name, and is begun anew.
        let [begun, old] = ["begun", "old"].map(|name| self.folder.with_extension(name));
        for left in [&begun, &old] {
            let _ = fs::remove_dir_all(left);
        }
        let place = begun.to_string_lossy();
        self.ask(remote, parent, &["clone", "--mirror", "--quiet", remote, &place])?;
        self.run(&begun, &["config", ORIGIN, remote])?;
        if self.folder.exists() {
            fs::rename(&self.folder, &old).map_err(failed)?;
        }
        fs::rename(&begun, &self.folder).map_err(failed)?;
        let _ = fs::remove_dir_all(&old);
        Ok(())
    }

    fn update(&self, remote: &str) -> Result<(), ForgeError> {
        let folder = &self.folder;
        self.ask(
            remote,
            folder,
            &["fetch", "--prune", "--quiet", remote, "+refs/*:refs/*"],
        )?;
        let listed = self.ask(remote, folder, &["ls-remote", "--symref", remote, "HEAD"])?;
        match RemoteHead::parse(&String::from_utf8_lossy(&listed)) {
            Some(RemoteHead::Branch(name)) => self.run(folder, &["symbolic-ref", "HEAD", &name]),
            Some(RemoteHead::Commit(id)) => {
                // No branch need lead there.
                self.ask(remote, folder, &["fetch", "--quiet", remote, "HEAD"])?;
                self.run(folder, &["update-ref", "--no-deref", "HEAD", &id])
            }
            None => Ok(()),
        }
    }

    /// Holds everybody else off until the file is closed; waits no longer than for Git itself.
    fn lock(&self) -> Result<File, ForgeError> {
        let failed = |source: io::Error| ForgeError::Start {
            command: "fetch".to_owned(),
            source,
        };
        let lock = File::create(self.folder.with_extension("lock")).map_err(failed)?;
        let deadline = Instant::now() + self.git.time_limit();
        loop {
            match lock.try_lock() {
                Ok(()) => return Ok(lock),
                Err(TryLockError::Error(error)) => return Err(failed(error)),
                Err(TryLockError::WouldBlock) if self.git.stop().is_asked() => {
                    return Err(ForgeError::Stopped);
                }
                Err(TryLockError::WouldBlock) if Instant::now() >= deadline => {
                    return Err(ForgeError::TimedOut {
                        command: "fetch".to_owned(),
                        seconds: self.git.time_limit().as_secs(),
                    });
                }
                Err(TryLockError::WouldBlock) => thread::sleep(LOOK),
            }
        }
    }

    fn resolve(&self, revision: &str) -> Result<String, ForgeError> {
        let name = format!("{revision}^{{commit}}");
        let command = ["rev-parse", "--verify", "--quiet", "--end-of-options", &name];
        let output = self.output(&self.folder, &command)?;
        let bytes = output
            .into_stdout("rev-parse")
            .map_err(|_| ForgeError::Revision {
                revision: revision.to_owned(),
            })?;
        Ok(String::from_utf8_lossy(&bytes).trim().to_owned())
    }

    fn run(&self, folder: &Path, arguments: &[&str]) -> Result<(), ForgeError> {
        let command = arguments.first().copied().unwrap_or_default();
        self.output(folder, arguments)?.into_stdout(command).map(drop)
    }

    /// Runs a command that asks the remote.
    fn ask(&self, remote: &str, folder: &Path, arguments: &[&str]) -> Result<Vec<u8>, ForgeError> {
        let output = self.output(folder, arguments)?;
        output.into_stdout("").map_err(|_| ForgeError::Unreachable {
            remote: without_credentials(remote),
        })
    }

    fn output(&self, folder: &Path, arguments: &[&str]) -> Result<Output, ForgeError> {
        let (name, value) = NO_LARGE_FILES;
        self.git.run(&Invocation {
            folder,
            arguments,
            input: &[],
            variables: &[(name, OsStr::new(value))],
        })
    }
}

/// The setting that has the host of the remote asked at these addresses alone.
fn pin(remote: &str, addresses: &[IpAddr]) -> Result<Option<String>, ForgeError> {
    let refused = || ForgeError::Remote {
        remote: without_credentials(remote),
    };
    let Some(rest) = remote.strip_prefix(HTTPS) else {
        return match remote.starts_with("file://") {
            true => Ok(None),
            false => Err(refused()),
        };
    };
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    // Nothing that two readers could take for two different hosts.
    let is_plain = |character: char| character.is_ascii_alphanumeric() || "-._:[]".contains(character);
    let (host, port) = match authority.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => (host, port),
        _ => (authority, "443"),
    };
    if host.is_empty() || host.ends_with('.') || !authority.chars().all(is_plain) {
        return Err(refused());
    }
    let port: u16 = port.parse().map_err(|_| refused())?;
    let is_address = host.starts_with('[') || host.parse::<IpAddr>().is_ok();
    if addresses.is_empty() || is_address {
        return Ok(None);
    }
    let addresses: Vec<String> = addresses
        .iter()
        .map(|address| match address {
            IpAddr::V4(address) => address.to_string(),
            IpAddr::V6(address) => format!("[{address}]"),
        })
        .collect();
    Ok(Some(format!(
        "http.curloptResolve={host}:{port}:{}",
        addresses.join(",")
    )))
}

/// Where a remote stands: what a clone of it checks out.
#[derive(Debug, PartialEq, Eq)]
enum RemoteHead {
    Branch(String),
    Commit(String),
}

impl RemoteHead {
    /// Reads what `git ls-remote --symref` lists; none for a remote that has nothing yet.
    fn parse(listed: &str) -> Option<Self> {
        let mut found = None;
        for line in listed.lines() {
            // Others may end in the same word.
            let Some((what, "HEAD")) = line.split_once('\t') else {
                continue;
            };
            match what.strip_prefix("ref: ") {
                Some(name) if name.starts_with("refs/heads/") => return Some(Self::Branch(name.to_owned())),
                Some(_) => {}
                None => found = Some(Self::Commit(what.to_owned())),
            }
        }
        found
    }
}

fn without_credentials(remote: &str) -> String {
    match remote.split_once("://") {
        Some((scheme, rest)) => {
            let host = rest.split_once('@').map_or(rest, |(_, host)| host);
            format!("{scheme}://{host}")
        }
        None => remote.to_owned(),
    }
}
