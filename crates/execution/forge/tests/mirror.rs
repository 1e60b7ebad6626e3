//! Mirrors of remotes, against real Git.

use std::fs;

use tenon_forge::{ForgeError, Git, Mirror};
use tenon_testkit::TemporaryRepository;

fn git(home: &std::path::Path) -> Git {
    Git::default().with_home(home)
}

#[test]
fn a_mirror_follows_its_remote_and_trees_stay_apart() {
    let origin = TemporaryRepository::new([("a.py", "one = 1\n")]).with_git();
    let first = origin.git(&["rev-parse", "HEAD"]);
    let remote = format!("file://{}", origin.path().display());
    let place = tempfile::tempdir().unwrap();
    let folder = place.path().join("mirrors/a.git");

    let mirror = Mirror::fetch(&git(place.path()), &remote, &folder).unwrap();
    let one = place.path().join("one");
    assert_eq!(
        mirror.check_out(None, &one).unwrap().as_deref(),
        Some(first.trim())
    );

    origin.write("a.py", "one = 2\n");
    let second = origin.commit("two");
    let mirror = Mirror::fetch(&git(place.path()), &remote, &folder).unwrap();
    let two = place.path().join("two");
    assert_eq!(
        mirror.check_out(None, &two).unwrap().as_deref(),
        Some(second.trim())
    );
    assert_eq!(fs::read_to_string(one.join("a.py")).unwrap(), "one = 1\n");
    assert_eq!(fs::read_to_string(two.join("a.py")).unwrap(), "one = 2\n");

    let old = place.path().join("old");
    assert_eq!(
        mirror.check_out(Some(first.trim()), &old).unwrap().as_deref(),
        Some(first.trim())
    );
}

#[test]
fn what_is_not_there_is_said_and_leaves_nothing() {
    let place = tempfile::tempdir().unwrap();
    let folder = place.path().join("a.git");
    let missing = format!("file://{}/nothing", place.path().display());
    assert!(matches!(
        Mirror::fetch(&git(place.path()), &missing, &folder),
        Err(ForgeError::Failed { .. })
    ));
    assert!(!folder.exists());

    let origin = TemporaryRepository::new([("a.py", "one = 1\n")]).with_git();
    let remote = format!("file://{}", origin.path().display());
    let mirror = Mirror::fetch(&git(place.path()), &remote, &folder).unwrap();
    for wrong in ["nothing", "--upload-pack=touch /tmp/x", ""] {
        let into = place.path().join("tree");
        let error = mirror.check_out(Some(wrong), &into).unwrap_err();
        assert!(matches!(error, ForgeError::Revision { .. }), "{error}");
        let _ = fs::remove_dir_all(&into);
    }
}

#[test]
fn only_addresses_that_start_no_program_are_fetched() {
    let place = tempfile::tempdir().unwrap();
    for remote in [
        "ext::sh -c true",
        "git@host:a.git",
        "ssh://host/a",
        "http://host/a",
        "/etc",
        "-x",
    ] {
        let error = Mirror::fetch(&git(place.path()), remote, &place.path().join("m.git")).unwrap_err();
        assert!(matches!(error, ForgeError::Remote { .. }), "{remote}: {error}");
    }
    let error = Mirror::fetch(
        &git(place.path()),
        "http://me:hunter2@host/a",
        &place.path().join("m.git"),
    )
    .unwrap_err();
    assert!(!error.to_string().contains("hunter2"), "{error}");
}
