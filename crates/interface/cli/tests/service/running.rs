//! Commands that go on until somebody ends them.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Resource, Rlimit, Signal, kill_process, prlimit};

/// Far more than any step takes, on a machine that is busy with other tests, too.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// A process that ends with the value at the latest.
pub struct Running(Child);

/// A server that answers.
pub struct Server {
    pub url: String,
    running: Running,
}

impl Running {
    pub fn start(mut command: Command) -> Self {
        Self(command.spawn().unwrap())
    }

    /// Ends it in the middle of whatever it does.
    pub fn kill(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }

    pub fn has_ended(&mut self) -> bool {
        self.0.try_wait().unwrap().is_some()
    }

    /// Asks it to stop, as a service manager does.
    pub fn signal(&self) {
        kill_process(Pid::from_child(&self.0), Signal::TERM).unwrap();
    }

    /// The same, and gives its exit code.
    pub fn stop(mut self) -> Option<i32> {
        self.signal();
        patiently("the process ends", || self.has_ended());
        self.0.wait().unwrap().code()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.kill();
    }
}

impl Server {
    /// Starts `tenon serve` and waits until it says where it is.
    pub fn start(mut command: Command) -> Self {
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let mut url = String::new();
        let mut said = BufReader::new(child.stdout.take().unwrap());
        said.read_line(&mut url).unwrap();
        assert!(
            url.starts_with("http://127.0.0.1:"),
            "{url:?}: the server did not start"
        );
        Self {
            url: url.trim().to_owned(),
            running: Running(child),
        }
    }

    pub fn signal(&self) {
        self.running.signal();
    }

    /// Sets how large a file it may write, in bytes; none: as large as it likes.
    pub fn limit_files(&self, bytes: Option<u64>) {
        let limit = Rlimit {
            current: bytes,
            maximum: None,
        };
        let process = Pid::from_child(&self.running.0);
        prlimit(Some(process), Resource::Fsize, limit).unwrap();
    }

    pub fn stop(self) -> Option<i32> {
        self.running.stop()
    }
}

/// Waits until it is so.
pub fn patiently(what: &str, mut is_so: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !is_so() {
        assert!(Instant::now() < deadline, "waited in vain: {what}");
        thread::sleep(Duration::from_millis(20));
    }
}
