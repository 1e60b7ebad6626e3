//! The interface, asked by a program that makes up requests from its description.

use std::process::Command;

use tenon_api::{Door, Operation};
use tenon_testkit::FakeUpstream;

use crate::clients::clients;
use crate::site::Site;

/// What goes on until somebody ends it, what is no JSON, and what would take away the key that is asked with.
const LEFT_OUT: [&str; 3] = ["WatchJob", "UploadArchive", "RevokeKey"];

#[test]
fn made_up_requests_are_answered_and_find_no_fault_of_the_server() {
    let site = Site::new(&FakeUpstream::start([]));
    let server = site.serve(&["--no-models", "--workers", "0"]);
    let mut command = Command::new(clients().join("python/bin/schemathesis"));
    command
        .arg("run")
        .arg(format!("{}/api/v1/openapi.json", server.url))
        .args(["--header", &format!("Authorization: Bearer {}", site.first_key())])
        .args(LEFT_OUT.iter().flat_map(|name| ["--exclude-operation-id", name]))
        .args(["--phases", "coverage,fuzzing", "--checks", "not_a_server_error"])
        // One thread: Python 3.11 cannot always read syntax in two at once ("recursion depth mismatch").
        .args(["--max-examples", "10", "--seed", "1", "--workers", "1"])
        .arg("--no-shrink")
        .args(["--request-timeout", "60", "--continue-on-failure"])
        .current_dir(site.path(""));
    let ran = command.output().unwrap();
    let said = String::from_utf8_lossy(&ran.stdout);
    assert!(
        ran.status.success(),
        "{said}{}",
        String::from_utf8_lossy(&ran.stderr)
    );
    let asked = Operation::ALL.len() + Door::ALL.len() - LEFT_OUT.len();
    assert!(said.contains(&format!("✅ {asked} passed")), "{said}");
    assert!(
        !site.said("serve.log").contains("ERROR"),
        "{}",
        site.said("serve.log")
    );
    site.ask(&server, &["audit", "verify"]).expect(0);
    assert_eq!(server.stop(), Some(0));
}
