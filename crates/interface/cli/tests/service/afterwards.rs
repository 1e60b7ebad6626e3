//! What the database holds after everything was killed: whether it is what was promised.

use std::collections::{BTreeMap, BTreeSet};

use tenon_domain::{JobEvent, JobOutcome, JobState, JobStatus};
use tenon_jobs::JobRequest;
use tenon_store::{Database, Job, JobFilter, JobNews};

use crate::submitting::Submissions;

const ALL: u32 = 1_000_000;

pub async fn jobs(database: &Database, state: Option<JobState>) -> Vec<Job> {
    let filter = JobFilter {
        state,
        ..JobFilter::default()
    };
    database.jobs(&filter, ALL).await.unwrap()
}

/// The jobs that have not ended.
pub async fn open(database: &Database) -> Vec<Job> {
    let mut all = jobs(database, None).await;
    all.retain(|job| !job.status.state.is_final());
    all
}

/// Each submission that was accepted is one job, each of which nobody knows is one at most, and there are no others.
pub async fn every_submission_is_one_job(database: &Database, submissions: &Submissions) {
    let mut by_seed: BTreeMap<u64, Vec<String>> = BTreeMap::new();
    for job in jobs(database, None).await {
        let request = database.job_request(job.id).await.unwrap().unwrap();
        let request: JobRequest = serde_json::from_str(&request).unwrap();
        by_seed
            .entry(request.intent.seed)
            .or_default()
            .push(job.id.to_string());
    }
    for (seed, id) in &submissions.accepted {
        assert_eq!(
            by_seed.remove(seed),
            Some(vec![id.clone()]),
            "the submission of {seed}"
        );
    }
    for seed in &submissions.unknown {
        let found = by_seed.remove(seed).unwrap_or_default();
        assert!(found.len() <= 1, "the submission of {seed} became {found:?}");
    }
    assert!(by_seed.is_empty(), "nobody submitted {by_seed:?}");
}

/// The history of every job leads to where it stands, with nothing missing in between. Gives how often a lease ran out.
pub async fn every_history_leads_to_its_status(database: &Database) -> usize {
    let mut expired = 0;
    for job in jobs(database, None).await {
        let history = database.job_history(job.id, 0, ALL).await.unwrap();
        let numbers: Vec<i64> = history.iter().map(|entry| entry.sequence).collect();
        assert_eq!(numbers, (1..=job.last_event).collect::<Vec<_>>(), "{job:?}");
        let events = history.iter().filter_map(|entry| match &entry.news {
            JobNews::Event(event) => Some(event),
            JobNews::Progress { .. } => None,
        });
        let events: Vec<&JobEvent> = events.collect();
        expired += events
            .iter()
            .filter(|event| matches!(event, JobEvent::LeaseExpired))
            .count();
        let start = JobStatus::submitted(job.status.max_attempts, job.created_at_ms);
        assert_eq!(start.replay(events), Ok(job.status));
    }
    expired
}

/// Every job that succeeded has one proposal, which is the one that it says; and no other job has any.
pub async fn every_success_has_one_proposal(database: &Database) {
    let rows = database.proposal_rows(None, None, None, ALL).await.unwrap();
    let made: BTreeSet<_> = rows.iter().map(|row| (row.job, row.id)).collect();
    assert_eq!(made.len(), rows.len());
    let mut said = BTreeSet::new();
    for job in jobs(database, Some(JobState::Succeeded)).await {
        let Some(JobOutcome::Proposed { proposal, .. }) = job.status.outcome else {
            panic!("it succeeded with nothing: {job:?}");
        };
        assert!(database.proposal(proposal).await.unwrap().is_some());
        said.insert((job.id, proposal));
    }
    assert_eq!(made, said);
}

/// What was accepted stands in the audit log.
pub async fn every_acceptance_is_recorded(database: &Database, submissions: &Submissions) {
    let log = database.audit_rows(0, ALL).await.unwrap();
    let submitted: Vec<_> = log
        .iter()
        .filter(|(_, line)| line.contains("job.submitted"))
        .collect();
    for (_, id) in &submissions.accepted {
        let subject = format!("\"jobs/{id}\"");
        assert!(
            submitted.iter().any(|(_, line)| line.contains(&subject)),
            "{id} is not in the log"
        );
    }
}
