//! One walk through the service with the commands of the manual.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use tenon_testkit::{FakeUpstream, UpstreamReply};

use crate::running::{Server, patiently};
use crate::site::{REPOSITORY, Site};

const EXPLAINED: &str = "`half` gives one half of a number.";
const INTENT: &str = "add double(number) to numbers.py: twice the number, e.g. double(2) == 4";
const WRITTEN: &str = "```python\ndef double(number):\n    return number * 2\n```\n";

#[test]
fn the_tour_works_from_the_first_start_to_a_verified_log() {
    let explained = || UpstreamReply::text(EXPLAINED);
    // One job, one that is cancelled and tried again, an explanation here and one there, and a change.
    let upstream = FakeUpstream::start([
        explained(),
        UpstreamReply::Silence,
        explained(),
        explained(),
        explained(),
        UpstreamReply::text(WRITTEN),
    ]);
    let site = Site::new(&upstream);
    let server = site.serve(&[]);
    let mode = fs::metadata(site.first_key_file()).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);

    repositories(&site, &server);
    jobs(&site, &server, &upstream);
    people_and_keys(&site, &server);
    limits(&site, &server);
    work_elsewhere(&site, &server);
    log(&site, &server);
    assert_eq!(server.stop(), Some(0), "{}", site.said("serve.log"));
    assert_eq!(site.processes(), [""; 0]);
}

fn repositories(site: &Site, server: &Server) {
    site.register(server, &[]);
    site.ask(server, &["repository", "list"])
        .expect(0)
        .says(REPOSITORY);
    // Only what the server was started for is worked on, and nothing by another way.
    let elsewhere = ["repository", "add", "other", "/"];
    site.ask(server, &elsewhere).expect(2).says("--allow-path");
    let elsewhere = ["repository", "add", "other", "file:///srv/other"];
    site.ask(server, &elsewhere).expect(2).says("https://");
    for inside in ["https://10.0.0.1/a.git", "https://localhost/a.git"] {
        let add = ["repository", "add", "other", inside];
        site.ask(server, &add).expect(2).says("--allow-host");
    }
}

fn jobs(site: &Site, server: &Server, upstream: &FakeUpstream) {
    let submit = ["job", "submit", "explain", "half", "--repository", REPOSITORY];
    let watched = site.ask(server, &[&submit[..], &["--watch"]].concat()).expect(0);
    watched.says("taken by").says("succeeded").says("proposal");

    let submitted = site.ask(server, &submit).expect(0);
    let id = submitted.stdout.trim();
    patiently("the model is asked", || upstream.bodies().len() == 2);
    site.ask(server, &["job", "list", "--state", "running"])
        .expect(0)
        .says(id);
    site.ask(server, &["job", "cancel", id])
        .expect(0)
        .says("cancelling");
    site.ask(server, &["job", "watch", id])
        .expect(130)
        .says("cancelled");
    site.ask(server, &["job", "show", id])
        .expect(130)
        .says("cancelled");
    site.ask(server, &["job", "retry", id]).expect(0).says("queued");
    site.ask(server, &["job", "watch", id])
        .expect(0)
        .says("succeeded");
    site.ask(server, &["job", "retry", id])
        .expect(2)
        .says("succeeded");
    let shown = site.ask(server, &["job", "show", id, "--json"]).expect(0).json();
    assert_eq!(shown["level"], "unverified", "an explanation is a model's word");
    site.ask(
        server,
        &["job", "submit", "explain", "half", "--repository", "nowhere"],
    )
    .expect(2)
    .says("nowhere");
}

fn people_and_keys(site: &Site, server: &Server) {
    site.ask(server, &["user", "add", "bob", "--role", "viewer"])
        .expect(0);
    site.ask(server, &["user", "list"])
        .expect(0)
        .says("bob")
        .says("admin");
    site.ask(server, &["user", "me"]).expect(0).says("admin");

    let create = [
        "key",
        "create",
        "ci",
        "--user",
        "ada",
        "--role",
        "developer",
        "--scope",
        "jobs:read",
    ];
    let created = site.ask(server, &create).expect(0);
    let secret = created.stdout.trim();
    let file = site.path("ada.key");
    fs::write(&file, secret).unwrap();
    let as_ada = |arguments: &[&str]| {
        site.ask(
            server,
            &[arguments, &["--key-file", file.to_str().unwrap()]].concat(),
        )
    };
    as_ada(&["job", "list"]).expect(0);
    as_ada(&["user", "list"]).expect(4);
    let id = secret.split('_').nth(1).unwrap();
    site.ask(server, &["key", "list", "--user", "ada"])
        .expect(0)
        .says(id)
        .says("jobs:read");
    site.ask(server, &["key", "revoke", id]).expect(0).says(id);
    as_ada(&["job", "list"]).expect(4).says("revoked");
}

fn limits(site: &Site, server: &Server) {
    let limit = ["each:user", "requests", "1000"];
    site.ask(
        server,
        &[&["limit", "set"], &limit[..], &["--per", "1h"]].concat(),
    )
    .expect(0);
    site.ask(server, &["limit", "list"])
        .expect(0)
        .says("each:user  1000 requests");
    let lift = ["limit", "lift", "each:user", "requests", "--per", "1h"];
    site.ask(server, &lift).expect(0);
    assert_eq!(site.ask(server, &["limit", "list"]).expect(0).stdout, "");
    site.ask(server, &lift).expect(2);
}

/// What is done here can be done there with the same words, and comes to the same.
fn work_elsewhere(site: &Site, server: &Server) {
    let here = site.run(&["explain", "half"]).expect(0);
    let there = site
        .ask(server, &["explain", "half", "--repository", REPOSITORY])
        .expect(0);
    assert_eq!((here.stdout.trim(), &here.stdout), (EXPLAINED, &there.stdout));
    let unknown = ["explain", "quarter", "--repository", REPOSITORY];
    assert_eq!(site.run(&unknown).code, site.ask(server, &unknown).expect(2).code);

    let before = site.repository.snapshot();
    let patch = site.path("double.patch");
    let generate = [
        "generate",
        INTENT,
        "--repository",
        REPOSITORY,
        "--patch",
        patch.to_str().unwrap(),
    ];
    site.ask(server, &generate)
        .expect(0)
        .says("tested")
        .says("+def double(number):");
    assert_eq!(site.repository.snapshot(), before);
    site.repository
        .git(&["apply", "--check", patch.to_str().unwrap()]);
}

fn log(site: &Site, server: &Server) {
    let report = site.ask(server, &["audit", "verify", "--json"]).expect(0).json();
    assert!(report["signed_through"].is_i64(), "{report}");
    let exported = site.path("audit.jsonl");
    let file = exported.to_str().unwrap();
    site.ask(server, &["audit", "export", "--out", file]).expect(0);
    let key = report["keys"][0].as_str().unwrap();
    site.run(&["audit", "verify", file, "--public-key", key])
        .expect(0)
        .says("whole");
    let text = fs::read_to_string(&exported).unwrap();
    fs::write(
        &exported,
        text.replacen("\"admin\"", "\"nobody\"", 1)
            .replacen("jobs/", "jabs/", 1),
    )
    .unwrap();
    site.run(&["audit", "verify", file]).expect(3).says("not whole");
}
