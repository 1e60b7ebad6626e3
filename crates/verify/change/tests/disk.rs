//! Diffs that the real Git accepts, and changes on a real file system.

#![expect(clippy::unwrap_used, reason = "a test may fail loudly")]

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::Path;
use std::process::{Command, Stdio};

use proptest::prelude::*;
use tempfile::TempDir;
use tenon_change::{
    ApplyError, apply, change_set, deleted_file, edited_file, renamed_file, unified_diff, whole_file,
};
use tenon_domain::{ChangeSet, FileChange, RepoPath};

fn path(text: &str) -> RepoPath {
    RepoPath::parse(text).unwrap()
}

fn write(root: &Path, name: &str, text: &str) {
    let target = root.join(name);
    fs::create_dir_all(target.parent().unwrap()).unwrap();
    fs::write(target, text).unwrap();
}

/// Every file below `root` with its content; links by their target.
fn tree(root: &Path) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut folders = vec![root.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let entry = entry.unwrap();
            let name = entry.path().strip_prefix(root).unwrap().display().to_string();
            let kind = entry.file_type().unwrap();
            if kind.is_dir() {
                found.push((name, "folder".to_owned()));
                folders.push(entry.path());
            } else if kind.is_symlink() {
                found.push((name, fs::read_link(entry.path()).unwrap().display().to_string()));
            } else {
                found.push((name, fs::read_to_string(entry.path()).unwrap()));
            }
        }
    }
    found.sort();
    found
}

fn change(files: Vec<FileChange>) -> ChangeSet {
    change_set(files).unwrap()
}

fn git_apply(root: &Path, diff: &str) {
    let mut git = Command::new("git")
        .args(["apply", "--whitespace=nowarn", "-"])
        .current_dir(root)
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("GIT_CEILING_DIRECTORIES", root.parent().unwrap())
        .stdin(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    git.stdin.take().unwrap().write_all(diff.as_bytes()).unwrap();
    let output = git.wait_with_output().unwrap();
    assert!(
        output.status.success(),
        "{}\n{diff}",
        String::from_utf8_lossy(&output.stderr)
    );
}

fn everything() -> (TempDir, ChangeSet) {
    let root = TempDir::new().unwrap();
    write(root.path(), "src/a.py", "x = 1\ny = 2\n");
    write(root.path(), "old name.txt", "same\n");
    write(root.path(), "gone.py", "z = 3");
    write(root.path(), "moved.py", "1\n2\n3\n4\n5\n6\n7\n");
    let change = change(vec![
        edited_file(path("src/a.py"), "x = 1\ny = 2\n".into(), "x = 1\ny = 5".into()),
        renamed_file(
            path("old name.txt"),
            path("new \"name\".txt"),
            "same\n".into(),
            "same\n".into(),
        ),
        deleted_file(path("gone.py"), "z = 3".into()),
        renamed_file(
            path("moved.py"),
            path("lib/moved.py"),
            "1\n2\n3\n4\n5\n6\n7\n".into(),
            "1\n2\n3\nfour\n5\n6\n7\n".into(),
        ),
        whole_file(path("new/deep/é.py"), None, "a = 1"),
        whole_file(path("empty.py"), None, ""),
    ]);
    (root, change)
}

#[test]
fn the_diff_of_every_kind_of_change() {
    let (_root, change) = everything();
    insta::assert_snapshot!(unified_diff(&change));
}

#[test]
fn git_and_apply_do_the_same() {
    let (ours, change) = everything();
    let (theirs, _) = everything();
    let applied = apply(ours.path(), &change).unwrap();
    git_apply(theirs.path(), &unified_diff(&change));
    assert_eq!(tree(ours.path()), tree(theirs.path()));
    let (fresh, _) = everything();
    applied.revert().unwrap();
    assert_eq!(tree(ours.path()), tree(fresh.path()));
}

#[test]
fn modes_are_kept() {
    let root = TempDir::new().unwrap();
    write(root.path(), "run.sh", "echo 1\n");
    fs::set_permissions(root.path().join("run.sh"), fs::Permissions::from_mode(0o750)).unwrap();
    let change = change(vec![edited_file(
        path("run.sh"),
        "echo 1\n".into(),
        "echo 2\n".into(),
    )]);
    let applied = apply(root.path(), &change).unwrap();
    let mode = || {
        fs::metadata(root.path().join("run.sh"))
            .unwrap()
            .permissions()
            .mode()
            & 0o7777
    };
    assert_eq!(mode(), 0o750);
    applied.revert().unwrap();
    assert_eq!(mode(), 0o750);
}

#[test]
fn links_lead_nowhere() {
    let outside = TempDir::new().unwrap();
    write(outside.path(), "secret.py", "x = 1\n");
    let root = TempDir::new().unwrap();
    symlink(outside.path(), root.path().join("folder")).unwrap();
    symlink(outside.path().join("secret.py"), root.path().join("file.py")).unwrap();
    symlink(outside.path().join("nothing.py"), root.path().join("dangling.py")).unwrap();
    let before = (tree(root.path()), tree(outside.path()));
    for file in [
        edited_file(path("folder/secret.py"), "x = 1\n".into(), "x = 2\n".into()),
        edited_file(path("file.py"), "x = 1\n".into(), "x = 2\n".into()),
        deleted_file(path("folder/secret.py"), "x = 1\n".into()),
        whole_file(path("folder/new.py"), None, "x = 2\n"),
        whole_file(path("dangling.py"), None, "x = 2\n"),
        renamed_file(path("file.py"), path("b.py"), "x = 1\n".into(), "x = 1\n".into()),
    ] {
        let shown = format!("{file:?}");
        let error = apply(root.path(), &change(vec![file])).unwrap_err();
        assert!(
            matches!(error, ApplyError::Link { .. } | ApplyError::Exists { .. }),
            "{shown}: {error}"
        );
        assert_eq!((tree(root.path()), tree(outside.path())), before, "{shown}");
    }
}

#[test]
fn a_tree_that_moved_on_is_left_alone() {
    let root = TempDir::new().unwrap();
    write(root.path(), "a.py", "x = 2\n");
    write(root.path(), "b.py", "y = 1\n");
    write(root.path(), "folder/c.py", "");
    let before = tree(root.path());
    let good = edited_file(path("b.py"), "y = 1\n".into(), "y = 2\n".into());
    let refused = |file: FileChange| {
        let error = apply(root.path(), &change(vec![good.clone(), file])).unwrap_err();
        assert_eq!(tree(root.path()), before, "{error}");
        error
    };
    let edited = |name: &str| edited_file(path(name), "x = 1\n".into(), "x = 3\n".into());
    assert!(matches!(refused(edited("a.py")), ApplyError::Changed { path } if path.as_str() == "a.py"));
    assert!(matches!(refused(edited("none.py")), ApplyError::Missing { .. }));
    assert!(matches!(
        refused(edited("none/none.py")),
        ApplyError::Missing { .. }
    ));
    assert!(matches!(refused(edited("folder")), ApplyError::NotAFile { .. }));
    assert!(matches!(refused(edited("a.py/b.py")), ApplyError::Link { .. }));
    assert!(matches!(
        refused(whole_file(path("a.py"), None, "1")),
        ApplyError::Exists { .. }
    ));
    let clash = renamed_file(path("b.py"), path("d.py"), "y = 1\n".into(), "y = 1\n".into());
    assert!(matches!(refused(clash), ApplyError::Duplicate { .. }));
}

#[test]
fn a_failure_half_way_is_rolled_back() {
    let root = TempDir::new().unwrap();
    write(root.path(), "a.py", "x = 1\n");
    write(root.path(), "gone.py", "y = 1\n");
    let before = tree(root.path());
    // `d` cannot be a file and a folder; that shows when the first files are in place already.
    let change = ChangeSet {
        files: vec![
            edited_file(path("a.py"), "x = 1\n".into(), "x = 2\n".into()),
            renamed_file(
                path("gone.py"),
                path("c/new.py"),
                "y = 1\n".into(),
                "y = 2\n".into(),
            ),
            whole_file(path("d"), None, "file\n"),
            whole_file(path("d/e"), None, "in a folder\n"),
        ],
    };
    let error = apply(root.path(), &change).unwrap_err();
    assert!(matches!(error, ApplyError::Exists { .. }), "{error}");
    assert_eq!(tree(root.path()), before);
}

#[test]
fn what_is_no_text_or_no_root_is_refused() {
    let root = TempDir::new().unwrap();
    fs::write(root.path().join("binary"), [0xff, 0xfe, 0x00]).unwrap();
    let change = change(vec![edited_file(path("binary"), "x".into(), "y".into())]);
    assert!(matches!(
        apply(root.path(), &change),
        Err(ApplyError::Changed { .. })
    ));
    let nowhere = root.path().join("nowhere");
    assert!(matches!(apply(&nowhere, &change), Err(ApplyError::System { .. })));
}

fn text() -> impl Strategy<Value = String> {
    let line = prop::sample::select(vec![
        "a", "b", "", "  c", "\td", "é", "-x", "+y", "\\ no", "@@ 1", "e\r",
    ]);
    (prop::collection::vec(line, 0..14), any::<bool>()).prop_map(|(lines, last)| {
        let mut text = lines.join("\n");
        if last && !text.is_empty() {
            text.push('\n');
        }
        text
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    #[test]
    fn any_change_survives_its_diff(before in prop::option::of(text()), after in prop::option::of(text()), moved in any::<bool>()) {
        let root = TempDir::new().unwrap();
        let name = path("src/file.txt");
        if let Some(before) = &before {
            write(root.path(), name.as_str(), before);
        }
        let renamed_from = (moved && before.is_some() && after.is_some()).then(|| name.clone());
        let target = if renamed_from.is_some() { path("src/other.txt") } else { name };
        let file = FileChange { path: target.clone(), renamed_from, before, after: after.clone() };
        let change = change(vec![file]);
        let diff = unified_diff(&change);
        prop_assert_eq!(diff.is_empty(), change.is_empty());
        if diff.is_empty() {
            return Ok(());
        }
        git_apply(root.path(), &diff);
        let result = fs::read_to_string(target.under(root.path())).ok();
        prop_assert_eq!(result, after);
    }
}
