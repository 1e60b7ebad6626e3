//! What a worker of its own shows of itself.

use std::fs;

use tenon_testkit::{FakeUpstream, UpstreamReply};

use crate::http;
use crate::running::{Running, patiently};
use crate::site::{REPOSITORY, Site};

/// Where a worker says that its metrics are, once it takes jobs.
fn address(site: &Site) -> String {
    patiently("the worker takes jobs", || {
        site.said("worker.log").contains("takes jobs")
    });
    let said = site.said("worker.log");
    let line = said.lines().find_map(|line| line.strip_prefix("metrics at "));
    line.unwrap().strip_suffix("/metrics").unwrap().to_owned()
}

#[test]
fn a_worker_counts_what_its_jobs_and_models_do() {
    let upstream = FakeUpstream::start([UpstreamReply::text("`half` halves.")]);
    let site = Site::new(&upstream);
    let server = site.serve(&["--workers", "0"]);
    site.register(&server, &[]);
    let folder = site.repository.path().to_str().unwrap();
    let arguments = ["worker", "--allow-path", folder, "--metrics", "127.0.0.1:0"];
    let worker = Running::start(site.lasting(&arguments, "worker.log"));
    let url = address(&site);
    assert_eq!(http::get(&url, "/health/live", "").status, 200);
    let ready = http::get(&url, "/health/ready", "");
    assert_eq!(ready.status, 200);
    assert_eq!(
        ready.body,
        r#"{"ready":true,"parts":{"database":true,"jobs":true}}"#
    );
    let submit = [
        "job",
        "submit",
        "explain",
        "half",
        "--repository",
        REPOSITORY,
        "--watch",
    ];
    site.ask(&server, &submit).expect(0);
    let counted = [
        "tenon_worker_ready 1",
        r#"tenon_jobs_total{task="explain",outcome="success",level="unverified"} 1"#,
        r#"tenon_attempts_total{provider="compatible",model="scripted",failure_category="none"} 1"#,
        // The upstream has no price, and that is said.
        r#"tenon_requests_unpriced_total{provider="upstream",model="scripted",team="none"} 1"#,
    ];
    for line in counted {
        patiently(line, || {
            http::get(&url, "/metrics", "")
                .body
                .lines()
                .any(|said| said == line)
        });
    }
    assert!(!http::get(&url, "/metrics", "").body.contains("tenon_ready "));
    assert_eq!(http::get(&url, "/v1/models", "").status, 404);
    assert_eq!(worker.stop(), Some(0));
    assert_eq!(server.stop(), Some(0));
}

#[test]
fn metrics_that_others_could_reach_need_a_key() {
    let upstream = FakeUpstream::start([]);
    let site = Site::new(&upstream);
    let open = ["worker", "--metrics", "0.0.0.0:0"];
    site.run(&open).expect(2).says("--metrics-keys");
    let keys = site.path("keys");
    fs::write(&keys, "0123456789abcdef\n").unwrap();
    let arguments = [&open[..], &["--metrics-keys", keys.to_str().unwrap()]].concat();
    let worker = Running::start(site.lasting(&arguments, "worker.log"));
    let url = address(&site).replace("0.0.0.0", "127.0.0.1");
    assert_eq!(http::get(&url, "/metrics", "another-key-of-16").status, 401);
    assert_eq!(http::get(&url, "/metrics", "0123456789abcdef").status, 200);
    assert_eq!(http::get(&url, "/health/ready", "").status, 200);
    assert_eq!(worker.stop(), Some(0));
}
