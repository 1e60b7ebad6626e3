//! What goes over the wire. Times are RFC 3339 in UTC; durations are seconds.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

fn is_false(truth: &bool) -> bool {
    !truth
}

/// Who asks.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Me {
    /// The principal.
    pub user: User,
    /// The key that was shown.
    pub key: String,
    /// What the key is limited to.
    pub scopes: Vec<String>,
    /// The version of the server.
    pub version: String,
}

/// A job to do.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct JobRequest {
    /// `generate`, `fix`, `test` or `explain`.
    pub task: String,
    /// The name of a registered repository.
    pub repository: String,
    /// What is wanted, in the person's own words; for `test` and `explain` the symbol or file.
    #[serde(default)]
    pub intent: String,
    /// Files that the intent is about, relative to the repository. None: they are located.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub files: Vec<String>,
    /// Commands that must succeed on the changed tree.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tests: Vec<String>,
    /// `fast`, `standard` (the usual) or `high`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quality: Option<String>,
    /// The seed of the samples; 0 when it is not said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seed: Option<u64>,
    /// How long the work may take, in seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_seconds: Option<u32>,
    /// How many samples may be drawn.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_samples: Option<u32>,
    /// The branch, tag or commit of a remote repository to start from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revision: Option<String>,
    /// `critical`, `standard` (the usual) or `sheddable`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub criticality: Option<String>,
    /// When the answer is of no use any more, in seconds from now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deadline_seconds: Option<u32>,
}

/// A job as it stands.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Job {
    /// Its identity.
    pub id: String,
    /// `queued`, `running`, `cancelling`, `succeeded`, `failed` or `cancelled`.
    pub state: String,
    /// The kind of work.
    pub task: String,
    /// The name of the repository.
    pub repository: String,
    /// The identity of whoever asked.
    pub owner: String,
    /// Before whom it goes.
    pub criticality: String,
    /// How many attempts were begun.
    pub attempt: u32,
    /// How many may be.
    pub max_attempts: u32,
    /// When it was submitted.
    pub created_at: String,
    /// When a worker took it first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub started_at: Option<String>,
    /// When it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub finished_at: Option<String>,
    /// When it is too late.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deadline_at: Option<String>,
    /// The proposal that came of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub proposal: Option<String>,
    /// How far that was checked: `unverified`, `parsed`, `built` or `tested`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub level: Option<String>,
    /// Why nothing came of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<Failure>,
}

/// Why nothing came of a job.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Failure {
    /// What kind of failure it was.
    pub category: String,
    /// What went wrong, for people.
    pub message: String,
}

/// Jobs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct JobPage {
    /// Newest first.
    pub jobs: Vec<Job>,
    /// The cursor of the next page, if there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

/// Something that happened to a job, as the events of its stream say it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Event {
    /// Its number in the history of the job, which is the id of the event.
    pub sequence: i64,
    /// When.
    pub at: String,
    /// What: `claimed`, `released`, `lease_expired`, `attempt_failed`, `failed`, `proposed`, `cancel_requested`,
    /// `cancelled`, `deadline_passed`, `retried` or `progress`.
    pub event: String,
    /// What is being done, or what went wrong.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
}

/// One line about a proposal.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ProposalSummary {
    /// Its identity.
    pub id: String,
    /// The job that it answers.
    pub job: String,
    /// The kind of work.
    pub task: String,
    /// The name of the repository.
    pub repository: String,
    /// The identity of whoever asked.
    pub owner: String,
    /// How far it was checked.
    pub level: String,
    /// What was done, in one sentence.
    pub summary: String,
    /// How many files it touches.
    pub files: i64,
    /// When it was made.
    pub created_at: String,
}

/// Proposals.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ProposalPage {
    /// Newest first.
    pub proposals: Vec<ProposalSummary>,
    /// The cursor of the next page, if there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

/// A change with its evidence.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Proposal {
    /// What the list says of it.
    #[serde(flatten)]
    pub about: ProposalSummary,
    /// What is changed.
    pub change: Vec<FileView>,
    /// Prose, when the task was to explain.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub explanation: Option<String>,
    /// What was checked.
    pub checks: Vec<CheckView>,
    /// Who approved it, the first one first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub approvals: Vec<Approval>,
    /// Where it came from: templates, models, seeds and every sample, as `tenon show --json` has it.
    #[schema(value_type = Object)]
    pub provenance: serde_json::Value,
    /// What it cost.
    #[schema(value_type = Object)]
    pub usage: serde_json::Value,
}

/// An approval of a proposal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Approval {
    /// Who approved.
    pub user: String,
    /// When.
    pub at: String,
}

/// A file that a proposal changes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct FileView {
    /// Relative to the repository.
    pub path: String,
    /// `added`, `edited`, `deleted` or `renamed`.
    pub kind: String,
    /// The change as a unified diff.
    pub diff: String,
}

/// A check of a proposal.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct CheckView {
    /// What ran.
    pub check: String,
    /// `passed`, `failed` or `skipped`.
    pub outcome: String,
    /// How long it took, in milliseconds.
    pub duration_ms: u64,
    /// What it saw.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub findings: Vec<String>,
    /// Why it could not run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// What became of a proposal.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct FeedbackRequest {
    /// `accepted`, `edited` or `rejected`.
    pub verdict: String,
    /// Why, in the person's own words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// What was kept in the end: the whole diff. It is compared with the proposal and not stored.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub final_diff: Option<String>,
}

/// A tree that was uploaded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Archive {
    /// The SHA-256 digest of the archive.
    pub digest: String,
    /// How many files it holds.
    pub files: u64,
    /// Their bytes.
    pub bytes: u64,
}

/// A repository to register.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RepositoryRequest {
    /// What requests call it: letters, digits, `-`, `_` and `.`.
    pub name: String,
    /// `path` for a folder on the server, `remote` for an address that the server clones, `archive` for what is uploaded.
    pub kind: String,
    /// The folder, or `https://…` without credentials: Git's own files and helpers on the server know those. Nothing for an
    /// archive.
    #[serde(default)]
    pub location: String,
    /// `normal` (the usual), or `confidential`: then nothing of it is sent to another machine.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub classification: Option<String>,
}

/// A registered repository.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Repository {
    /// What requests call it.
    pub name: String,
    /// `path` or `remote`.
    pub kind: String,
    /// The folder or the address.
    pub location: String,
    /// `normal` or `confidential`.
    pub classification: String,
    /// When it was registered.
    pub created_at: String,
}

/// A prompt template.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Prompt {
    /// `task/name`.
    pub name: String,
    /// The version its author wrote.
    pub version: String,
    /// The digest of its content: the version that counts.
    pub digest: String,
}

/// A model that is served.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Model {
    /// The name to ask for.
    pub name: String,
    /// The digest of its file; none for an upstream.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub digest: Option<String>,
    /// How many tokens it reads and writes at most.
    pub context_length: u32,
    /// Whether it fills in the middle.
    #[serde(default, skip_serializing_if = "is_false")]
    pub fills_in_the_middle: bool,
}

/// A person or a service account to add or to change.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct UserRequest {
    /// The name.
    pub name: String,
    /// `person` (the usual) or `service_account`; it stays what it was made as.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    /// The team.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub team: Option<String>,
    /// `viewer`, `developer`, `reviewer`, `maintainer` or `admin`: the role everywhere.
    pub role: String,
    /// Another role, more or less, in single repositories.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub repositories: BTreeMap<String, String>,
    /// Their keys are refused as long as it is so.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub disabled: bool,
}

/// A person or a service account.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct User {
    /// Its identity.
    pub id: String,
    /// The name.
    pub name: String,
    /// `person` or `service_account`.
    pub kind: String,
    /// The team.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub team: Option<String>,
    /// The role everywhere.
    pub role: String,
    /// Another role in single repositories.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub repositories: BTreeMap<String, String>,
    /// Whether their keys are refused.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub disabled: bool,
}

/// A key to make.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct KeyRequest {
    /// What it is for.
    pub name: String,
    /// Whose it is; one's own, if nobody is named.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// What it is limited to: actions such as `jobs:create`, `repository:NAME`; without any, it may what its owner may.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub scopes: Vec<String>,
    /// How long it holds, in seconds; without it, until it is revoked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_seconds: Option<u64>,
}

/// A key, without its secret.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Key {
    /// The part of it that names it.
    pub id: String,
    /// What it is for.
    pub name: String,
    /// The identity of its owner.
    pub owner: String,
    /// What it is limited to.
    pub scopes: Vec<String>,
    /// When it was made.
    pub created_at: String,
    /// Until when it holds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<String>,
    /// Since when it holds no longer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revoked_at: Option<String>,
}

/// A key that was just made.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct KeyCreated {
    /// The key itself. It is not kept and cannot be shown again.
    pub secret: String,
    /// What is kept of it.
    pub key: Key,
}

/// How much of something may be spent in a window of time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Limit {
    /// `key:ID`, `user:NAME`, `team:NAME`, `repository:NAME`, or `each:user` for each who has none of their own.
    pub scope: String,
    /// `requests`, `tokens`, `cost_micros` (millionths of a dollar) or `concurrency` (open jobs).
    pub unit: String,
    /// The window, in seconds; 0 for `concurrency`.
    pub window_seconds: u32,
    /// How much.
    pub quota: u64,
}

/// A limit and how much of it is used.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct LimitUsage {
    /// The limit.
    pub limit: Limit,
    /// Who used it, where each user has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// How much is used in the window that runs.
    pub used: u64,
}

/// What was spent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SpendingReport {
    /// How many days it covers, today included.
    pub days: u32,
    /// The newest day first.
    pub spending: Vec<Spending>,
}

/// What one user spent on one day, through one door, on one model.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Spending {
    /// The day in UTC, as `2026-11-30`.
    pub day: String,
    /// Who asked.
    pub user: String,
    /// Their team.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub team: Option<String>,
    /// What they asked through: `jobs`, or the path of a protocol.
    pub door: String,
    /// Who answered.
    pub model: String,
    /// How many answers.
    pub answers: u64,
    /// How many of them did not report all of their tokens.
    pub unreported: u64,
    /// Tokens read.
    pub prompt_tokens: u64,
    /// Tokens written.
    pub completion_tokens: u64,
    /// How many answers have no known cost.
    pub unpriced: u64,
    /// What the others cost, in millionths of a US dollar.
    pub cost_micros: u64,
}

/// A webhook to add.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct WebhookRequest {
    /// Where events are sent: `https://…` of a public host, or what `tenon serve --allow-webhook` allows.
    pub url: String,
    /// `job.submitted`, `job.succeeded`, `job.failed` and `job.cancelled`; without any, all of these. `limit.reached`, at 50,
    /// 80 and 100 % of tokens or cost, is sent to those that name it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub events: Vec<String>,
    /// The one repository that it hears of. Without it, every one that is not confidential.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub repository: Option<String>,
}

/// A webhook, without its secret.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Webhook {
    /// Its identity.
    pub id: String,
    /// `webhook`, or `sink` for the one of the server's configuration.
    pub kind: String,
    /// Where events are sent.
    pub url: String,
    /// Which events; none stands for all of them.
    pub events: Vec<String>,
    /// The one repository that it hears of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub repository: Option<String>,
    /// When it was added.
    pub created_at: String,
    /// Since when nothing is sent to it any more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub disabled_at: Option<String>,
    /// Why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub disabled_reason: Option<String>,
    /// How many deliveries failed for good since the last that arrived.
    pub failures: u32,
}

/// A webhook that was just added, or was given a new secret.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct WebhookCreated {
    /// What its messages are signed with: `whsec_…`. It cannot be shown again.
    pub secret: String,
    /// The webhook.
    pub webhook: Webhook,
}

/// An event for one webhook.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Delivery {
    /// Its identity, which the receiver sees as `webhook-id`, the same at every attempt.
    pub id: String,
    /// The identity of the webhook.
    pub webhook: String,
    /// What happened.
    pub event: String,
    /// `pending`, `delivered` or `failed`.
    pub state: String,
    /// How many attempts were begun.
    pub attempt: u32,
    /// When the next one may begin, if there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_at: Option<String>,
    /// The status of the last answer, if there was one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_status: Option<u16>,
    /// What was wrong with the last attempt.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_error: Option<String>,
    /// When it happened.
    pub created_at: String,
    /// When it arrived.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delivered_at: Option<String>,
}

/// Deliveries.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct DeliveryPage {
    /// Newest first.
    pub deliveries: Vec<Delivery>,
    /// The cursor of the next page, if there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

/// Rows of the audit log.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct AuditPage {
    /// Newest first: CloudEvents, each with the digest of the one before and its own.
    #[schema(value_type = Vec<Object>)]
    pub records: Vec<serde_json::Value>,
    /// The cursor of the next page, if there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

/// What verifying the audit log found.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct AuditReport {
    /// Whether nothing was changed, removed or put in another order.
    pub is_whole: bool,
    /// How many rows were read.
    pub records: u64,
    /// The first and the last of them.
    pub first: Option<i64>,
    /// The last.
    pub last: Option<i64>,
    /// Up to where a signature vouches.
    pub signed_through: Option<i64>,
    /// The keys that signed.
    pub keys: Vec<String>,
    /// What is wrong, and where.
    pub problems: Vec<String>,
    /// How many more problems there are than are listed.
    pub unlisted: u64,
}

/// Quality and queue over a window of time.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Signals {
    /// The window, in seconds.
    pub window_seconds: u32,
    /// By task, model and template.
    pub quality: Vec<Quality>,
    /// What waits, by class.
    pub queue: Vec<Queue>,
}

/// What came of the proposals of one task, model and template.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Quality {
    /// The kind of work.
    pub task: String,
    /// The model of the sample that was chosen.
    pub model: String,
    /// The digest of its template.
    pub template: String,
    /// How many proposals.
    pub proposals: i64,
    /// How many of them are tested or built.
    pub verified: i64,
    /// How many of those at the first sample.
    pub verified_at_first_try: i64,
    /// Samples drawn for them.
    pub samples: i64,
    /// Share of the samples that named or imported what does not exist.
    pub invented_name_rate: f64,
    /// Proposals taken as they were.
    pub accepted: i64,
    /// Proposals taken and changed.
    pub edited: i64,
    /// Proposals left.
    pub rejected: i64,
    /// How much was changed, from 0 to 1, on the average of those that say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub edit_distance: Option<f64>,
    /// Tokens that models wrote.
    pub completion_tokens: i64,
}

/// What waits in one class.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Queue {
    /// The class.
    pub criticality: String,
    /// How many jobs.
    pub waiting: i64,
    /// How long the oldest waits, in seconds.
    pub oldest_seconds: f64,
}

macro_rules! lists {
    ($($name:ident $field:ident $of:ident $documentation:literal;)*) => {
        $(
            #[doc = $documentation]
            #[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
            pub struct $name {
                #[doc = $documentation]
                pub $field: Vec<$of>,
            }
        )*
    };
}

lists! {
    Repositories repositories Repository "Every repository that may be seen, by name.";
    Prompts prompts Prompt "Every template, by name.";
    Models models Model "Every model, weakest first.";
    Users users User "Every person and service account, by name.";
    Keys keys Key "Keys, oldest first.";
    Limits limits LimitUsage "Every limit, by scope.";
    Webhooks webhooks Webhook "Every webhook that may be seen, oldest first.";
}
