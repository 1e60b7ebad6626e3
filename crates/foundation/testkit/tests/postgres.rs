//! The temporary server is there, gone and there again as a test says.

use std::os::unix::net::UnixStream;
use std::path::Path;
use std::{fs, io};

use tenon_testkit::TemporaryPostgres;

fn connects(socket: &Path) -> Result<(), io::ErrorKind> {
    UnixStream::connect(socket)
        .map(drop)
        .map_err(|error| error.kind())
}

#[test]
fn a_server_that_was_killed_starts_again_and_leaves_nothing_behind() {
    let mut postgres = TemporaryPostgres::start();
    let socket = postgres.socket();
    let folder = socket.parent().expect("a socket is in a folder").to_owned();
    assert!(postgres.url().contains(&format!("host={}", folder.display())));
    assert_eq!(connects(&socket), Ok(()));

    postgres.kill();
    assert_eq!(connects(&socket), Err(io::ErrorKind::ConnectionRefused));
    fs::write(folder.join("kept"), "").expect("the folder is there");
    postgres.restart();
    assert_eq!(connects(&socket), Ok(()));
    assert!(folder.join("kept").exists());

    postgres.stop();
    assert_eq!(connects(&socket), Err(io::ErrorKind::NotFound));
    drop(postgres);
    assert!(!folder.exists());
}
