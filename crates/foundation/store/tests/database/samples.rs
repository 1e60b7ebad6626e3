//! People, jobs and proposals for tests.

use tenon_domain::{
    Attempt, AttemptOutcome, Budget, ChangeSet, CheckKind, CheckReport, Criticality, Digest, Evidence,
    FailureCategory, FileChange, Intent, JobEvent, JobId, Level, ModelReference, Outcome, Principal,
    PrincipalId, PrincipalKind, Proposal, ProposalId, Provenance, Quality, RepoPath, Role, SamplingRecord,
    Task, TemplateReference, Usage,
};
use tenon_store::{Charge, Database, Job, Limit, LimitScope, LimitUnit, NewJob, Submitted};

/// When most tests begin.
pub const NOW: i64 = 1_700_000_000_000;
/// How long a worker has.
pub const LEASE: i64 = 30_000;

pub fn person(name: &str) -> Principal {
    Principal {
        id: PrincipalId::new(),
        name: name.to_owned(),
        kind: PrincipalKind::Person,
        team: None,
        role: Role::Developer,
        repositories: [("web".to_owned(), Role::Reviewer)].into(),
    }
}

/// Somebody who may own jobs.
pub async fn owner(database: &Database, name: &str) -> PrincipalId {
    let person = person(name);
    database.add_principal(&person, NOW).await.unwrap();
    person.id
}

/// A job without limits.
pub fn job(owner: PrincipalId) -> NewJob {
    NewJob {
        id: JobId::new(),
        owner,
        repository: "web".to_owned(),
        task: Task::Generate,
        criticality: Criticality::Standard,
        request: r#"{"intent":"add slugify"}"#.to_owned(),
        max_attempts: 3,
        deadline_at_ms: None,
        charges: Vec::new(),
        ceilings: Vec::new(),
    }
}

/// Keeps a job.
pub async fn submit(database: &Database, job: &NewJob, now_ms: i64) -> JobId {
    let submitted = database.submit_job(job, None, now_ms).await.unwrap();
    assert_eq!(submitted, Submitted::New);
    job.id
}

/// Takes the job whose turn it is.
pub async fn claim(database: &Database, now_ms: i64) -> Job {
    let claimed = database
        .claim_job("worker", now_ms + LEASE, now_ms)
        .await
        .unwrap();
    claimed.unwrap()
}

/// Keeps a job and takes it; nothing else may wait.
pub async fn claimed(database: &Database, job: &NewJob, now_ms: i64) -> Job {
    let id = submit(database, job, now_ms).await;
    let claimed = claim(database, now_ms).await;
    assert_eq!(claimed.id, id);
    claimed
}

/// Ends the job with this proposal.
pub async fn propose(database: &Database, job: &Job, proposal: &Proposal, now_ms: i64) -> Job {
    let event = proposed(proposal);
    let settled = database
        .settle_job(job.id, job.status.fence, &event, Some(proposal), now_ms)
        .await;
    settled.unwrap()
}

pub fn proposed(proposal: &Proposal) -> JobEvent {
    JobEvent::Proposed {
        proposal: proposal.id,
        level: proposal.level(),
    }
}

pub fn failed() -> JobEvent {
    JobEvent::Failed {
        category: FailureCategory::InvalidOutput,
        message: "nothing held".to_owned(),
    }
}

pub fn failed_attempt(retry_at_ms: i64) -> JobEvent {
    JobEvent::AttemptFailed {
        category: FailureCategory::Network,
        message: "no answer".to_owned(),
        retry_at_ms,
    }
}

/// A proposal that was checked so far, from these samples.
pub fn proposal(level: Level, attempts: Vec<Attempt>, chosen: Option<usize>) -> Proposal {
    let change = FileChange {
        path: RepoPath::parse("src/text.py").unwrap(),
        renamed_from: None,
        before: None,
        after: Some("x = 1\n".to_owned()),
    };
    Proposal {
        id: ProposalId::new(),
        created_at: 1_700_000_000,
        intent: intent(),
        summary: "adds `slugify`".to_owned(),
        change: ChangeSet { files: vec![change] },
        explanation: None,
        evidence: Evidence {
            checks: vec![report(CheckKind::Tests, Outcome::Passed, Some(level))],
            sandbox: None,
        },
        provenance: Provenance {
            tenon_version: "0.1.0".to_owned(),
            base_commit: None,
            context_digest: Digest::of("context"),
            attempts,
            chosen,
        },
        usage: Usage {
            prompt_tokens: 100,
            completion_tokens: 50,
            attempts: 1,
            seconds: 1.5,
        },
    }
}

fn intent() -> Intent {
    Intent {
        task: Task::Generate,
        text: "add slugify".to_owned(),
        files: Vec::new(),
        acceptance: Vec::new(),
        quality: Quality::Standard,
        seed: 7,
        budget: Budget::default(),
    }
}

fn report(kind: CheckKind, outcome: Outcome, proves: Option<Level>) -> CheckReport {
    CheckReport {
        check: kind.as_str().to_owned(),
        kind,
        outcome,
        proves,
        duration_ms: 3,
        findings: Vec::new(),
        reason: None,
        log: None,
    }
}

/// A sample of a model, for a template.
pub fn attempt(model: &str, template: &str, outcome: AttemptOutcome) -> Attempt {
    Attempt {
        template: TemplateReference {
            name: "generate/symbol".to_owned(),
            version: "1".to_owned(),
            digest: Digest::of(template),
        },
        model: ModelReference {
            name: model.to_owned(),
            digest: None,
            price: None,
        },
        sampling: SamplingRecord {
            temperature: 0.2,
            top_p: 0.95,
            seed: 7,
            max_tokens: 64,
            index: 0,
            together: 1,
            stop: Vec::new(),
        },
        prompt_digest: Digest::of("prompt"),
        prompt: "prompt".to_owned(),
        text: "text".to_owned(),
        tokens: Vec::new(),
        prompt_tokens: Some(12),
        completion_tokens: None,
        outcome,
        duration_ms: 40,
    }
}

pub fn passed() -> AttemptOutcome {
    AttemptOutcome::Passed { level: Level::Tested }
}

/// What a sample comes to that this check stopped, after another had passed.
pub fn rejected(kind: CheckKind) -> AttemptOutcome {
    AttemptOutcome::Rejected {
        check: kind.as_str().to_owned(),
        reason: "it does not hold".to_owned(),
        checks: vec![
            report(CheckKind::Syntax, Outcome::Passed, Some(Level::Parsed)),
            report(kind, Outcome::Failed, None),
        ],
    }
}

pub fn limit(scope: LimitScope, unit: LimitUnit, window_seconds: i64, quota: i64) -> Limit {
    Limit {
        scope,
        unit,
        window_seconds,
        quota,
    }
}

/// So many tokens of the thousand that somebody has in an hour.
pub fn tokens(name: &str, amount: i64) -> Charge {
    let scope = LimitScope::User(name.to_owned());
    Charge {
        counted: scope.to_string(),
        limit: limit(scope, LimitUnit::Tokens, 3600, 1000),
        amount,
    }
}

/// How many tokens of theirs are used.
pub async fn used_by(database: &Database, name: &str, now_ms: i64) -> i64 {
    let counted = LimitScope::User(name.to_owned()).to_string();
    let used = database.used(now_ms).await.unwrap();
    let mut of_them = used
        .iter()
        .filter(|(scope, unit, ..)| *scope == counted && *unit == LimitUnit::Tokens);
    of_them.next().map_or(0, |(_, _, _, used)| *used)
}
