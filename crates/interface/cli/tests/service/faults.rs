//! A database that is lost, policies that are broken, migrations that are due, and limits over two servers.

use std::fs;
use std::process::{Command, Stdio};
use std::thread;

use tenon_testkit::{FakeUpstream, TemporaryPostgres};

use crate::http::{Answer, get};
use crate::running::{Server, patiently};
use crate::site::Site;

const ME: &str = "/api/v1/me";
const JOBS_ALONE: [&str; 3] = ["--no-models", "--workers", "0"];

fn nobody() -> FakeUpstream {
    FakeUpstream::start([])
}

#[test]
fn a_server_without_its_database_says_so_and_does_not_start() {
    let mut postgres = TemporaryPostgres::start();
    postgres.kill();
    let site = Site::on(postgres.url(), &nobody());
    let ran = site
        .run(&["serve", "--listen", "127.0.0.1:0", "--no-models"])
        .expect(5);
    ran.says("cannot open the database `postgres://");
}

#[test]
fn who_signs_in_where_nobody_can_is_told_at_once() {
    let site = Site::new(&nobody());
    let server = site.serve(&JOBS_ALONE);
    let refused = site.ask(&server, &["login", "--wait", "1h"]).expect(2);
    refused.says("the server's configuration has no `[oidc]`");
    assert_eq!(server.stop(), Some(0));
}

#[test]
fn a_database_that_is_lost_on_the_way_is_waited_for() {
    let mut postgres = TemporaryPostgres::start_durable();
    let site = Site::on(postgres.url(), &nobody());
    let server = site.serve(&JOBS_ALONE);
    let key = site.first_key();
    assert_eq!(get(&server.url, ME, &key).status, 200);

    postgres.kill();
    let refused = get(&server.url, ME, &key);
    assert_eq!(refused.status, 503, "{}", refused.body);
    assert_eq!(refused.header("content-type"), Some("application/problem+json"));
    let wait: u32 = refused.header("retry-after").unwrap().parse().unwrap();
    assert!((1..=60).contains(&wait));
    // Why is for whoever runs the server alone.
    let id = refused.header("x-tenon-request-id").unwrap();
    let log = fs::read_to_string(site.path("serve.log")).unwrap();
    let line = log
        .lines()
        .find(|line| line.contains(id))
        .expect("a line of the log");
    assert!(line.contains("ERROR the database does not answer:"), "{line}");
    assert!(line.contains("status=503") && line.contains(ME), "{line}");
    assert_eq!(get(&server.url, "/health/ready", &key).status, 503);
    assert_eq!(get(&server.url, "/health/live", &key).status, 200);

    postgres.restart();
    patiently("the server answers again", || {
        get(&server.url, ME, &key).status == 200
    });
    assert_eq!(get(&server.url, "/health/ready", &key).status, 200);
    assert_eq!(server.stop(), Some(0));
}

#[test]
fn a_file_that_is_full_is_said_to_be_and_used_again_when_there_is_room() {
    let site = Site::new(&nobody());
    let tenon = site.lasting(&["serve", "--listen", "127.0.0.1:0"], "serve.log");
    // Who writes too much is told so by a signal, which would end it, or by an error.
    let mut shell = Command::new("sh");
    shell
        .args(["-c", "trap '' XFSZ; exec \"$@\"", "sh"])
        .arg(tenon.get_program());
    shell
        .args(tenon.get_args())
        .args(JOBS_ALONE)
        .stderr(Stdio::null());
    for (name, value) in tenon.get_envs() {
        match value {
            Some(value) => shell.env(name, value),
            None => shell.env_remove(name),
        };
    }
    let server = Server::start(shell);
    let key = site.first_key();
    assert_eq!(get(&server.url, ME, &key).status, 200);

    server.limit_files(Some(0));
    for _ in 0..3 {
        let refused = get(&server.url, ME, &key);
        assert_eq!(refused.status, 503, "{}", refused.body);
        assert!(refused.header("retry-after").is_some());
    }
    server.limit_files(None);
    assert_eq!(get(&server.url, ME, &key).status, 200);
    site.ask(&server, &["audit", "verify"]).expect(0);
    assert_eq!(server.stop(), Some(0));
}

#[test]
fn a_broken_policy_is_named_with_its_line_and_nothing_is_served() {
    let site = Site::new(&nobody());
    let policies = site.path("policies");
    fs::create_dir(&policies).unwrap();
    fs::write(
        policies.join("good.cedar"),
        "permit (principal, action, resource);\n",
    )
    .unwrap();
    fs::write(
        policies.join("team.cedar"),
        "// Of the team.\nforbid (principal, action);\n",
    )
    .unwrap();
    let serve = [
        "serve",
        "--listen",
        "127.0.0.1:0",
        "--no-models",
        "--policies",
        policies.to_str().unwrap(),
    ];
    site.run(&serve).expect(2).says("team.cedar:2:");
    assert!(!site.first_key_file().exists());
}

#[test]
fn what_a_migration_would_do_is_said_before_it_is_done() {
    let postgres = TemporaryPostgres::start();
    let site = Site::on(postgres.url(), &nobody());
    let check = ["db", "migrate", "--check"];
    for _ in 0..2 {
        site.run(&check).expect(3).says("to do: 0001");
    }
    site.run(&["db", "migrate"]).expect(0).says("done: 0001");
    assert_eq!(site.run(&check).expect(0).stdout, "");
}

#[test]
fn two_servers_share_a_limit_to_the_last_request() {
    let postgres = TemporaryPostgres::start();
    let site = Site::on(postgres.url(), &nobody());
    let first = site.serve(&JOBS_ALONE);
    let limit = ["limit", "set", "each:user", "requests", "20", "--per", "1h"];
    site.ask(&first, &limit).expect(0);
    // Whoever starts now knows the limit from the beginning.
    let second = site.serve(&JOBS_ALONE);
    let key = site.first_key();
    let answers = ask_at_once(&[&first, &second], 20, &key);
    let count = |status: u16| answers.iter().filter(|answer| answer.status == status).count();
    assert_eq!((count(200), count(429)), (20, 20), "{answers:?}");
    let refused = answers.iter().filter(|answer| answer.status == 429);
    assert!(
        refused
            .into_iter()
            .all(|answer| answer.header("retry-after").is_some())
    );
    assert_eq!((first.stop(), second.stop()), (Some(0), Some(0)));
}

/// Asks each server so often, all of it at once.
fn ask_at_once(servers: &[&Server], times: usize, key: &str) -> Vec<Answer> {
    thread::scope(|scope| {
        let ask = |server: &&Server| {
            let url = server.url.clone();
            scope.spawn(move || get(&url, ME, key))
        };
        let asking: Vec<_> = servers
            .iter()
            .flat_map(|server| (0..times).map(move |_| server))
            .map(ask)
            .collect();
        asking.into_iter().map(|asking| asking.join().unwrap()).collect()
    })
}
