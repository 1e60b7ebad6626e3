//! Temporary repositories are what they say.

use tenon_testkit::TemporaryRepository;

#[test]
fn a_repository_has_its_files_and_a_history() {
    let repository = TemporaryRepository::new([("src/a.py", "x = 1\n"), ("b.txt", "b")]).with_git();
    assert_eq!(repository.git(&["status", "--porcelain"]), "");
    let before = repository.snapshot();
    repository.write("src/a.py", "x = 2\n");
    assert_ne!(repository.snapshot(), before);
    let commit = repository.commit("change");
    assert_eq!(repository.git(&["rev-parse", "HEAD"]).trim(), commit);
    assert_eq!(repository.git(&["rev-list", "--count", "HEAD"]).trim(), "2");
    assert_eq!(repository.read("src/a.py"), "x = 2\n");
}

#[test]
fn a_copy_keeps_files_and_links() {
    let original = TemporaryRepository::new([("a/b.txt", "b")]);
    #[cfg(unix)]
    std::os::unix::fs::symlink("b.txt", original.at("a/link")).expect("a link can be made");
    let copy = TemporaryRepository::copy_of(original.path());
    assert_eq!(copy.snapshot(), original.snapshot());
    assert!(copy.at("a/link").is_symlink());
}
