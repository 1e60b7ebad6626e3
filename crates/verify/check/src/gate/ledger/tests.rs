use super::*;

/// Something a program does, the files it alters and the paths it leaves.
type Harm<'scene> = (&'scene dyn Fn(), &'scene [&'scene str], &'scene [&'scene str]);

/// A repository, its copy, and a folder outside both.
struct Scene {
    folder: tempfile::TempDir,
    copy: WorkCopy,
}

impl Scene {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let original = folder.path().join("original");
        std::fs::create_dir_all(original.join("a/b")).unwrap();
        std::fs::create_dir_all(folder.path().join("outside/b")).unwrap();
        std::fs::write(original.join("a/b/test.py"), "judge").unwrap();
        std::fs::write(original.join("a/other.py"), "other").unwrap();
        std::os::unix::fs::symlink("a/other.py", original.join("link")).unwrap();
        let copy = WorkCopy::create(&original, &folder.path().join("copies")).unwrap();
        Self { folder, copy }
    }

    fn original(&self) -> PathBuf {
        self.folder.path().join("original")
    }

    fn outside(&self) -> PathBuf {
        self.folder.path().join("outside")
    }
}

#[test]
fn a_tree_is_put_back_whatever_was_done_to_it() {
    let scene = Scene::new();
    let copy = scene.copy.path();
    let mut ledger = Ledger::open(copy).unwrap();
    let harms: [Harm<'_>; 7] = [
        (&|| (), &[], &[]),
        (
            &|| std::fs::write(copy.join("a/b/test.py"), "false").unwrap(),
            &["a/b/test.py"],
            &[],
        ),
        (
            &|| std::fs::remove_dir_all(copy.join("a")).unwrap(),
            &["a/b/test.py", "a/other.py"],
            &[],
        ),
        (
            // A folder becomes a link to somewhere else; putting it back must not write there.
            &|| {
                std::fs::remove_dir_all(copy.join("a")).unwrap();
                std::os::unix::fs::symlink(scene.outside(), copy.join("a")).unwrap();
            },
            &["a/b/test.py", "a/other.py"],
            &[],
        ),
        (
            &|| {
                std::fs::create_dir_all(copy.join("new/deep")).unwrap();
                std::fs::write(copy.join("new/deep/file"), "stray").unwrap();
                std::fs::write(copy.join("a/stray"), "stray").unwrap();
            },
            &[],
            &["a/stray", "new"],
        ),
        (
            &|| {
                std::fs::remove_file(copy.join("link")).unwrap();
                std::fs::remove_file(copy.join("a/other.py")).unwrap();
                std::fs::create_dir(copy.join("a/other.py")).unwrap();
            },
            &["a/other.py", "link"],
            &[],
        ),
        (
            &|| {
                std::fs::create_dir_all(copy.join("locked/deep")).unwrap();
                for folder in ["locked/deep", "locked", "a/b", "a"] {
                    std::fs::set_permissions(copy.join(folder), Permissions::from_mode(0o000)).unwrap();
                }
            },
            &[],
            &["locked"],
        ),
    ];
    for (harm, altered, left) in harms {
        harm();
        let mut said = ledger.tidy(&scene.copy, &scene.original(), None).unwrap();
        said.left.sort();
        assert_eq!(
            said.altered,
            altered.iter().map(PathBuf::from).collect::<Vec<_>>()
        );
        assert_eq!(said.left, left.iter().map(PathBuf::from).collect::<Vec<_>>());
        assert_eq!(
            std::fs::read_to_string(copy.join("a/b/test.py")).unwrap(),
            "judge"
        );
        assert_eq!(std::fs::read_to_string(copy.join("link")).unwrap(), "other");
        assert_eq!(Ledger::open(copy).unwrap().entries, ledger.entries);
        assert_eq!(ledger.entries.len(), 5);
        assert!(!scene.outside().join("b/test.py").exists());
    }
}

#[test]
fn what_the_person_edits_meanwhile_is_not_mixed_in() {
    let scene = Scene::new();
    let mut ledger = Ledger::open(scene.copy.path()).unwrap();
    // Change times come from a clock that ticks every few milliseconds.
    while std::fs::symlink_metadata(scene.original().join("a/other.py"))
        .is_ok_and(|metadata| moment(&metadata) <= ledger.since)
    {
        std::fs::write(scene.original().join("a/other.py"), "edited").unwrap();
    }
    let tidied = ledger.tidy(&scene.copy, &scene.original(), None).unwrap();
    assert_eq!(tidied, Disturbance::default());
    std::fs::remove_file(scene.copy.path().join("a/other.py")).unwrap();
    let refused = ledger.tidy(&scene.copy, &scene.original(), None).unwrap_err();
    assert!(refused.to_string().contains("`a/other.py`"), "{refused}");
}
