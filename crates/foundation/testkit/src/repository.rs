use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

/// A folder with files that vanishes with the value.
///
/// ```
/// # use tenon_testkit::TemporaryRepository;
/// let repository = TemporaryRepository::new([("src/text.py", "x = 1\n")]).with_git();
/// assert_eq!(repository.read("src/text.py"), "x = 1\n");
/// ```
#[derive(Debug)]
pub struct TemporaryRepository {
    folder: TempDir,
}

impl TemporaryRepository {
    /// A folder with these files, paths relative to its root. Not a Git repository.
    pub fn new<P: AsRef<str>, C: AsRef<[u8]>>(files: impl IntoIterator<Item = (P, C)>) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        let repository = Self { folder };
        for (path, content) in files {
            repository.write(path.as_ref(), content);
        }
        repository
    }

    /// A folder without files.
    pub fn empty() -> Self {
        Self::new::<&str, &str>([])
    }

    /// A copy of `folder`, symbolic links kept as links.
    pub fn copy_of(folder: &Path) -> Self {
        let repository = Self::empty();
        copy(folder, repository.path());
        repository
    }

    /// The same as a Git repository (branch `main`) with one commit that holds everything there is.
    #[must_use]
    pub fn with_git(self) -> Self {
        self.git(&["init", "--quiet", "--initial-branch=main"]);
        self.commit("start");
        self
    }

    /// Commits everything and returns the id of the commit.
    pub fn commit(&self, message: &str) -> String {
        self.git(&["add", "--all"]);
        self.git(&["commit", "--quiet", "--allow-empty", "--message", message]);
        self.git(&["rev-parse", "HEAD"]).trim().to_owned()
    }

    /// Runs the real Git in the folder, apart from the settings of whoever runs the test, and returns its output.
    pub fn git(&self, arguments: &[&str]) -> String {
        let output = Command::new("git")
            .args(arguments)
            .current_dir(self.path())
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .env("GIT_CONFIG_GLOBAL", "/dev/null")
            .env("GIT_AUTHOR_NAME", "Tester")
            .env("GIT_AUTHOR_EMAIL", "tester@example.invalid")
            .env("GIT_COMMITTER_NAME", "Tester")
            .env("GIT_COMMITTER_EMAIL", "tester@example.invalid")
            .env_remove("GIT_DIR")
            .env_remove("GIT_INDEX_FILE")
            .env_remove("GIT_WORK_TREE")
            .output()
            .expect("git is installed");
        assert!(
            output.status.success(),
            "git {arguments:?} failed: {}",
            String::from_utf8_lossy(&output.stderr)
        );
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    /// Its root.
    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// The place of a file in it.
    pub fn at(&self, path: &str) -> PathBuf {
        self.path().join(path)
    }

    /// Writes a file, with the folders above it.
    pub fn write(&self, path: &str, content: impl AsRef<[u8]>) {
        let place = self.at(path);
        if let Some(folder) = place.parent() {
            fs::create_dir_all(folder).expect("a folder can be made");
        }
        fs::write(place, content).expect("a file can be written");
    }

    /// The text of a file.
    pub fn read(&self, path: &str) -> String {
        fs::read_to_string(self.at(path)).unwrap_or_else(|error| panic!("`{path}` cannot be read: {error}"))
    }

    /// Every file and its bytes by path, in path order, `.git` left out: equal before and after means untouched.
    pub fn snapshot(&self) -> Vec<(String, Vec<u8>)> {
        let mut files = Vec::new();
        collect(self.path(), self.path(), &mut files);
        files.sort();
        files
    }
}

fn collect(root: &Path, folder: &Path, files: &mut Vec<(String, Vec<u8>)>) {
    for entry in fs::read_dir(folder).expect("a folder can be read") {
        let path = entry.expect("an entry can be read").path();
        if path.file_name().is_some_and(|name| name == ".git") {
            continue;
        }
        let name = path.strip_prefix(root).unwrap_or(&path).display().to_string();
        if path.is_symlink() {
            let target = fs::read_link(&path).expect("a link can be read");
            files.push((name, target.into_os_string().into_encoded_bytes()));
        } else if path.is_dir() {
            collect(root, &path, files);
        } else {
            files.push((name, fs::read(&path).expect("a file can be read")));
        }
    }
}

fn copy(from: &Path, to: &Path) {
    for entry in fs::read_dir(from).unwrap_or_else(|error| panic!("`{}`: {error}", from.display())) {
        let entry = entry.expect("an entry can be read");
        let (source, target) = (entry.path(), to.join(entry.file_name()));
        if source.is_symlink() {
            let link = fs::read_link(&source).expect("a link can be read");
            std::os::unix::fs::symlink(link, target).expect("a link can be made");
        } else if source.is_dir() {
            fs::create_dir(&target).expect("a folder can be made");
            copy(&source, &target);
        } else {
            fs::copy(&source, &target).expect("a file can be copied");
        }
    }
}
