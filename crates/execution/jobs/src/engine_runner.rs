use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use tenon_domain::{Classification, FailureCategory, IntentError, Outcome, Proposal};
use tenon_engine::{Engine, EngineError, Event, Observer, Redactor, Verification, redact_provenance};
use tenon_runtime::ModelError;
use tenon_store::{Database, Job, RegisteredRepository, RepositoryKind};
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;
use tracing::Span;

use crate::{JobRequest, Progress, RunError, Runner, Sources, Tree};

/// Git ends at once when it is stopped. What else may hold up the reading, such as a file system, is not waited for.
const END_OF_READING: Duration = Duration::from_secs(5);

/// Runs jobs with the engine.
pub struct EngineRunner {
    engine: Engine,
    database: Database,
    sources: Sources,
    redactor: Redactor,
}

impl EngineRunner {
    /// Runs jobs with `engine` on the repositories that `database` knows; what is kept of their prompts went through
    /// `redactor`.
    pub fn new(engine: Engine, database: Database, sources: Sources, redactor: Redactor) -> Self {
        Self {
            engine,
            database,
            sources,
            redactor,
        }
    }

    async fn tree(
        &self,
        registered: RegisteredRepository,
        revision: Option<String>,
        stop: &CancellationToken,
    ) -> Result<Tree, RunError> {
        let (sources, stopping) = (self.sources.clone(), stop.clone());
        let archive = match registered.kind {
            RepositoryKind::Archive => self.database.archive(&registered.name).await,
            RepositoryKind::Path | RepositoryKind::Remote => Ok(None),
        };
        let archive = archive.map_err(|error| RunError::new(FailureCategory::Internal, error.to_string()))?;
        let reading = tokio::task::spawn_blocking(move || match archive {
            Some(archive) => sources.unpacked(&archive, revision.as_deref()),
            None => sources.tree(&registered, revision.as_deref(), &stopping),
        });
        let given_up = async {
            stop.cancelled().await;
            sleep(END_OF_READING).await;
        };
        tokio::select! {
            read = reading => read.map_err(|error| RunError::new(FailureCategory::Internal, error.to_string()))?,
            () = given_up => Err(RunError::new(FailureCategory::Cancelled, "the run was stopped")),
        }
    }

    /// What is confidential is put before models of this machine alone.
    fn engine_for(&self, classification: Classification) -> Result<Engine, RunError> {
        let mut engine = self.engine.clone();
        if classification == Classification::Confidential {
            engine.models.retain(|model| !model.descriptor().remote);
        }
        match engine.models.is_empty() {
            true => Err(RunError::new(
                FailureCategory::ContentPolicy,
                "the repository is confidential, and every model here is on another machine",
            )),
            false => Ok(engine),
        }
    }
}

#[async_trait]
impl Runner for EngineRunner {
    async fn run(
        &self,
        job: &Job,
        request: &str,
        progress: &Progress,
        stop: &CancellationToken,
    ) -> Result<Proposal, RunError> {
        let request: JobRequest = serde_json::from_str(request).map_err(|error| {
            RunError::new(
                FailureCategory::BadRequest,
                format!("cannot read the request: {error}"),
            )
        })?;
        tenon_traces::link(&Span::current(), request.traceparent);
        let registered = self.database.repository(&job.repository).await;
        let registered =
            registered.map_err(|error| RunError::new(FailureCategory::Internal, error.to_string()))?;
        let unknown = || {
            let message = format!("there is no repository `{}` any more", job.repository);
            RunError::new(FailureCategory::NotFound, message)
        };
        let registered = registered.ok_or_else(unknown)?;
        let engine = self.engine_for(registered.classification)?;
        let tree = self.tree(registered, request.revision.clone(), stop).await?;
        let telling = Telling(progress);
        let proposed = engine.propose(
            &tree.repository,
            &request.intent,
            Verification::Full,
            &telling,
            stop,
        );
        let mut proposal = proposed.await.map_err(run_error)?;
        redact_provenance(&mut proposal.provenance, &self.redactor);
        Ok(proposal)
    }
}

/// Turns what the engine tells into lines.
struct Telling<'run>(&'run Progress);

impl Observer for Telling<'_> {
    fn observe(&self, event: Event) {
        let line = match event {
            Event::RepositoryRead { files, symbols } => format!("read {files} files, {symbols} symbols"),
            Event::Located { plan, examples: 0 } => format!("plan: {plan}"),
            Event::Located { plan, examples } => format!("plan: {plan}; examples to satisfy: {examples}"),
            Event::Working { what } => what,
            Event::Sampling {
                model,
                samples,
                attempt,
                ..
            } => format!("attempt {attempt}: {model} writes (samples: {samples})"),
            Event::LeftOut { what } => format!("left out of the prompt: {what}"),
            Event::Checked { attempt, report } if report.outcome != Outcome::Skipped => {
                format!("attempt {attempt}: checked {}", report.check)
            }
            Event::Rejected { attempt, reason } => {
                format!(
                    "attempt {attempt} failed: {}",
                    reason.lines().next().unwrap_or_default()
                )
            }
            Event::Passed { attempt, level } => format!("attempt {attempt} passed: {level}"),
            // Text is not kept: it may be private, and it is in the proposal.
            Event::Text { .. } | Event::Checked { .. } => return,
        };
        self.0.tell(&line);
    }
}

fn run_error(error: EngineError) -> RunError {
    let category = match &error {
        EngineError::Intent(IntentError::Empty | IntentError::TooLong { .. })
        | EngineError::NothingToFix { .. }
        | EngineError::Uneditable { .. } => FailureCategory::BadRequest,
        EngineError::NotFound { .. } => FailureCategory::NotFound,
        EngineError::Refused { .. } => FailureCategory::ContentPolicy,
        EngineError::Model(error) => model_category(error),
        EngineError::Repository { .. }
        | EngineError::Missing { .. }
        | EngineError::Template { .. }
        | EngineError::Sandbox { .. } => FailureCategory::Internal,
        EngineError::Interrupted => FailureCategory::Cancelled,
    };
    RunError::new(category, error.to_string())
}

fn model_category(error: &ModelError) -> FailureCategory {
    match error {
        ModelError::Refused { .. } => FailureCategory::BadRequest,
        ModelError::TooLong { .. } | ModelError::Overlong { .. } => FailureCategory::ContextWindow,
        ModelError::Unavailable { .. } => FailureCategory::Network,
        ModelError::Broken { .. } => FailureCategory::Upstream5xx,
        ModelError::Unauthorised { .. } => FailureCategory::Auth,
        ModelError::Timeout { .. } => FailureCategory::TimeoutTotal,
        ModelError::RateLimited { .. } => FailureCategory::RateLimited,
    }
}

/// A runner that several workers share.
#[async_trait]
impl<R: Runner + ?Sized> Runner for Arc<R> {
    async fn run(
        &self,
        job: &Job,
        request: &str,
        progress: &Progress,
        stop: &CancellationToken,
    ) -> Result<Proposal, RunError> {
        (**self).run(job, request, progress, stop).await
    }

    async fn settled(&self, job: &Job, proposal: Option<&Proposal>) {
        (**self).settled(job, proposal).await;
    }
}
