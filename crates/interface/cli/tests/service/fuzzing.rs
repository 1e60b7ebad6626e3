//! The interface, asked by a program that makes up requests from its description.

use std::process::Command;

use tenon_testkit::FakeUpstream;

use crate::clients::clients;
use crate::site::Site;

#[test]
fn made_up_requests_are_answered_and_find_no_fault_of_the_server() {
    let site = Site::new(&FakeUpstream::start([]));
    let server = site.serve(&["--no-models", "--workers", "0"]);
    let mut command = Command::new(clients().join("python/bin/schemathesis"));
    command
        .arg("run")
        .arg(format!("{}/api/v1/openapi.json", server.url))
        .args(["--header", &format!("Authorization: Bearer {}", site.first_key())])
        // What goes on until somebody ends it, what is no JSON, and what would take away the key it asks with.
        .args(["--exclude-operation-id", "WatchJob"])
        .args(["--exclude-operation-id", "UploadArchive"])
        .args(["--exclude-operation-id", "RevokeKey"])
        .args(["--phases", "coverage,fuzzing", "--checks", "not_a_server_error"])
        .args([
            "--max-examples",
            "10",
            "--seed",
            "1",
            "--workers",
            "2",
            "--no-shrink",
        ])
        .args(["--request-timeout", "60", "--continue-on-failure"])
        .current_dir(site.path(""));
    let ran = command.output().unwrap();
    let said = String::from_utf8_lossy(&ran.stdout);
    assert!(
        ran.status.success(),
        "{said}{}",
        String::from_utf8_lossy(&ran.stderr)
    );
    assert!(said.contains("51 passed"), "{said}");
    assert!(
        !site.said("serve.log").contains("ERROR"),
        "{}",
        site.said("serve.log")
    );
    site.ask(&server, &["audit", "verify"]).expect(0);
    assert_eq!(server.stop(), Some(0));
}
