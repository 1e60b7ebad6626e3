//! Many jobs in one call, with the commands of the manual and real processes.

use std::fs;

use tenon_domain::JobState;
use tenon_store::Database;
use tenon_testkit::{FakeUpstream, TemporaryPostgres, UpstreamReply};

use crate::afterwards;
use crate::running::Running;
use crate::site::{REPOSITORY, Site};

const EXPLAINED: &str = "`half` gives one half of a number.";

/// A file of so many jobs, and one among them that comes to nothing.
fn file(site: &Site, count: usize, bad: Option<usize>) -> String {
    let lines = (0..count).map(|number| {
        let what = if bad == Some(number) { "quarter" } else { "half" };
        format!("{{\"custom_id\": \"of {number}\", \"intent\": \"{what}\"}}\n")
    });
    let path = site.path("batch.jsonl");
    fs::write(&path, lines.collect::<String>()).unwrap();
    path.to_str().unwrap().to_owned()
}

#[test]
fn a_batch_is_submitted_watched_cancelled_resumed_and_its_results_are_fetched() {
    let upstream = FakeUpstream::start(vec![UpstreamReply::text(EXPLAINED); 8]);
    let site = Site::new(&upstream);
    let server = site.serve(&[]);
    site.register(&server, &[]);
    let file = file(&site, 4, Some(1));
    let submit = ["batch", "submit", &file, "--repository", REPOSITORY];
    // Nothing is made of a batch that is wrong.
    site.ask(&server, &submit).expect(2).says("items[0].task");
    assert_eq!(site.ask(&server, &["batch", "list"]).expect(0).stdout, "");

    let explain = [&submit[..], &["--task", "explain", "--concurrency", "2"]].concat();
    let watched = site.ask(&server, &[&explain[..], &["--watch"]].concat());
    let watched = watched.expect(2);
    watched.says("3 succeeded, 1 failed").says("4 of 4 ended");
    let listed = site.ask(&server, &["batch", "list", "--json"]).expect(0).json();
    let id = listed["batches"][0]["id"].as_str().unwrap().to_owned();
    let folder = site.path("results");
    let results = ["batch", "results", &id, "--out", folder.to_str().unwrap()];
    let results = site.ask(&server, &results).expect(2);
    results
        .says("of 0  succeeded")
        .says("of 1  failed")
        .says("not_found");
    let mut names: Vec<_> = fs::read_dir(&folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    assert_eq!(names, ["0000-of-0.md", "0002-of-2.md", "0003-of-3.md"]);
    assert_eq!(
        fs::read_to_string(folder.join("0000-of-0.md")).unwrap().trim(),
        EXPLAINED
    );
    let failed = ["batch", "results", &id, "--state", "failed", "--json"];
    let failed = site.ask(&server, &failed).expect(2).json();
    assert_eq!(
        (&failed["index"], &failed["custom_id"]),
        (&1.into(), &"of 1".into())
    );

    site.ask(&server, &["batch", "resume", &id]).expect(0);
    site.ask(&server, &["batch", "watch", &id])
        .expect(2)
        .says("1 failed");
    site.ask(&server, &["batch", "cancel", &id])
        .expect(0)
        .says("failed");
    site.ask(&server, &["batch", "show", &id, "--json"]).expect(2);
    site.ask(
        &server,
        &["batch", "show", "01890a5d-ac96-774b-bcce-b302099a8057"],
    )
    .expect(2)
    .says("there is no batch");
    assert_eq!(server.stop(), Some(0), "{}", site.said("serve.log"));
}

/// Everything that works is killed again and again amid a batch.
#[tokio::test(flavor = "multi_thread")]
async fn nothing_of_a_batch_is_lost_or_done_twice_when_its_workers_are_killed() {
    const ITEMS: usize = 16;
    let reply = UpstreamReply::text(EXPLAINED).in_pieces_of(2);
    let upstream = FakeUpstream::start(vec![reply; ITEMS * 12]);
    let postgres = TemporaryPostgres::start();
    let site = Site::on(postgres.url(), &upstream);
    let server = site.serve(&["--no-models", "--workers", "0"]);
    site.register(&server, &[]);
    let file = file(&site, ITEMS, None);
    let submit = [
        "batch",
        "submit",
        &file,
        "--repository",
        REPOSITORY,
        "--task",
        "explain",
        "--concurrency",
        "3",
    ];
    let id = site.ask(&server, &submit).expect(0).stdout.trim().to_owned();

    let database = Database::connect(&postgres.url().parse().unwrap(), 4)
        .await
        .unwrap();
    let folder = site.repository.path().to_str().unwrap();
    let worker = ["worker", "--allow-path", folder, "--lease", "1", "--slots", "2"];
    let start = |log: &str| Running::start(site.lasting(&worker, log));
    let mut workers = [start("worker-1.log"), start("worker-2.log")];
    let mut kills = 0;
    loop {
        let batch = database.batch(id.parse().unwrap()).await.unwrap().unwrap();
        let open = batch.counts.queued + batch.counts.running;
        assert!(open <= 3, "{:?}", batch.counts);
        if batch.counts.state().is_final() {
            break;
        }
        let asked = upstream.bodies().len();
        if kills < 6 && batch.counts.running > 0 && asked > kills * 2 {
            let number = kills % 2;
            workers[number].kill();
            workers[number] = start(&format!("worker-{}.log", number + 1));
            kills += 1;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    assert!(kills > 0);
    // What the kills wore out is done when they are over.
    site.ask(&server, &["batch", "resume", &id]).expect(0);
    site.ask(&server, &["batch", "watch", &id])
        .expect(0)
        .says("16 succeeded");
    let succeeded = afterwards::jobs(&database, Some(JobState::Succeeded)).await;
    assert_eq!(succeeded.len(), ITEMS);
    afterwards::every_success_has_one_proposal(&database).await;
    for worker in workers {
        assert_eq!(worker.stop(), Some(0));
    }
    assert_eq!(server.stop(), Some(0), "{}", site.said("serve.log"));
}
