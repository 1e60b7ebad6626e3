//! Whatever is killed, and whenever: what was accepted is done, and done once.

use std::sync::{Arc, mpsc};
use std::time::Duration;

use tenon_api::{Job, Me};
use tenon_client::Client;
use tenon_domain::{JobState, Secret};
use tenon_store::Database;
use tenon_testkit::{FakeUpstream, TemporaryPostgres, UpstreamReply};
use tokio::time::{Instant, sleep};

use crate::afterwards;
use crate::port::ReservedPort;
use crate::running::{PATIENCE, Server};
use crate::site::Site;
use crate::storm::Storm;
use crate::submitting::{Submissions, submit};

/// Each run begins with the same kills; what they hit is as the machine has it.
const SEED: u64 = 1;
const LEASE: [&str; 2] = ["--lease", "2"];
/// In pieces of so few bytes an answer takes long enough to be interrupted.
const ANSWER: &str = "`half` gives one half of a number. It divides what it is given by two, and leaves it otherwise \
    as it is: a whole number becomes one with a fraction, and what cannot be divided is an error of the caller's.";
const PIECE: usize = 2;
/// Each job is tried three times at most, and once more where it failed.
const TRIES: usize = 6;

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_lost_or_done_twice_when_everything_is_killed_at_random() {
    everything_is_killed_while_jobs_are_done(40).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "takes minutes"]
async fn five_hundred_jobs_are_done_once_when_everything_is_killed_at_random() {
    everything_is_killed_while_jobs_are_done(500).await;
}

async fn everything_is_killed_while_jobs_are_done(count: u64) {
    let replies = usize::try_from(count).unwrap() * TRIES;
    let upstream = FakeUpstream::start(vec![UpstreamReply::text(ANSWER).in_pieces_of(PIECE); replies]);
    let postgres = TemporaryPostgres::start_durable();
    let database = postgres.url();
    let site = Arc::new(Site::on(database.clone(), &upstream));
    let port = ReservedPort::take();
    let storm = start(&site, postgres, &port).await;
    let client = client(&site, &port).await;

    let (tell_end, end) = mpsc::channel();
    let raging = std::thread::spawn(move || storm.rage(&end));
    let submissions = submit(&client, count, SEED).await;
    tell_end.send(()).unwrap();
    let mut storm = raging.join().unwrap();

    let database = Database::connect(&database.parse().unwrap(), 4).await.unwrap();
    all_end(&database, &mut storm).await;
    let failed = afterwards::jobs(&database, Some(JobState::Failed)).await;
    for job in &failed {
        // What the storm wore out can be done when it is over.
        let path = format!("/jobs/{}/retry", job.id);
        client.post::<Job>(&path, &()).await.unwrap();
    }
    all_end(&database, &mut storm).await;
    all_is_well(&database, &submissions).await;
    let expired = afterwards::every_history_leads_to_its_status(&database).await;
    summarise(&storm, &submissions, expired, failed.len());

    site.run(&["audit", "verify", "--server", client.address()])
        .expect(0)
        .says("whole");
    assert_eq!(storm.stop(), [Some(0); 3], "{}", site.said("serve.log"));
    assert_eq!(site.processes(), [""; 0]);
}

/// The first start in good order, then everything under the storm.
async fn start(site: &Arc<Site>, postgres: TemporaryPostgres, port: &ReservedPort) -> Storm {
    let first: Server = site.serve(&["--no-models", "--workers", "0"]);
    site.register(&first, &[]);
    assert_eq!(first.stop(), Some(0));
    let folder = site.repository.path().to_str().unwrap();
    let address = port.address().to_string();
    let serve = [
        "serve",
        "--listen",
        &address,
        "--no-models",
        "--workers",
        "0",
        "--allow-path",
        folder,
    ];
    let worker = [&["worker", "--allow-path", folder], &LEASE[..]].concat();
    let mut storm = Storm::new(Arc::clone(site), postgres, SEED);
    storm.keep(&serve, "serve.log");
    storm.keep(&worker, "worker-1.log");
    storm.keep(&worker, "worker-2.log");
    storm
}

/// A client of the server, which answers by now.
async fn client(site: &Site, port: &ReservedPort) -> Client {
    let address = format!("http://{}", port.address());
    let client = Client::new(&address, Secret::new(&site.first_key())).unwrap();
    let deadline = Instant::now() + PATIENCE;
    while let Err(error) = client.get::<Me>("/me").await {
        assert!(Instant::now() < deadline, "{error}: {}", site.said("serve.log"));
    }
    client
}

/// Waits until every job has ended, as long as one after the other does.
async fn all_end(database: &Database, storm: &mut Storm) {
    let (mut fewest, mut deadline) = (usize::MAX, Instant::now());
    loop {
        storm.mend();
        let open = afterwards::open(database).await;
        if open.is_empty() {
            return;
        }
        if open.len() < fewest {
            (fewest, deadline) = (open.len(), Instant::now() + PATIENCE);
        }
        assert!(Instant::now() < deadline, "these do not end: {open:#?}");
        sleep(Duration::from_millis(100)).await;
    }
}

async fn all_is_well(database: &Database, submissions: &Submissions) {
    afterwards::every_submission_is_one_job(database, submissions).await;
    afterwards::every_success_has_one_proposal(database).await;
    afterwards::every_acceptance_is_recorded(database, submissions).await;
    let succeeded = afterwards::jobs(database, Some(JobState::Succeeded)).await;
    assert_eq!(succeeded.len(), afterwards::jobs(database, None).await.len());
}

/// For whoever reads along: a storm that hits nothing proves nothing.
#[allow(
    clippy::print_stderr,
    reason = "shown when it fails, or when somebody wants to see it"
)]
fn summarise(storm: &Storm, submissions: &Submissions, expired: usize, failed: usize) {
    eprintln!(
        "{:?}; {} accepted, {} unknown; {expired} leases ran out, {failed} jobs failed at first",
        storm.kills,
        submissions.accepted.len(),
        submissions.unknown.len()
    );
}
