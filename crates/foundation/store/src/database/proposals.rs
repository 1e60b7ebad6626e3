//! Proposals of jobs: a row for what was asked and answered, rows for the samples behind it, and the text apart from both.

use std::str::FromStr;

use tenon_domain::{AttemptOutcome, Digest, JobId, Level, Outcome, PrincipalId, Proposal, ProposalId, Task};

use super::jobs::{Job, insert_payload};
use super::session::{Row, Session, Value, json, unreadable, values};
use super::{Database, DatabaseError};

/// A proposal without its text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProposalRow {
    /// Its identity.
    pub id: ProposalId,
    /// The job that it answers.
    pub job: JobId,
    /// Who asked.
    pub owner: PrincipalId,
    /// The name of the repository.
    pub repository: String,
    /// The kind of work.
    pub task: Task,
    /// How far it was checked.
    pub level: Level,
    /// What was done, in one sentence.
    pub summary: String,
    /// How many files it touches.
    pub files: i64,
    /// Milliseconds since 1970.
    pub created_at_ms: i64,
}

/// What somebody thought of a proposal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Feedback {
    /// The proposal.
    pub proposal: ProposalId,
    /// Who says so.
    pub principal: PrincipalId,
    /// What they did with it.
    pub verdict: FeedbackVerdict,
    /// Why, in their words.
    pub reason: Option<String>,
    /// How much of it they changed, in thousandths.
    pub edit_distance_permille: Option<i64>,
}

/// What somebody did with a proposal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FeedbackVerdict {
    /// They took it as it was.
    Accepted,
    /// They took it and changed it.
    Edited,
    /// They left it.
    Rejected,
}

impl FeedbackVerdict {
    /// Every verdict.
    pub const ALL: [Self; 3] = [Self::Accepted, Self::Edited, Self::Rejected];

    /// The name in the store and on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Accepted => "accepted",
            Self::Edited => "edited",
            Self::Rejected => "rejected",
        }
    }
}

/// A word that is no verdict.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no verdict: accepted, edited and rejected are")]
pub struct UnknownVerdict(String);

impl FromStr for FeedbackVerdict {
    type Err = UnknownVerdict;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut all = Self::ALL.into_iter();
        all.find(|verdict| verdict.as_str() == text)
            .ok_or_else(|| UnknownVerdict(text.to_owned()))
    }
}

/// What came of the proposals of one task, model and template in a window of time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QualityRow {
    /// The kind of work.
    pub task: Task,
    /// The model of the sample that was chosen, or of the last one.
    pub model: String,
    /// The digest of its template.
    pub template: String,
    /// How many proposals.
    pub proposals: i64,
    /// How many of them hold as far as something can prove it: tested or built.
    pub verified: i64,
    /// How many of those at the first sample.
    pub verified_at_first_try: i64,
    /// How many samples were drawn for them.
    pub attempts: i64,
    /// How many of those named or imported what does not exist.
    pub invented_names: i64,
    /// How many proposals were taken as they were.
    pub accepted: i64,
    /// How many were taken and changed.
    pub edited: i64,
    /// How many were left.
    pub rejected: i64,
    /// How much was changed, on the average of those that say, in thousandths.
    pub edit_distance_permille: Option<i64>,
    /// Tokens that models wrote for them.
    pub completion_tokens: i64,
}

macro_rules! columns {
    () => {
        "id, job, owner, repository, task, level, summary, files, created_at"
    };
}

impl Database {
    /// The proposal of that id, without its text.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn proposal_row(&self, id: ProposalId) -> Result<Option<ProposalRow>, DatabaseError> {
        let mut session = self.read().await?;
        let statement = concat!("SELECT ", columns!(), " FROM proposals WHERE id = $1");
        let row = session.first(statement, values![id.to_string()]).await?;
        row.as_ref().map(proposal_row).transpose()
    }

    /// Proposals, newest first.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn proposal_rows(
        &self,
        owner: Option<PrincipalId>,
        repository: Option<&str>,
        before: Option<ProposalId>,
        limit: u32,
    ) -> Result<Vec<ProposalRow>, DatabaseError> {
        let mut session = self.read().await?;
        let statement = concat!(
            "SELECT ",
            columns!(),
            " FROM proposals WHERE ($1 IS NULL OR owner = $1) AND ($2 IS NULL OR repository = $2) \
             AND ($3 IS NULL OR id < $3) ORDER BY id DESC LIMIT $4"
        );
        let values: Vec<Value> = vec![
            owner.map(|owner| owner.to_string()).into(),
            repository.into(),
            before.map(|before| before.to_string()).into(),
            limit.into(),
        ];
        let rows = session.all(statement, &values).await?;
        rows.iter().map(proposal_row).collect()
    }

    /// A proposal whole; none when its text expired.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn proposal(&self, id: ProposalId) -> Result<Option<Proposal>, DatabaseError> {
        let body = self.payload(&id.to_string()).await?;
        let proposal = body.map(|body| serde_json::from_str(&body));
        proposal.transpose().map_err(|error| unreadable("body", error))
    }

    pub(super) async fn payload(&self, id: &str) -> Result<Option<String>, DatabaseError> {
        let mut session = self.read().await?;
        let row = session
            .first("SELECT body FROM payloads WHERE id = $1", values![id])
            .await?;
        row.map(|row| row.text("body")).transpose()
    }

    /// Removes the texts that are older than `before_ms`. The rows that speak of them stay.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn expire_payloads(&self, before_ms: i64) -> Result<u64, DatabaseError> {
        let mut session = self.write().await?;
        // What an unfinished job asks is needed as long as it is unfinished.
        let removed = session
            .run(
                "DELETE FROM payloads WHERE created_at < $1 \
                 AND id NOT IN (SELECT id FROM jobs WHERE finished_at IS NULL)",
                values![before_ms],
            )
            .await?;
        session.commit().await?;
        Ok(removed)
    }

    /// Keeps what somebody thought, in place of what they thought before.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn give_feedback(&self, feedback: &Feedback, now_ms: i64) -> Result<(), DatabaseError> {
        let mut session = self.write().await?;
        session
            .run(
                "INSERT INTO feedback (proposal, principal, verdict, reason, edit_distance_permille, created_at) \
                 VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (proposal, principal) DO UPDATE SET \
                 verdict = excluded.verdict, reason = excluded.reason, \
                 edit_distance_permille = excluded.edit_distance_permille",
                values![
                    feedback.proposal.to_string(),
                    feedback.principal.to_string(),
                    feedback.verdict.as_str(),
                    feedback.reason.clone(),
                    feedback.edit_distance_permille,
                    now_ms,
                ],
            )
            .await?;
        session.commit().await
    }

    /// What came of the proposals since `since_ms`, by task, model and template.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn quality(&self, since_ms: i64) -> Result<Vec<QualityRow>, DatabaseError> {
        let mut session = self.read().await?;
        let rows = session
            .all(
                "SELECT p.task, COALESCE(a.model, '') AS model, COALESCE(a.template_digest, '') AS template, \
                 COUNT(*) AS proposals, \
                 SUM(CASE WHEN p.level IN ('tested', 'built') THEN 1 ELSE 0 END) AS verified, \
                 SUM(CASE WHEN p.level IN ('tested', 'built') AND p.first_try THEN 1 ELSE 0 END) AS first_try, \
                 CAST(SUM(n.attempts) AS BIGINT) AS attempts, CAST(SUM(n.invented) AS BIGINT) AS invented, \
                 CAST(SUM(f.accepted) AS BIGINT) AS accepted, CAST(SUM(f.edited) AS BIGINT) AS edited, \
                 CAST(SUM(f.rejected) AS BIGINT) AS rejected, \
                 CAST(SUM(f.distance) AS BIGINT) / CAST(SUM(f.distances) AS BIGINT) AS distance, \
                 CAST(SUM(p.completion_tokens) AS BIGINT) AS completion_tokens \
                 FROM proposals p \
                 JOIN (SELECT q.id AS proposal, COUNT(t.position) AS attempts, MAX(t.position) AS last, \
                 MIN(CASE WHEN t.outcome = 'chosen' THEN t.position END) AS chosen, \
                 SUM(CASE WHEN t.failed_check IN ('names', 'dependencies') THEN 1 ELSE 0 END) AS invented \
                 FROM proposals q LEFT JOIN attempts t ON t.proposal = q.id WHERE q.created_at >= $1 GROUP BY q.id) n \
                 ON n.proposal = p.id \
                 LEFT JOIN attempts a ON a.proposal = p.id AND a.position = COALESCE(n.chosen, n.last) \
                 LEFT JOIN (SELECT proposal, \
                 SUM(CASE WHEN verdict = 'accepted' THEN 1 ELSE 0 END) AS accepted, \
                 SUM(CASE WHEN verdict = 'edited' THEN 1 ELSE 0 END) AS edited, \
                 SUM(CASE WHEN verdict = 'rejected' THEN 1 ELSE 0 END) AS rejected, \
                 SUM(edit_distance_permille) AS distance, \
                 NULLIF(COUNT(edit_distance_permille), 0) AS distances \
                 FROM feedback GROUP BY proposal) f ON f.proposal = p.id \
                 WHERE p.created_at >= $1 \
                 GROUP BY p.task, COALESCE(a.model, ''), COALESCE(a.template_digest, '') ORDER BY 1, 2, 3",
                values![since_ms],
            )
            .await?;
        rows.iter().map(quality_row).collect()
    }
}

pub(super) async fn insert_proposal(
    session: &mut Session,
    job: &Job,
    proposal: &Proposal,
    now_ms: i64,
) -> Result<(), DatabaseError> {
    let id = proposal.id.to_string();
    insert_payload(session, &id, &json("body", proposal)?, now_ms).await?;
    let chosen = proposal.provenance.chosen;
    session
        .run(
            "INSERT INTO proposals (id, job, owner, repository, task, level, summary, files, first_try, prompt_tokens, \
             completion_tokens, duration_ms, created_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)",
            values![
                &id,
                job.id.to_string(),
                job.owner.to_string(),
                &job.repository,
                proposal.intent.task.as_str(),
                proposal.level().as_str(),
                &proposal.summary,
                number(proposal.change.files.len()),
                chosen == Some(0),
                whole(proposal.usage.prompt_tokens),
                whole(proposal.usage.completion_tokens),
                (proposal.usage.seconds * 1000.0) as i64,
                now_ms,
            ],
        )
        .await?;
    for (position, attempt) in proposal.provenance.attempts.iter().enumerate() {
        let (outcome, failed_check) = outcome(&attempt.outcome, chosen == Some(position));
        session
            .run(
                "INSERT INTO attempts (proposal, position, model, model_digest, template, template_digest, outcome, \
                 failed_check, prompt_tokens, completion_tokens, duration_ms) \
                 VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)",
                values![
                    &id,
                    number(position),
                    &attempt.model.name,
                    attempt.model.digest.map(|digest: Digest| digest.to_string()),
                    &attempt.template.name,
                    attempt.template.digest.to_string(),
                    outcome,
                    failed_check,
                    attempt.prompt_tokens.map(i64::from),
                    attempt.completion_tokens.map(i64::from),
                    whole(attempt.duration_ms),
                ],
            )
            .await?;
    }
    Ok(())
}

fn outcome(outcome: &AttemptOutcome, is_chosen: bool) -> (&'static str, Option<&'static str>) {
    match outcome {
        _ if is_chosen => ("chosen", None),
        AttemptOutcome::NotExtracted { .. } => ("not_extracted", None),
        AttemptOutcome::Duplicate { .. } => ("duplicate", None),
        AttemptOutcome::Rejected { checks, .. } => {
            let failed = checks.iter().find(|report| report.outcome == Outcome::Failed);
            ("rejected", failed.map(|report| report.kind.as_str()))
        }
        AttemptOutcome::Passed { .. } => ("passed", None),
        AttemptOutcome::ModelFailed { .. } => ("model_failed", None),
    }
}

fn number(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

fn whole(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

fn proposal_row(row: &Row) -> Result<ProposalRow, DatabaseError> {
    Ok(ProposalRow {
        id: row.parsed("id")?,
        job: row.parsed("job")?,
        owner: row.parsed("owner")?,
        repository: row.text("repository")?,
        task: row.parsed("task")?,
        level: row.parsed("level")?,
        summary: row.text("summary")?,
        files: row.integer("files")?,
        created_at_ms: row.integer("created_at")?,
    })
}

fn quality_row(row: &Row) -> Result<QualityRow, DatabaseError> {
    Ok(QualityRow {
        task: row.parsed("task")?,
        model: row.text("model")?,
        template: row.text("template")?,
        proposals: row.integer("proposals")?,
        verified: row.integer("verified")?,
        verified_at_first_try: row.integer("first_try")?,
        attempts: row.integer("attempts")?,
        invented_names: row.integer("invented")?,
        accepted: row.optional_integer("accepted")?.unwrap_or(0),
        edited: row.optional_integer("edited")?.unwrap_or(0),
        rejected: row.optional_integer("rejected")?.unwrap_or(0),
        edit_distance_permille: row.optional_integer("distance")?,
        completion_tokens: row.integer("completion_tokens")?,
    })
}
