//! The command line that isolates one execution.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

use tokio::process::Command;

use crate::cgroup::Cgroup;
use crate::execution::{Execution, ExecutionCommand};
use crate::{Isolation, Sandbox, WORKSPACE};

/// The home folder inside: empty, and gone after the run.
const HOME: &str = "/tmp/home";
const CARGO_HOME: &str = "/tmp/home/.cargo";

/// What of `/etc` programs need to find users, libraries, time zones and certificates.
const ETC: [&str; 14] = [
    "/etc/passwd",
    "/etc/group",
    "/etc/nsswitch.conf",
    "/etc/ld.so.cache",
    "/etc/ld.so.conf",
    "/etc/ld.so.conf.d",
    "/etc/localtime",
    "/etc/timezone",
    "/etc/alternatives",
    "/etc/ssl/certs",
    "/etc/java-17-openjdk",
    "/etc/java-21-openjdk",
    "/etc/maven",
    "/etc/mime.types",
];

impl Sandbox {
    /// The command for an execution. A small shell joins the control group, sets what bubblewrap cannot, and becomes
    /// bubblewrap; another one inside sets the limit on processes, which would count foreign ones outside.
    pub(crate) fn command(&self, execution: &Execution, cgroup: Option<&Cgroup>) -> Command {
        if self.mode == Isolation::None {
            return self.bare_command(execution);
        }
        let limits = &execution.limits;
        let mut script = String::new();
        let doors = cgroup.map(Cgroup::doors).unwrap_or_default();
        for index in 0..doors.len() {
            script.push_str(&format!("echo $$ > \"${{{}}}\" && ", index + 2));
        }
        // `ulimit -f` counts 512-byte blocks, `-v` KiB. Without a group for the whole tree each process is limited.
        script.push_str(&format!(
            "ulimit -c 0 && ulimit -f {} && ",
            limits.file_size_bytes / 512
        ));
        if doors.is_empty() {
            script.push_str(&format!(
                "ulimit -v {} && ",
                limits.memory_bytes.saturating_mul(2) / 1024
            ));
        }
        script.push_str(&format!("shift {} && exec \"$@\" 9< \"$0\"", doors.len() + 1));

        let mut command = Command::new("/bin/sh");
        command
            .arg("-c")
            .arg(script)
            .arg(&self.filter)
            .arg("-")
            .args(&doors)
            .arg(&self.bwrap);
        command.args(self.isolation(execution)).arg("--");
        // Time is kept outside; a limit of its own ends what computes on when nobody is left to keep it.
        let cores = std::thread::available_parallelism().map_or(1, |cores| cores.get() as u64);
        let seconds = (limits.time.as_secs() + 1).saturating_mul(cores);
        let inner = format!(
            "ulimit -p {} 2>/dev/null; ulimit -t {seconds}; exec \"$@\"",
            limits.processes
        );
        command.args(["/bin/sh", "-c", &inner, "sh"]);
        match &execution.program {
            ExecutionCommand::Arguments(arguments) => command.args(arguments),
            ExecutionCommand::Shell(line) => command.args(["/bin/sh", "-c", line]),
        };
        command.env_clear().env("PATH", "/usr/local/bin:/usr/bin:/bin");
        command
    }

    fn isolation(&self, execution: &Execution) -> Vec<OsString> {
        let mut arguments = Arguments::default();
        arguments.words("--die-with-parent --new-session --unshare-user --unshare-pid --unshare-net --unshare-ipc --unshare-uts");
        arguments.words(
            "--unshare-cgroup-try --hostname sandbox --uid 1000 --gid 1000 --cap-drop ALL --seccomp 9",
        );
        arguments.words("--clearenv");
        for folder in ["/usr", "/opt"] {
            arguments.three("--ro-bind-try", folder, folder);
        }
        for folder in ["/bin", "/sbin", "/lib", "/lib32", "/lib64"] {
            match std::fs::read_link(folder) {
                Ok(target) => arguments.three("--symlink", target, folder),
                Err(_) => arguments.three("--ro-bind-try", folder, folder),
            }
        }
        for path in ETC {
            arguments.three("--ro-bind-try", path, path);
        }
        arguments.words("--proc /proc --dev /dev");
        arguments.two("--size", execution.limits.disk_bytes.to_string());
        arguments.words("--tmpfs /tmp");
        arguments.two("--dir", HOME);
        arguments.two("--dir", CARGO_HOME);
        for folder in self.toolchains.mounts() {
            arguments.three("--ro-bind-try", folder, folder);
        }
        for (cache, name) in self.toolchains.crate_caches() {
            arguments.three("--ro-bind-try", cache, Path::new(CARGO_HOME).join(name));
        }
        arguments.three("--bind", &execution.work_copy, WORKSPACE);
        for (from, to) in &execution.read_only {
            arguments.three("--ro-bind-try", from, Path::new(WORKSPACE).join(to));
        }
        if let Some(cache) = &execution.writable_cache {
            arguments.three("--bind", cache, cache);
        }
        for (name, value) in self.environment(execution, Path::new(WORKSPACE), Path::new(HOME)) {
            arguments.three("--setenv", name, value);
        }
        arguments.words("--remount-ro /");
        arguments.two("--chdir", Path::new(WORKSPACE).join(&execution.folder));
        arguments.0
    }

    fn environment(&self, execution: &Execution, workspace: &Path, home: &Path) -> Vec<(String, OsString)> {
        let mut folders: Vec<PathBuf> = [".venv/bin", "venv/bin", "node_modules/.bin"]
            .iter()
            .filter(|folder| {
                let shown = execution.read_only.iter().any(|(from, to)| {
                    Path::new(folder)
                        .strip_prefix(to)
                        .is_ok_and(|rest| from.join(rest).is_dir())
                });
                shown || execution.work_copy.join(folder).is_dir()
            })
            .map(|folder| workspace.join(folder))
            .collect();
        folders.extend(self.toolchains.search_path().iter().cloned());
        let path =
            std::env::join_paths(folders).unwrap_or_else(|_| OsString::from("/usr/local/bin:/usr/bin:/bin"));
        let fixed = [
            ("LANG", "C.UTF-8"),
            ("TMPDIR", "/tmp"),
            ("PYTHONDONTWRITEBYTECODE", "1"),
            ("PYTHONHASHSEED", "0"),
            ("CARGO_NET_OFFLINE", "true"),
            ("CARGO_TERM_COLOR", "never"),
            ("NO_COLOR", "1"),
            ("GOFLAGS", "-mod=mod"),
            ("GOPROXY", "off"),
            ("npm_config_offline", "true"),
            ("CI", "true"),
        ];
        let mut variables: Vec<(String, OsString)> = fixed
            .iter()
            .map(|(name, value)| ((*name).to_owned(), OsString::from(value)))
            .collect();
        variables.push(("PATH".to_owned(), path));
        variables.push(("HOME".to_owned(), home.into()));
        if self.mode == Isolation::Bubblewrap {
            variables.push(("CARGO_HOME".to_owned(), CARGO_HOME.into()));
        }
        for (name, value) in self.toolchains.variables() {
            variables.push((name.clone(), value.into()));
        }
        if let Some(cache) = &execution.writable_cache {
            variables.push(("CARGO_TARGET_DIR".to_owned(), cache.join("target").into()));
            variables.push(("GOCACHE".to_owned(), cache.join("go").into()));
        }
        variables.extend(
            execution
                .environment
                .iter()
                .map(|(name, value)| (name.clone(), value.into())),
        );
        variables
    }

    /// Without isolation: the same environment, as far as it makes sense outside.
    fn bare_command(&self, execution: &Execution) -> Command {
        let mut command = match &execution.program {
            ExecutionCommand::Arguments(arguments) => {
                let mut command =
                    Command::new(arguments.first().map_or(OsStr::new("false"), OsString::as_os_str));
                command.args(arguments.iter().skip(1));
                command
            }
            ExecutionCommand::Shell(line) => {
                let mut command = Command::new("/bin/sh");
                command.args(["-c", line]);
                command
            }
        };
        command
            .env_clear()
            .envs(self.environment(execution, &execution.work_copy, &execution.work_copy));
        command
            .current_dir(execution.work_copy.join(&execution.folder))
            .process_group(0);
        command
    }
}

#[derive(Default)]
struct Arguments(Vec<OsString>);

impl Arguments {
    fn words(&mut self, words: &str) {
        self.0.extend(words.split_whitespace().map(OsString::from));
    }

    fn two(&mut self, option: &str, value: impl AsRef<OsStr>) {
        self.0.extend([OsString::from(option), value.as_ref().to_owned()]);
    }

    fn three(&mut self, option: impl AsRef<OsStr>, from: impl AsRef<OsStr>, to: impl AsRef<OsStr>) {
        self.0.extend([
            option.as_ref().to_owned(),
            from.as_ref().to_owned(),
            to.as_ref().to_owned(),
        ]);
    }
}
