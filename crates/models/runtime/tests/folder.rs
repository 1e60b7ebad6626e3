//! The models folder: what is listed, what may be used, and what is refused with the mend.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod support;

use std::fs;
use std::path::Path;

use support::{entry, hugging_face, tiny_model};
use tempfile::TempDir;
use tenon_domain::Digest;
use tenon_runtime::{FileState, FolderError, ModelFolder, Origin, built_in_catalog};

fn folder() -> (TempDir, ModelFolder) {
    let root = tempfile::tempdir().unwrap();
    let catalog = vec![entry(&tiny_model(64), vec![hugging_face()])];
    let folder = ModelFolder::with_catalog(root.path().join("models"), catalog);
    (root, folder)
}

fn state(folder: &ModelFolder) -> FileState {
    folder.list().unwrap().remove(0).state
}

fn put(path: &Path, bytes: &[u8]) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, bytes).unwrap();
}

#[test]
fn a_folder_that_does_not_exist_lists_what_could_be_pulled() {
    let (root, _) = folder();
    let folder = ModelFolder::new(root.path().join("nowhere"));
    let listing = folder.list().unwrap();
    assert_eq!(listing.len(), built_in_catalog().len());
    assert!(
        listing
            .iter()
            .all(|model| model.state == FileState::Absent && model.origin == Origin::Catalog)
    );
    assert_eq!(folder.entry("0.5B").unwrap().name, "qwen2.5-coder-0.5b");
    assert_eq!(folder.entry("1.5b").unwrap().name, "qwen2.5-coder-1.5b");
}

#[test]
fn a_file_is_hashed_once_and_again_when_it_changes() {
    let (_root, folder) = folder();
    let path = folder.path_of(&folder.catalog()[0]);
    put(&path, &tiny_model(64));
    assert_eq!(state(&folder), FileState::Unverified);
    let resolved = folder.resolve("tiny").unwrap();
    assert_eq!(
        (resolved.path.as_path(), resolved.digest),
        (path.as_path(), Digest::of(tiny_model(64)))
    );
    assert_eq!(state(&folder), FileState::Verified);

    // Other bytes of the same number at the same time: the record is believed, so the file was not read again.
    let modified = fs::metadata(&path).unwrap().modified().unwrap();
    put(&path, &vec![0; tiny_model(64).len()]);
    let file = fs::File::options().write(true).open(&path).unwrap();
    file.set_modified(modified).unwrap();
    assert!(folder.resolve("tiny").is_ok());

    file.set_modified(modified + std::time::Duration::from_secs(1))
        .unwrap();
    assert_eq!(state(&folder), FileState::Unverified);
    let error = folder.resolve("tiny").unwrap_err();
    assert!(matches!(error, FolderError::WrongDigest { .. }), "{error}");
    assert!(
        error.to_string().contains("tenon model pull tiny-model"),
        "{error}"
    );
    assert!(matches!(state(&folder), FileState::Damaged { .. }));
}

#[test]
fn what_is_missing_or_cut_off_is_refused_with_the_mend() {
    let (_root, folder) = folder();
    let entry = folder.catalog()[0].clone();
    let error = folder.resolve("tiny").unwrap_err().to_string();
    for said in [
        "tenon model pull tiny-model",
        &entry.digest.to_string(),
        "tiny-model.gguf",
    ] {
        assert!(error.contains(said), "{error}");
    }
    put(&folder.partial_path_of(&entry), b"some");
    assert_eq!(state(&folder), FileState::Partial { bytes: 4 });
    assert!(
        folder
            .resolve("tiny")
            .unwrap_err()
            .to_string()
            .contains("4 bytes")
    );

    put(&folder.path_of(&entry), &tiny_model(64)[..100]);
    let error = folder.resolve("tiny").unwrap_err();
    assert!(
        matches!(error, FolderError::WrongSize { bytes: 100, .. }),
        "{error}"
    );
    assert!(matches!(state(&folder), FileState::Damaged { .. }));

    let error = folder.resolve("gpt-5").unwrap_err().to_string();
    assert!(
        error.contains("`gpt-5`") && error.contains("tiny-model"),
        "{error}"
    );
}

#[test]
fn a_model_of_the_user_is_added_used_and_forgotten() {
    let (root, folder) = folder();
    let path = root.path().join("My Model (v2).gguf");
    put(&path, &tiny_model(8));
    let added = folder.add(&path, None).unwrap();
    assert_eq!(added.name, "my-model--v2-");
    assert_eq!(added.gguf.architecture, "tiny");

    let resolved = folder.resolve("MY-model--v2-").unwrap();
    assert_eq!(resolved.context_length, Some(512));
    assert!(!resolved.fills_in_the_middle);
    assert_eq!(resolved.digest, Digest::of(tiny_model(8)));
    assert_eq!(folder.list().unwrap().last().unwrap().state, FileState::Verified);
    assert_eq!(folder.show(&added.name).unwrap().gguf, Some(added.gguf.clone()));

    put(&path, &tiny_model(9));
    let error = folder.resolve(&added.name).unwrap_err();
    assert!(matches!(error, FolderError::AddedChanged { .. }), "{error}");
    folder.add(&path, None).unwrap();
    assert_eq!(
        folder.resolve(&added.name).unwrap().digest,
        Digest::of(tiny_model(9))
    );

    let removed = folder.remove(&added.name).unwrap();
    assert_eq!(removed.bytes, 0);
    assert!(path.exists(), "the file belongs to the user");
    assert!(matches!(
        folder.resolve(&added.name),
        Err(FolderError::Unknown { .. })
    ));
}

#[test]
fn an_added_file_that_vanished_is_said_so() {
    let (root, folder) = folder();
    let path = root.path().join("mine.gguf");
    put(&path, &tiny_model(8));
    folder.add(&path, Some("mine")).unwrap();
    fs::remove_file(&path).unwrap();
    let error = folder.resolve("mine").unwrap_err();
    assert!(matches!(error, FolderError::AddedGone { .. }), "{error}");
    assert_eq!(folder.list().unwrap().last().unwrap().state, FileState::Absent);
}

#[test]
fn what_is_no_model_and_what_is_no_name_is_not_added() {
    let (root, folder) = folder();
    let path = root.path().join("mine.gguf");
    put(&path, b"not a model at all");
    assert!(matches!(folder.add(&path, None), Err(FolderError::Gguf(_))));
    put(&path, &tiny_model(8)[..90]);
    assert!(matches!(folder.add(&path, None), Err(FolderError::Gguf(_))));
    put(&path, &tiny_model(8));
    for name in ["", "../x", ".hidden", "a b", "a/b", &"x".repeat(65)] {
        assert!(
            matches!(folder.add(&path, Some(name)), Err(FolderError::BadName { .. })),
            "{name}"
        );
    }
    for name in ["tiny", "Tiny-Model"] {
        assert!(
            matches!(folder.add(&path, Some(name)), Err(FolderError::NameTaken { .. })),
            "{name}"
        );
    }
    folder.add(&path, Some("mine")).unwrap();
    let other = root.path().join("other.gguf");
    put(&other, &tiny_model(3));
    assert!(matches!(
        folder.add(&other, Some("MINE")),
        Err(FolderError::NameTaken { .. })
    ));
    assert!(matches!(
        folder.add(&root.path().join("none.gguf"), None),
        Err(FolderError::Io { .. })
    ));
}

#[test]
fn models_added_at_the_same_time_are_all_kept() {
    let (root, folder) = folder();
    std::thread::scope(|scope| {
        for number in 0..8 {
            let (root, folder) = (root.path(), &folder);
            scope.spawn(move || {
                let path = root.join(format!("model{number}.gguf"));
                put(&path, &tiny_model(number));
                folder.add(&path, None).unwrap();
            });
        }
    });
    assert_eq!(folder.list().unwrap().len(), 1 + 8);
}

#[test]
fn a_damaged_list_is_refused_and_not_replaced() {
    let (root, folder) = folder();
    let list = folder.root().join("added.json");
    put(&list, b"{ not json");
    let path = root.path().join("mine.gguf");
    put(&path, &tiny_model(8));
    for error in [folder.list().unwrap_err(), folder.add(&path, None).unwrap_err()] {
        assert!(matches!(error, FolderError::Registry { .. }), "{error}");
        assert!(error.to_string().contains("added.json"), "{error}");
    }
    assert_eq!(fs::read(&list).unwrap(), b"{ not json");
}

#[test]
fn removing_gives_the_bytes_back() {
    let (_root, folder) = folder();
    let entry = folder.catalog()[0].clone();
    put(&folder.path_of(&entry), &tiny_model(64));
    put(&folder.partial_path_of(&entry), b"some");
    folder.resolve("tiny").unwrap();
    let removed = folder.remove("tiny").unwrap();
    assert_eq!(removed.bytes, entry.bytes + 4);
    assert_eq!(state(&folder), FileState::Absent);
    assert_eq!(folder.remove("tiny").unwrap().bytes, 0);
}
