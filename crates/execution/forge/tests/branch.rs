//! Branches from the real Git: what is on them, and what stays untouched.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::Path;
use std::time::Duration;

use tenon_domain::{ChangeSet, FileChange, RepoPath};
use tenon_forge::{ForgeError, Git, GitRepository, Identity};
use tenon_testkit::TemporaryRepository;

/// Git without the settings of whoever runs the test.
fn git() -> Git {
    Git::default().with_home("/nonexistent")
}

fn open(repository: &TemporaryRepository) -> GitRepository {
    GitRepository::discover_with(&git(), repository.path())
        .unwrap()
        .unwrap()
}

fn file(path: &str, before: Option<&str>, after: Option<&str>) -> FileChange {
    FileChange {
        path: RepoPath::parse(path).unwrap(),
        renamed_from: None,
        before: before.map(str::to_owned),
        after: after.map(str::to_owned),
    }
}

fn change(files: impl IntoIterator<Item = FileChange>) -> ChangeSet {
    ChangeSet {
        files: files.into_iter().collect(),
    }
}

fn edit() -> ChangeSet {
    change([file("src/text.py", Some("x = 1\n"), Some("x = 2\n"))])
}

fn repository() -> TemporaryRepository {
    TemporaryRepository::new([
        ("src/text.py", "x = 1\n"),
        ("old.py", "old\n"),
        ("gone.py", "gone\n"),
    ])
    .with_git()
}

/// Everything that must not change.
#[derive(Debug, PartialEq)]
struct State {
    files: Vec<(String, Vec<u8>)>,
    index: Vec<u8>,
    head: String,
    dirty: String,
}

fn state(repository: &TemporaryRepository) -> State {
    State {
        files: repository.snapshot(),
        index: fs::read(repository.at(".git/index")).unwrap(),
        head: fs::read_to_string(repository.at(".git/HEAD")).unwrap(),
        dirty: repository.git(&["--no-optional-locks", "status", "--porcelain"]),
    }
}

#[test]
fn a_branch_holds_the_change_and_nothing_else_moves() {
    let repository = repository();
    repository.write("staged.py", "staged\n");
    repository.git(&["add", "staged.py"]);
    repository.write("gone.py", "dirty, but not part of the change\n");
    let base = repository.git(&["rev-parse", "HEAD"]);
    let before = state(&repository);

    let renamed = FileChange {
        renamed_from: Some(RepoPath::parse("old.py").unwrap()),
        ..file("new/name.py", Some("old\n"), Some("new\r\nno end"))
    };
    let created = file("deep/er/added [1]*.py", None, Some("added\n"));
    let mut whole = edit();
    whole.files.extend([renamed, created]);
    let made = open(&repository)
        .commit_to_branch("tenon/slugify", &whole, "Add slugify\n\nProven.\n")
        .unwrap();

    assert_eq!(state(&repository), before);
    assert_eq!(repository.git(&["rev-parse", "tenon/slugify"]).trim(), made);
    assert_eq!(repository.git(&["rev-parse", "tenon/slugify^"]), base);
    let changed = repository.git(&[
        "diff",
        "--name-status",
        "--no-renames",
        "-z",
        "main",
        "tenon/slugify",
    ]);
    assert_eq!(
        changed,
        "A\0deep/er/added [1]*.py\0A\0new/name.py\0D\0old.py\0M\0src/text.py\0"
    );
    assert_eq!(
        repository.git(&["show", "tenon/slugify:new/name.py"]),
        "new\r\nno end"
    );
    assert_eq!(
        repository
            .git(&["log", "-1", "--format=%B", "tenon/slugify"])
            .trim(),
        "Add slugify\n\nProven."
    );
    repository.git(&["fsck", "--strict"]);
}

#[test]
fn a_deletion_is_committed_and_modes_are_kept() {
    let repository = TemporaryRepository::new([("run.sh", "echo 1\n"), ("gone.py", "gone\n")]);
    fs::set_permissions(repository.at("run.sh"), fs::Permissions::from_mode(0o755)).unwrap();
    let repository = repository.with_git();
    let edits = [
        file("run.sh", Some("echo 1\n"), Some("echo 2\n")),
        file("gone.py", Some("gone\n"), None),
    ];
    open(&repository)
        .commit_to_branch("b", &change(edits), "m")
        .unwrap();
    let listed = repository.git(&["ls-tree", "--format=%(objectmode) %(path)", "b"]);
    assert_eq!(listed, "100755 run.sh\n");
}

#[test]
fn a_file_can_make_room_for_a_folder_of_its_name() {
    let repository = repository();
    let edits = [
        file("gone.py", Some("gone\n"), None),
        file("gone.py/inner.py", None, Some("x\n")),
    ];
    open(&repository)
        .commit_to_branch("b", &change(edits), "m")
        .unwrap();
    assert_eq!(repository.git(&["show", "b:gone.py/inner.py"]), "x\n");
}

#[test]
fn a_change_that_rests_on_uncommitted_work_is_refused() {
    let repository = repository();
    let opened = open(&repository);
    let refuse = |file: FileChange| {
        let error = opened.commit_to_branch("b", &change([file]), "m").unwrap_err();
        let branches = repository.git(&["branch", "--list", "b"]);
        assert_eq!(branches, "", "{error} must leave no branch");
        error
    };
    let error = refuse(file("src/text.py", Some("x = 5\n"), Some("x = 2\n")));
    assert!(matches!(&error, ForgeError::Uncommitted { .. }), "{error}");
    assert!(
        error
            .to_string()
            .starts_with("`src/text.py` has changes that are not committed"),
        "{error}"
    );
    let error = refuse(file("src/new.py", Some("x\n"), Some("y\n")));
    assert!(matches!(error, ForgeError::Untracked { .. }), "{error}");
    for taken in ["src/text.py", "src/text.py/inner.py", "src"] {
        let error = refuse(file(taken, None, Some("y\n")));
        assert!(
            matches!(error, ForgeError::AlreadyThere { .. }),
            "{taken}: {error}"
        );
    }
    let error = refuse(file("src/text.py", Some("x = 1\n"), Some("x = 1\n")));
    assert!(matches!(error, ForgeError::NothingToCommit), "{error}");
}

#[test]
fn a_link_or_a_submodule_is_never_written_through() {
    let repository = repository();
    symlink("/etc/passwd", repository.at("link")).unwrap();
    repository.commit("a link");
    let opened = open(&repository);
    let edit = change([file("link", Some("/etc/passwd"), Some("x\n"))]);
    let error = opened.commit_to_branch("b", &edit, "m").unwrap_err();
    assert!(matches!(error, ForgeError::NotAFile { .. }), "{error}");
    let below = change([file("link/inner", None, Some("x\n"))]);
    assert!(opened.commit_to_branch("b", &below, "m").is_err());
}

#[test]
fn a_file_that_git_checks_out_with_crlf_is_stored_as_it_was() {
    let repository = TemporaryRepository::new([("a.txt", "one\ntwo\n")]).with_git();
    let edit = change([file("a.txt", Some("one\r\ntwo\r\n"), Some("one\r\n2\r\n"))]);
    open(&repository).commit_to_branch("b", &edit, "m").unwrap();
    assert_eq!(repository.git(&["show", "b:a.txt"]), "one\n2\n");
}

#[test]
fn bad_and_taken_names_are_refused() {
    let repository = repository();
    let opened = open(&repository);
    for name in [
        "", "-d", "--all", "a..b", "a b", "a.lock", "/a", "a/", "@{-1}", "HEAD", "a\0b", "a\nb", "a~1", ".",
    ] {
        let error = opened.commit_to_branch(name, &edit(), "m").unwrap_err();
        assert!(
            matches!(error, ForgeError::BranchName { .. }),
            "{name:?}: {error}"
        );
    }
    let error = opened.commit_to_branch("main", &edit(), "m").unwrap_err();
    assert!(matches!(error, ForgeError::BranchExists { .. }), "{error}");
    let error = opened.commit_to_branch("main/below", &edit(), "m").unwrap_err();
    assert!(matches!(error, ForgeError::Failed { .. }), "{error}");
}

#[test]
fn the_repository_cannot_have_programs_started() {
    let repository = repository();
    let traps = TemporaryRepository::empty();
    let (trap, sprung) = (traps.at("trap"), traps.at("sprung"));
    fs::write(&trap, format!("#!/bin/sh\ntouch {}\ncat\n", sprung.display())).unwrap();
    fs::set_permissions(&trap, fs::Permissions::from_mode(0o755)).unwrap();
    let trap = trap.display().to_string();
    for hook in [
        "post-commit",
        "reference-transaction",
        "post-index-change",
        "pre-commit",
        "post-checkout",
    ] {
        fs::create_dir_all(repository.at(".git/hooks")).unwrap();
        fs::copy(&trap, repository.at(&format!(".git/hooks/{hook}"))).unwrap();
    }
    repository.write(".gitattributes", "*.py filter=trap diff=trap\n");
    for (key, value) in [
        ("core.fsmonitor", trap.as_str()),
        ("core.hooksPath", traps.path().to_str().unwrap()),
        ("filter.trap.clean", &trap),
        ("filter.trap.required", "true"),
        ("diff.trap.textconv", &trap),
        ("commit.gpgSign", "true"),
        ("gpg.program", &trap),
        ("core.pager", &trap),
        ("core.editor", &trap),
    ] {
        fs::write(
            repository.at(".git/config"),
            format!(
                "{}[{}]\n\t{} = {value}\n",
                fs::read_to_string(repository.at(".git/config")).unwrap(),
                section(key),
                key.rsplit('.').next().unwrap()
            ),
        )
        .unwrap();
    }
    open(&repository).commit_to_branch("b", &edit(), "m").unwrap();
    assert!(!sprung.exists(), "a program of the repository's was started");
    // The trap itself works: Git springs it where nothing is overridden.
    repository.git(&["add", "src/text.py"]);
    assert!(sprung.exists(), "the trap is not set");
}

fn section(key: &str) -> String {
    match key.split('.').collect::<Vec<_>>().as_slice() {
        [section, name, _] => format!("{section} \"{name}\""),
        [section, ..] => (*section).to_owned(),
        [] => String::new(),
    }
}

#[test]
fn the_persons_identity_is_used_and_its_absence_is_said() {
    let repository = repository();
    let opened = open(&repository);
    opened.commit_to_branch("a", &edit(), "m").unwrap();
    assert_eq!(opened.identity().unwrap(), Identity::Fallback);
    let author = repository.git(&["log", "-1", "--format=%an <%ae> %cn", "a"]);
    assert_eq!(author.trim(), "Tenon <tenon@localhost.invalid> Tenon");

    let home = TemporaryRepository::new([(
        ".gitconfig",
        "[user]\n\tname = Ada\n\temail = ada@example.invalid\n",
    )]);
    let git = Git::default().with_home(home.path());
    let opened = GitRepository::discover_with(&git, repository.path())
        .unwrap()
        .unwrap();
    opened.commit_to_branch("b", &edit(), "m").unwrap();
    assert_eq!(opened.identity().unwrap().name(), "Ada");
    assert_eq!(
        repository.git(&["log", "-1", "--format=%ae", "b"]).trim(),
        "ada@example.invalid"
    );
}

#[test]
fn a_repository_is_found_from_below_and_only_where_there_is_one() {
    let repository = repository();
    let root = repository.path().canonicalize().unwrap();
    let opened = GitRepository::discover_with(&git(), &repository.at("src"))
        .unwrap()
        .unwrap();
    assert_eq!(opened.root(), root);
    assert!(!opened.is_bare());
    assert_eq!(
        opened.base_commit().unwrap().unwrap(),
        repository.git(&["rev-parse", "HEAD"]).trim()
    );

    let discover = |path: &Path| GitRepository::discover_with(&git(), path);
    assert!(discover(&repository.at(".git")).unwrap().is_none());
    assert!(discover(TemporaryRepository::empty().path()).unwrap().is_none());
    assert!(discover(&repository.at("nowhere")).is_err());
}

#[test]
fn a_repository_without_commits_has_no_base() {
    let repository = TemporaryRepository::empty();
    repository.git(&["init", "--quiet"]);
    let opened = open(&repository);
    assert_eq!(opened.base_commit().unwrap(), None);
    let error = opened.commit_to_branch("b", &edit(), "m").unwrap_err();
    assert!(matches!(error, ForgeError::NoCommit), "{error}");
}

#[test]
fn a_bare_repository_can_have_branches_too() {
    let repository = repository();
    let bare = TemporaryRepository::empty();
    bare.git(&[
        "clone",
        "--quiet",
        "--bare",
        repository.path().to_str().unwrap(),
        ".",
    ]);
    let opened = open(&bare);
    assert!(opened.is_bare());
    opened.commit_to_branch("b", &edit(), "m").unwrap();
    assert_eq!(bare.git(&["show", "b:src/text.py"]), "x = 2\n");
}

#[test]
fn a_root_that_the_repository_points_elsewhere_is_not_followed() {
    let elsewhere = TemporaryRepository::new([("private.txt", "x")]);
    let repository = repository();
    repository.git(&["config", "core.worktree", elsewhere.path().to_str().unwrap()]);
    assert!(
        GitRepository::discover_with(&git(), repository.path())
            .unwrap()
            .is_none()
    );
}

#[test]
fn a_git_that_hangs_is_stopped() {
    let folder = TemporaryRepository::new([("git", "#!/bin/sh\nexec sleep 600\n")]);
    fs::set_permissions(folder.at("git"), fs::Permissions::from_mode(0o755)).unwrap();
    let hanging = Git::at(folder.at("git")).with_time_limit(Duration::from_millis(50));
    let error = GitRepository::discover_with(&hanging, folder.path()).unwrap_err();
    assert!(matches!(error, ForgeError::TimedOut { .. }), "{error}");
    let error = GitRepository::discover_with(&Git::at(folder.at("none")), folder.path()).unwrap_err();
    assert!(matches!(error, ForgeError::NotInstalled), "{error}");
}
