//! Submits jobs to a server that comes and goes.

use tenon_api::JobRequest;
use tenon_client::Client;
use tokio::time::sleep;

use crate::dice::Dice;
use crate::site::REPOSITORY;

/// What came of the submissions, by the seeds of their jobs: those are told apart by nothing else.
#[derive(Debug, Default)]
pub struct Submissions {
    /// The seeds and ids of those that the server said it has.
    pub accepted: Vec<(u64, String)>,
    /// The seeds of those of which nobody knows: the client had no answer, as often as it asked.
    pub unknown: Vec<u64>,
}

/// Several submit at once.
const SUBMITTERS: u64 = 4;
/// Between two submissions of one of them, in milliseconds at most.
const PAUSE: u64 = 1500;

/// Has `count` jobs accepted.
pub async fn submit(client: &Client, count: u64, seed: u64) -> Submissions {
    let mut submitters = tokio::task::JoinSet::new();
    for submitter in 0..SUBMITTERS {
        let share = count / SUBMITTERS + u64::from(submitter < count % SUBMITTERS);
        let seeds = (submitter..).step_by(usize::try_from(SUBMITTERS).unwrap());
        submitters.spawn(submit_share(
            client.clone(),
            share,
            seeds,
            Dice::new(seed + submitter),
        ));
    }
    let mut all = Submissions::default();
    while let Some(share) = submitters.join_next().await {
        let share = share.unwrap();
        all.accepted.extend(share.accepted);
        all.unknown.extend(share.unknown);
    }
    all
}

async fn submit_share(
    client: Client,
    share: u64,
    mut seeds: impl Iterator<Item = u64>,
    mut dice: Dice,
) -> Submissions {
    let mut submissions = Submissions::default();
    while u64::try_from(submissions.accepted.len()).unwrap() < share {
        let seed = seeds.next().unwrap();
        match client.submit(&request(seed)).await {
            Ok(job) => submissions.accepted.push((seed, job.id)),
            Err(error) if error.is_temporary() => submissions.unknown.push(seed),
            Err(error) => panic!("the submission of {seed} was refused: {error}"),
        }
        sleep(dice.milliseconds(0, PAUSE)).await;
    }
    submissions
}

fn request(seed: u64) -> JobRequest {
    JobRequest {
        task: "explain".to_owned(),
        repository: REPOSITORY.to_owned(),
        intent: "half".to_owned(),
        seed: Some(seed),
        files: Vec::new(),
        tests: Vec::new(),
        quality: None,
        max_seconds: None,
        max_samples: None,
        revision: None,
        criticality: None,
        deadline_seconds: None,
    }
}
