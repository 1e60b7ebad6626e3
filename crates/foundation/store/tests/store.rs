//! Proposals survive the disk; what is wrong with one is said and harms no other.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::Path;

use tempfile::TempDir;
use tenon_domain::{
    Attempt, AttemptOutcome, Budget, ChangeSet, Digest, Evidence, FileChange, Intent, Level, ModelReference,
    Proposal, ProposalId, Provenance, Quality, RepoPath, SamplingRecord, Task, TemplateReference, Usage,
};
use tenon_store::{ProposalStore, StoreError};

fn proposal(id: ProposalId, after: &str) -> Proposal {
    let change = ChangeSet {
        files: vec![FileChange {
            path: RepoPath::parse("src/text.py").unwrap(),
            renamed_from: None,
            before: None,
            after: Some(after.to_owned()),
        }],
    };
    Proposal {
        id,
        created_at: 1_700_000_000,
        intent: Intent {
            task: Task::Generate,
            text: "add slugify".to_owned(),
            files: Vec::new(),
            acceptance: Vec::new(),
            quality: Quality::Standard,
            seed: 7,
            budget: Budget::default(),
        },
        summary: "adds `slugify`".to_owned(),
        change,
        explanation: None,
        evidence: Evidence {
            checks: Vec::new(),
            sandbox: None,
        },
        provenance: Provenance {
            tenon_version: "0.1.0".to_owned(),
            base_commit: None,
            context_digest: Digest::of("context"),
            attempts: Vec::new(),
            chosen: None,
        },
        usage: Usage {
            seconds: 1.5,
            ..Usage::default()
        },
    }
}

fn attempt(text: String, sampling: SamplingRecord) -> Attempt {
    Attempt {
        template: TemplateReference {
            name: "generate/symbol".to_owned(),
            version: "1".to_owned(),
            digest: Digest::of("template"),
        },
        model: ModelReference {
            name: "small".to_owned(),
            digest: Some(Digest::of("model")),
            price: None,
        },
        sampling,
        prompt_digest: Digest::of(&text),
        prompt: text.clone(),
        text,
        prompt_tokens: Some(12),
        tokens: vec![7, 150_000],
        completion_tokens: None,
        outcome: AttemptOutcome::Duplicate { of: 0 },
        duration_ms: 40,
    }
}

fn id(text: &str) -> ProposalId {
    text.parse().unwrap()
}

fn store() -> (TempDir, ProposalStore) {
    let folder = tempfile::tempdir().unwrap();
    let store = ProposalStore::open(folder.path().join("data/proposals")).unwrap();
    (folder, store)
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

const OLD: &str = "018f0000-0000-7000-8000-000000000001";
const NEW: &str = "018f0000-0000-7000-8000-0000000000a2";
const OTHER: &str = "01900000-0000-7000-8000-000000000003";

#[test]
fn the_newest_comes_first_and_only_as_many_as_asked() {
    let (_folder, store) = store();
    for text in [OLD, OTHER, NEW] {
        store.save(&proposal(id(text), "x = 1\n")).unwrap();
    }
    let listing = store.list(2).unwrap();
    let ids: Vec<_> = listing.proposals.iter().map(|summary| summary.id).collect();
    assert_eq!(ids, [id(OTHER), id(NEW)]);
    assert_eq!(listing.total, 3);
    assert_eq!(listing.proposals[0].level, Level::Unverified);
    assert_eq!(listing.proposals[0].intent, "add slugify");
    assert_eq!(listing.proposals[0].files, 1);
}

#[test]
fn a_unique_beginning_is_enough() {
    let (_folder, store) = store();
    for text in [OLD, OTHER, NEW] {
        store.save(&proposal(id(text), "x = 1\n")).unwrap();
    }
    assert_eq!(store.load("0190").unwrap().id, id(OTHER));
    assert_eq!(store.load(NEW).unwrap().id, id(NEW));
    assert_eq!(
        store.load("018F000000007000-80000000000000a").unwrap().id,
        id(NEW)
    );
    assert!(matches!(store.load("02"), Err(StoreError::Unknown { .. })));
    let message = store.load("018f").unwrap_err().to_string();
    assert!(message.starts_with(
        "`018f` is the beginning of 2 proposals, such as `018f0000-0000-7000-8000-0000000000a2`"
    ));
    for text in [
        "",
        "-",
        "../../etc/passwd",
        "0190/..",
        "x",
        &"0".repeat(1000),
        "é",
    ] {
        assert!(
            matches!(store.load(text), Err(StoreError::NotAnId { .. })),
            "{text:?}"
        );
    }
}

#[test]
fn a_broken_file_is_named_and_harms_no_other() {
    let (_folder, store) = store();
    store.save(&proposal(id(OLD), "x = 1\n")).unwrap();
    let whole = fs::read(store.folder().join(format!("{OLD}.json"))).unwrap();
    let broken = store.folder().join(format!("{NEW}.json"));
    fs::write(&broken, &whole[..whole.len() / 2]).unwrap();
    fs::write(store.folder().join(format!("{OTHER}.json")), &whole).unwrap();
    fs::write(store.folder().join("notes.json"), "{}").unwrap();

    let listing = store.list(10).unwrap();
    assert_eq!(listing.proposals.len(), 1);
    assert_eq!(listing.unreadable.len(), 2);
    let message = store.load(NEW).unwrap_err().to_string();
    assert!(message.contains(&broken.display().to_string()), "{message}");
    assert!(message.contains("not a whole proposal"), "{message}");
    let message = store.load(OTHER).unwrap_err().to_string();
    assert!(
        message.contains(&format!("it holds the proposal `{OLD}`")),
        "{message}"
    );

    fs::remove_file(&broken).unwrap();
    symlink("/dev/zero", &broken).unwrap();
    assert!(matches!(store.load(NEW), Err(StoreError::Read { .. })));
}

#[test]
fn others_may_not_read() {
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path().join("proposals");
    fs::create_dir(&place).unwrap();
    fs::set_permissions(&place, fs::Permissions::from_mode(0o755)).unwrap();
    let store = ProposalStore::open(&place).unwrap();
    store.save(&proposal(id(OLD), "x = 1\n")).unwrap();
    assert_eq!(mode(&place), 0o700);
    assert_eq!(mode(&place.join(format!("{OLD}.json"))), 0o600);
}

#[test]
fn saving_again_replaces_and_leaves_nothing_beside() {
    let (_folder, store) = store();
    store.save(&proposal(id(OLD), "x = 1\n")).unwrap();
    store.save(&proposal(id(OLD), "x = 2\n")).unwrap();
    assert_eq!(store.load(OLD).unwrap(), proposal(id(OLD), "x = 2\n"));
    assert_eq!(fs::read_dir(store.folder()).unwrap().count(), 1);
    assert_eq!(store.remove("018f").unwrap(), id(OLD));
    assert_eq!(store.list(10).unwrap().total, 0);
}

#[test]
fn a_proposal_that_cannot_be_written_leaves_the_old_one() {
    let (_folder, store) = store();
    let blocked = store.folder().join(format!("{OLD}.json"));
    // A folder in its place cannot be replaced by a file, whoever runs the test.
    fs::create_dir(&blocked).unwrap();
    fs::write(blocked.join("kept"), "").unwrap();
    assert!(matches!(
        store.save(&proposal(id(OLD), "x = 1\n")),
        Err(StoreError::Write { .. })
    ));
    assert_eq!(
        fs::read_dir(store.folder()).unwrap().count(),
        1,
        "no temporary file stays"
    );
}

#[test]
fn a_folder_that_cannot_be_had_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    fs::write(&file, "").unwrap();
    let message = ProposalStore::open(file.join("proposals"))
        .unwrap_err()
        .to_string();
    assert!(
        message.contains("cannot use the folder of proposals"),
        "{message}"
    );
}

proptest::proptest! {
    #![proptest_config(proptest::test_runner::Config { cases: 32, failure_persistence: None, ..Default::default() })]
    #[test]
    fn every_text_and_every_number_that_replay_needs_survives(
        after in "(?s).{0,200}",
        text in "(?s).{0,200}",
        temperature in 0.0..2.0_f32,
        top_p in 0.0..1.0_f32,
        seed: u64,
    ) {
        let (_folder, store) = store();
        let mut saved = proposal(ProposalId::new(), &after);
        saved.provenance.attempts.push(attempt(text, SamplingRecord { temperature, top_p, seed, max_tokens: 64, index: 0, together: 1, stop: Vec::new() }));
        store.save(&saved).unwrap();
        let loaded = store.load(&saved.id.to_string()).unwrap();
        proptest::prop_assert_eq!(loaded, saved);
    }
}
