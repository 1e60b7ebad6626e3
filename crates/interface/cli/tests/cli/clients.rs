//! Programs of others that tests drive.

use std::path::{Path, PathBuf};

/// Where `make clients` put the clients.
pub fn clients() -> PathBuf {
    let binary = Path::new(env!("CARGO_BIN_EXE_tenon"));
    let folder = binary.parent().unwrap().parent().unwrap().join("clients");
    assert!(
        folder.join("installed").exists(),
        "the clients are not in {}: run `make clients`",
        folder.display()
    );
    folder
}

/// What drives one of them, or is it.
pub fn script(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/clients")
        .join(name)
}
