//! The key, and what it signs.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod log;

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use log::{KEY, events, key_at, new_key, sealed};
use tenon_audit::{Checkpoint, CheckpointKind, Head, PublicKey, SigningKey, read_trusted};

/// The private key of RFC 8410, section 10.3, as DER.
const RFC_8410: [u8; 48] = [
    0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x04, 0x22, 0x04, 0x20, 0xd4,
    0xee, 0x72, 0xdb, 0xf9, 0x13, 0x58, 0x4a, 0xd5, 0xb6, 0xd8, 0xf1, 0xf7, 0x69, 0xf8, 0xad, 0x3a, 0xfe,
    0x7c, 0x28, 0xcb, 0xf1, 0xd4, 0xfb, 0xe0, 0x97, 0xa8, 0x8f, 0x44, 0x75, 0x58, 0x42,
];

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

fn refusal(path: &Path) -> String {
    SigningKey::load_or_create(path).unwrap_err().to_string()
}

#[test]
fn a_new_key_is_private_and_stays_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("keys/audit.key");
    let key = key_at(&path);
    assert_eq!(mode(&path), 0o600);
    assert_eq!(mode(path.parent().unwrap()), 0o700);
    assert_eq!(key_at(&path).public_key(), key.public_key());
    assert_eq!(
        fs::read_dir(path.parent().unwrap()).unwrap().count(),
        1,
        "nothing else is left there"
    );
}

#[test]
fn services_that_start_together_agree_on_one_key() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("keys/audit.key");
    let keys: Vec<PublicKey> = std::thread::scope(|scope| {
        let starts: Vec<_> = (0..8)
            .map(|_| scope.spawn(|| key_at(&path).public_key()))
            .collect();
        starts.into_iter().map(|start| start.join().unwrap()).collect()
    });
    assert_eq!(keys, [key_at(&path).public_key(); 8]);
}

#[test]
fn a_key_that_others_may_read_is_refused_with_the_mend() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("audit.key");
    key_at(&path);
    for exposed in [0o604, 0o640, 0o644] {
        set_mode(&path, exposed);
        let refusal = refusal(&path);
        assert!(
            refusal.contains(&format!("chmod 600 {}", path.display())),
            "{refusal}"
        );
    }
    set_mode(&path, 0o400);
    key_at(&path);
}

#[test]
fn a_folder_where_others_may_write_is_refused_with_the_mend() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("audit.key");
    set_mode(folder.path(), 0o777);
    let refusal = refusal(&path);
    assert!(
        refusal.contains(&format!("chmod 700 {}", folder.path().display())),
        "{refusal}"
    );
    assert!(!path.exists());
}

#[test]
fn a_file_that_is_no_key_is_refused_and_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("audit.key");
    fs::write(&path, "my diary").unwrap();
    set_mode(&path, 0o600);
    assert!(refusal(&path).contains("is not an ed25519 key"));
    assert_eq!(fs::read_to_string(&path).unwrap(), "my diary");
    assert!(refusal(folder.path()).contains("cannot read"));
}

fn key_of_the_rfc() -> SigningKey {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("audit.key");
    fs::write(&path, RFC_8410).unwrap();
    set_mode(&path, 0o600);
    key_at(&path)
}

#[test]
fn a_key_that_other_tools_made_is_read_and_never_shown() {
    let key = key_of_the_rfc();
    assert_eq!(
        key.public_key().to_string(),
        "ed25519:19bf44096984cdfe8541bac167dc3b96c85086aa30b6b6cb0c5c38ad703166e1"
    );
    assert!(!format!("{key:?}").contains("d4ee72db"));
}

#[test]
fn the_form_of_a_checkpoint_never_changes() {
    let checkpoint = key_of_the_rfc()
        .checkpoint(Head::start(), 1_000, CheckpointKind::Periodic)
        .unwrap();
    let text = serde_json::to_string(&checkpoint).unwrap();
    assert_eq!(text, include_str!("log/checkpoint.json").trim_end());
    assert_eq!(serde_json::from_str::<Checkpoint>(&text).unwrap(), checkpoint);
}

#[test]
fn a_signature_covers_everything_in_a_checkpoint() {
    let key = KEY.public_key();
    let signed = KEY
        .checkpoint(sealed(events(1))[0].head(), 5, CheckpointKind::Periodic)
        .unwrap();
    assert!(signed.is_signed_by(&key));
    let mut forged = [signed; 4];
    forged[0].head.sequence += 1;
    forged[1].head.digest = Head::start().digest;
    forged[2].at_ms += 1;
    forged[3].kind = CheckpointKind::Truncation;
    assert!(forged.iter().all(|forged| !forged.is_signed_by(&key)));
    assert!(!signed.is_signed_by(&new_key().public_key()));
}

#[test]
fn trusted_keys_are_read_from_a_file_that_only_its_owner_writes() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("audit.trusted");
    assert_eq!(read_trusted(&path).unwrap(), []);
    let keys = [new_key().public_key(), KEY.public_key()];
    let text = format!(
        "# the one before\n{}\n\n{} # of the other server\n",
        keys[0], keys[1]
    );
    fs::write(&path, text).unwrap();
    set_mode(&path, 0o644);
    assert_eq!(read_trusted(&path).unwrap(), keys);
    set_mode(&path, 0o664);
    let refusal = read_trusted(&path).unwrap_err().to_string();
    assert!(
        refusal.contains(&format!("chmod 600 {}", path.display())),
        "{refusal}"
    );
    set_mode(&path, 0o600);
    fs::write(&path, "my diary").unwrap();
    assert!(read_trusted(&path).is_err());
}

#[test]
fn a_public_key_survives_its_text_form() {
    let key = KEY.public_key();
    assert_eq!(key.to_string().parse::<PublicKey>().unwrap(), key);
    let hex = key.to_string().replace("ed25519:", "");
    for text in [
        "",
        "ed25519:",
        "rsa:00",
        hex.as_str(),
        &format!("ed25519:{hex}00"),
    ] {
        assert!(text.parse::<PublicKey>().is_err(), "{text}");
    }
}
