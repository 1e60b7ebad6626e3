//! Mirrors of remotes, against real Git.
#![allow(
    clippy::unwrap_used,
    reason = "a test that cannot go on should say so and stop"
)]

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

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

    let mirror = Mirror::fetch(&git(place.path()), &remote, &[], &folder).unwrap();
    let one = place.path().join("one");
    assert_eq!(
        mirror.check_out(None, &one).unwrap().as_deref(),
        Some(first.trim())
    );

    origin.write("a.py", "one = 2\n");
    let second = origin.commit("two");
    let mirror = Mirror::fetch(&git(place.path()), &remote, &[], &folder).unwrap();
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
fn a_mirror_stands_where_its_remote_stands() {
    let origin = TemporaryRepository::new([("a.py", "one = 1\n")]).with_git();
    origin.git(&["branch", "--move", "master"]);
    let remote = format!("file://{}", origin.path().display());
    let place = tempfile::tempdir().unwrap();
    let folder = place.path().join("a.git");
    let at = |name: &str| {
        let mirror = Mirror::fetch(&git(place.path()), &remote, &[], &folder).unwrap();
        mirror.check_out(None, &place.path().join(name)).unwrap().unwrap()
    };
    assert_eq!(at("one"), origin.git(&["rev-parse", "HEAD"]).trim());

    // Renamed, and the old name is gone.
    origin.git(&["branch", "--move", "main"]);
    let renamed = origin.commit("two");
    assert_eq!(at("two"), renamed);
    // Another branch is the remote's own, and the old one is still there.
    origin.git(&["checkout", "--quiet", "-b", "next"]);
    let next = origin.commit("three");
    assert_eq!(at("three"), next);
    // On no branch at all, at a commit that none holds, and on one again.
    origin.git(&["checkout", "--quiet", "--detach"]);
    let detached = origin.commit("four");
    assert_eq!(at("four"), detached);
    origin.git(&["checkout", "--quiet", "main"]);
    assert_eq!(at("five"), renamed);
}

#[test]
fn a_name_that_leads_elsewhere_by_now_is_cloned_anew() {
    let [first, second] =
        ["one = 1\n", "two = 2\n"].map(|content| TemporaryRepository::new([("a.py", content)]).with_git());
    first.git(&["branch", "only-here"]);
    let place = tempfile::tempdir().unwrap();
    let folder = place.path().join("a.git");
    let fetch = |origin: &TemporaryRepository| {
        let remote = format!("file://{}", origin.path().display());
        Mirror::fetch(&git(place.path()), &remote, &[], &folder)
    };
    fetch(&first).unwrap();
    let mirror = fetch(&second).unwrap();
    let tree = place.path().join("tree");
    mirror.check_out(None, &tree).unwrap();
    assert_eq!(fs::read_to_string(tree.join("a.py")).unwrap(), "two = 2\n");
    let stale = mirror.check_out(Some("only-here"), &place.path().join("stale"));
    assert!(matches!(stale, Err(ForgeError::Revision { .. })));

    // What cannot be cloned leaves the copy as it was.
    let missing = TemporaryRepository::empty();
    fetch(&missing).unwrap_err();
    let mirror = fetch(&second).unwrap();
    mirror.check_out(None, &place.path().join("again")).unwrap();
}

#[test]
fn what_is_not_there_is_said_and_leaves_nothing() {
    let place = tempfile::tempdir().unwrap();
    let folder = place.path().join("a.git");
    let missing = format!("file://{}/nothing", place.path().display());
    assert!(matches!(
        Mirror::fetch(&git(place.path()), &missing, &[], &folder),
        Err(ForgeError::Unreachable { .. })
    ));
    assert!(!folder.exists());

    let origin = TemporaryRepository::new([("a.py", "one = 1\n")]).with_git();
    let remote = format!("file://{}", origin.path().display());
    let mirror = Mirror::fetch(&git(place.path()), &remote, &[], &folder).unwrap();
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
        "https://",
        "https://me@host/a",
        "https://host\\.internal/a",
        "https://hośt/a",
        "https://host./a",
        "https://host.:443/a",
        "https://host:x/a",
    ] {
        let error = Mirror::fetch(&git(place.path()), remote, &[], &place.path().join("m.git")).unwrap_err();
        assert!(matches!(error, ForgeError::Remote { .. }), "{remote}: {error}");
    }
    let error = Mirror::fetch(
        &git(place.path()),
        "http://me:hunter2@host/a",
        &[],
        &place.path().join("m.git"),
    )
    .unwrap_err();
    assert!(!error.to_string().contains("hunter2"), "{error}");
}

/// What Git is started with to fetch `remote` from these addresses.
fn started_with(remote: &str, addresses: &[&str]) -> String {
    let folder = TemporaryRepository::new([("git", "#!/bin/sh\necho \"$@\" > \"$0.said\"\nexit 1\n")]);
    fs::set_permissions(folder.at("git"), fs::Permissions::from_mode(0o755)).unwrap();
    let addresses: Vec<_> = addresses.iter().map(|one| one.parse().unwrap()).collect();
    let git = Git::at(folder.at("git"));
    let error = Mirror::fetch(&git, remote, &addresses, &folder.at("m.git")).unwrap_err();
    assert!(matches!(error, ForgeError::Unreachable { .. }), "{error}");
    folder.read("git.said")
}

#[test]
fn a_remote_is_asked_where_its_host_was_found_and_leads_nowhere_else() {
    let said = started_with("https://host.example/a", &["192.0.2.1", "2001:db8::1"]);
    assert!(said.contains("-c http.followRedirects=false "), "{said}");
    let pin = "-c http.curloptResolve=host.example:443:192.0.2.1,[2001:db8::1] ";
    assert!(said.contains(pin), "{said}");
    let said = started_with("https://host.example:8443/a?b", &["192.0.2.1"]);
    assert!(
        said.contains("http.curloptResolve=host.example:8443:192.0.2.1 "),
        "{said}"
    );
    for remote in [
        "https://192.0.2.1/a",
        "https://[2001:db8::1]/a",
        "https://[2001:db8::1]:8443/a",
    ] {
        let said = started_with(remote, &["192.0.2.1"]);
        assert!(!said.contains("curloptResolve"), "{said}");
    }
}

#[test]
fn what_git_says_about_a_remote_is_not_told() {
    let folder = TemporaryRepository::new([("git", "#!/bin/sh\necho 'port 22: SSH-2.0' >&2\nexit 128\n")]);
    fs::set_permissions(folder.at("git"), fs::Permissions::from_mode(0o755)).unwrap();
    let git = Git::at(folder.at("git"));
    let error = Mirror::fetch(&git, "https://host.example/a", &[], &folder.at("m.git")).unwrap_err();
    let message = error.to_string();
    assert!(
        !message.contains("SSH") && message.contains("git ls-remote https://host.example/a"),
        "{message}"
    );
}
