//! A real PostgreSQL for one test, with its files in a folder that vanishes.

mod processes;

use std::fs::{self, File, Permissions};
use std::os::unix::fs::{PermissionsExt as _, chown};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, geteuid, kill_process};
use tempfile::TempDir;

/// A PostgreSQL server of a test's own: it listens on a socket in its folder and nowhere else, and trusts everybody who
/// can reach that. Dropping it ends it and removes the folder; when the test is killed, the server ends too.
///
/// It needs the programs of Debian's package `postgresql`, and `setpriv`, which is everywhere. PostgreSQL refuses to
/// run as root: a test that does has it run as the user `postgres`.
#[derive(Debug)]
pub struct TemporaryPostgres {
    server: Option<Server>,
    programs: PathBuf,
    is_durable: bool,
    folder: TempDir,
}

#[derive(Debug)]
struct Server {
    pid: Pid,
    /// Waits for the process. Linux tells a child of the end of the thread that started it, so that thread lives as
    /// long as the child.
    waiting: JoinHandle<()>,
}

/// Far more than any step takes, on a machine that is busy with other tests, too.
const PATIENCE: Duration = Duration::from_secs(60);
const USER: &str = "postgres";

impl TemporaryPostgres {
    /// A new server that takes connections by now. It is fast, and what it keeps need not survive the machine.
    pub fn start() -> Self {
        Self::with(false)
    }

    /// The same for tests of what survives: it writes to the disk as carefully as it does anywhere.
    pub fn start_durable() -> Self {
        Self::with(true)
    }

    fn with(is_durable: bool) -> Self {
        let mut postgres = Self {
            server: None,
            programs: find_programs(),
            is_durable,
            folder: enterable_folder(),
        };
        postgres.make_cluster();
        postgres.launch();
        postgres
    }

    /// Where it is: `postgres:///postgres?host=FOLDER&port=5432&user=tenon`.
    pub fn url(&self) -> String {
        let folder = self.folder.path().display();
        format!("postgres:///postgres?host={folder}&port=5432&user=tenon")
    }

    /// The socket that it listens on.
    pub fn socket(&self) -> PathBuf {
        self.folder.path().join(".s.PGSQL.5432")
    }

    /// Kills it and everything it started, in the middle of whatever that does.
    pub fn kill(&mut self) {
        let Some(server) = self.server.take() else { return };
        // What stands still starts nothing more.
        let _ = kill_process(server.pid, Signal::STOP);
        wait_until(|| processes::stands_still(server.pid));
        let children = processes::children(server.pid);
        for pid in children.iter().copied().chain([server.pid]) {
            let _ = kill_process(pid, Signal::KILL);
        }
        let _ = server.waiting.join();
        wait_until(|| children.iter().copied().all(processes::is_gone));
    }

    /// Ends it in good order, whoever is connected.
    pub fn stop(&mut self) {
        self.end(Signal::INT);
    }

    /// Starts it again on what it kept, however it ended.
    pub fn restart(&mut self) {
        self.stop();
        self.launch();
    }

    fn end(&mut self, signal: Signal) {
        let Some(server) = &self.server else { return };
        let _ = kill_process(server.pid, signal);
        match wait_until(|| server.waiting.is_finished()) {
            true => self.server = None,
            false => self.kill(),
        }
    }

    fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    fn make_cluster(&self) {
        let mut command = self.command("initdb");
        command.args([
            "--no-sync",
            "--no-locale",
            "--encoding=UTF8",
            "--auth=trust",
            "--username=tenon",
        ]);
        let output = command
            .arg("--pgdata")
            .arg(self.data())
            .output()
            .expect("`setpriv` is installed");
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "`initdb` failed: {said}");
    }

    fn launch(&mut self) {
        let (tell, told) = std::sync::mpsc::channel();
        let mut command = self.postgres();
        let waiting = thread::spawn(move || {
            let mut child = command.spawn().expect("`setpriv` is installed");
            let _ = tell.send(Pid::from_child(&child));
            let _ = child.wait();
        });
        let pid = told.recv().expect("the server was started");
        self.server = Some(Server { pid, waiting });
        wait_until(|| self.is_ready(pid) || self.has_ended());
        assert!(self.is_ready(pid), "PostgreSQL did not start:\n{}", self.log());
    }

    fn postgres(&self) -> Command {
        let mut command = self.command("postgres");
        command
            .arg("-D")
            .arg(self.data())
            .arg("-k")
            .arg(self.folder.path())
            .args(["-p", "5432"]);
        let on_or_off = if self.is_durable { "on" } else { "off" };
        let durability =
            ["fsync", "full_page_writes", "synchronous_commit"].map(|name| format!("{name}={on_or_off}"));
        let others = [
            "listen_addresses=",
            "unix_socket_permissions=0700",
            "shared_buffers=16MB",
            "max_wal_senders=0",
        ];
        for setting in durability.iter().map(String::as_str).chain(others) {
            command.args(["-c", setting]);
        }
        let log = File::options()
            .create(true)
            .append(true)
            .open(self.folder.path().join("log"));
        command
            .stdout(Stdio::null())
            .stderr(log.expect("a log can be made"));
        command
    }

    /// A program of PostgreSQL, as a user that it accepts, which ends when this process does.
    fn command(&self, program: &str) -> Command {
        let mut command = Command::new("setpriv");
        command.args(["--pdeathsig", "QUIT"]);
        if geteuid().is_root() {
            command.args([
                format!("--reuid={USER}"),
                format!("--regid={USER}"),
                "--clear-groups".to_owned(),
            ]);
        }
        command
            .arg(self.programs.join(program))
            .current_dir(self.folder.path());
        command.env("LC_ALL", "C").stdin(Stdio::null());
        command
    }

    /// Whether it says in its own file that it takes connections, as `pg_ctl` asks it, too.
    fn is_ready(&self, pid: Pid) -> bool {
        let text = fs::read_to_string(self.data().join("postmaster.pid")).unwrap_or_default();
        let mut lines = text.lines().map(str::trim);
        lines.next() == Some(&pid.to_string()) && lines.nth(6) == Some("ready")
    }

    fn has_ended(&self) -> bool {
        self.server
            .as_ref()
            .is_none_or(|server| server.waiting.is_finished())
    }

    fn log(&self) -> String {
        fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }
}

impl Drop for TemporaryPostgres {
    fn drop(&mut self) {
        self.end(Signal::QUIT);
    }
}

/// A folder that the server can enter, whatever folder for temporary files this user has, and short enough for a socket.
fn enterable_folder() -> TempDir {
    let folder = tempfile::Builder::new().prefix("postgres-").tempdir_in("/tmp");
    let folder = folder.expect("a temporary folder can be made");
    fs::set_permissions(folder.path(), Permissions::from_mode(0o755)).expect("it is this user's");
    if geteuid().is_root() {
        let (user, group) = ids_of_user();
        chown(folder.path(), Some(user), Some(group)).expect("root may give a folder away");
    }
    folder
}

fn ids_of_user() -> (u32, u32) {
    let users = fs::read_to_string("/etc/passwd").expect("there are users");
    let fields = users.lines().map(|line| line.split(':').collect::<Vec<_>>());
    let ids = fields.into_iter().find_map(|fields| match fields.as_slice() {
        [USER, _, user, group, ..] => Some((user.parse().ok()?, group.parse().ok()?)),
        _ => None,
    });
    ids.unwrap_or_else(|| panic!("there is no user `{USER}`: the Debian package `postgresql` makes it"))
}

/// The folder of the programs: what is on `PATH` may be a link to it, and Debian puts nothing there.
fn find_programs() -> PathBuf {
    let find = "command -v initdb || ls -d /usr/lib/postgresql/*/bin/initdb | sort -V | tail -n 1";
    let output = Command::new("sh")
        .args(["-c", find])
        .output()
        .expect("there is a shell");
    let found = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    let initdb = fs::canonicalize(found).unwrap_or_else(|_| {
        panic!("`initdb` is neither on PATH nor under /usr/lib/postgresql: install the Debian package `postgresql`")
    });
    initdb.parent().map_or_else(PathBuf::new, Path::to_owned)
}

/// Whether it came to be so in time.
fn wait_until(mut is_so: impl FnMut() -> bool) -> bool {
    let deadline = Instant::now() + PATIENCE;
    while Instant::now() < deadline {
        if is_so() {
            return true;
        }
        thread::sleep(Duration::from_millis(5));
    }
    false
}
