//! What is confidential stays on this machine.

use std::fs;

use tenon_testkit::{FakeUpstream, UpstreamReply};

use crate::site::{REPOSITORY, Site};

const EXPLAINED: &str = "`half` gives one half of a number.";
const SUBMIT: [&str; 7] = [
    "job",
    "submit",
    "explain",
    "half",
    "--watch",
    "--repository",
    REPOSITORY,
];

/// A site whose only model is, by its address, on another machine: every address of this one leads to the upstream, and
/// only some say so.
fn site(upstream: &FakeUpstream) -> Site {
    let site = Site::new(upstream);
    let file = site.path("config.toml");
    let configuration = fs::read_to_string(&file).unwrap();
    fs::write(&file, configuration.replace("127.0.0.1", "0.0.0.0")).unwrap();
    site
}

#[test]
fn a_confidential_repository_is_shown_to_no_other_machine() {
    let upstream = FakeUpstream::start([]);
    let site = site(&upstream);
    let server = site.serve(&[]);
    site.register(&server, &["--confidential"]);
    let ran = site.ask(&server, &SUBMIT).expect(4);
    ran.says("content_policy").says("confidential");
    assert_eq!(server.stop(), Some(0));
    assert_eq!(upstream.requests(), []);
}

#[test]
fn any_other_repository_is() {
    let upstream = FakeUpstream::start([UpstreamReply::text(EXPLAINED)]);
    let site = site(&upstream);
    let server = site.serve(&[]);
    site.register(&server, &[]);
    site.ask(&server, &SUBMIT).expect(0);
    assert_eq!(upstream.bodies().len(), 1);
}
