use std::sync::Arc;
use std::time::Duration;

use tenon_domain::{FailureCategory, JobEvent, JobId, JobState, Proposal};
use tenon_store::{Database, Held, Job, Notice};
use tokio::sync::broadcast;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, sleep_until, timeout};
use tokio_util::sync::CancellationToken;
use tracing::field::Empty;
use tracing::{Instrument as _, Span, info_span};

use crate::{Progress, RunError, Runner, now_ms};

/// How a worker works.
#[derive(Debug, Clone)]
pub struct WorkerSettings {
    /// Its name in the history of jobs; unique among the workers.
    pub name: String,
    /// How many jobs it runs at once.
    pub slots: usize,
    /// Another takes its jobs when it was not heard of for so long.
    pub lease: Duration,
    /// It looks this often for jobs that it was not told of.
    pub poll: Duration,
    /// What is running when it has to stop may still be finished in this time.
    pub drain: Duration,
    /// What was stopped then may still be given back in this time; after it, another takes it when its lease runs out.
    pub release: Duration,
    /// The first attempt after a failure waits so long, and each further one twice as long.
    pub backoff: Duration,
}

impl WorkerSettings {
    /// The usual settings, for a worker of this name.
    pub fn new(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            slots: 1,
            lease: Duration::from_secs(30),
            poll: Duration::from_secs(1),
            drain: Duration::from_secs(20),
            release: Duration::from_secs(10),
            backoff: Duration::from_secs(2),
        }
    }
}

const LONGEST_BACKOFF: Duration = Duration::from_secs(300);
/// Progress is written this often at most.
const PROGRESS: Duration = Duration::from_millis(250);

/// Takes jobs and runs them.
pub struct Worker {
    database: Database,
    runner: Arc<dyn Runner>,
    settings: WorkerSettings,
}

impl Worker {
    /// A worker; nothing happens before [`Self::run`].
    pub fn new(database: Database, runner: Arc<dyn Runner>, settings: WorkerSettings) -> Self {
        Self {
            database,
            runner,
            settings,
        }
    }

    /// Works until `stop`; then it takes nothing more, finishes what it can in the time to drain, and gives the rest
    /// back. A database that does not answer is waited for.
    pub async fn run(self, stop: CancellationToken) {
        let worker = Arc::new(self);
        let abandon = CancellationToken::new();
        let mut notices = worker.database.notices();
        let mut running = JoinSet::new();
        let mut next_expiry = Instant::now();
        while !stop.is_cancelled() {
            if next_expiry <= Instant::now() {
                if worker.database.has_right_clock() {
                    // What fails here is done by the next round, or by another worker.
                    for job in worker.database.expire_jobs(now_ms()).await.unwrap_or_default() {
                        if job.status.state.is_final() {
                            worker.runner.settled(&job, None).await;
                        }
                    }
                }
                next_expiry = Instant::now() + worker.settings.poll;
            }
            let is_waiting =
                running.len() >= worker.settings.slots || !worker.take(&mut running, &abandon).await;
            if is_waiting {
                tokio::select! {
                    () = stop.cancelled() => {}
                    Some(_) = running.join_next() => {}
                    () = queued(&mut notices) => {}
                    () = sleep_until(next_expiry) => {}
                }
            }
        }
        if timeout(worker.settings.drain, all_done(&mut running))
            .await
            .is_err()
        {
            abandon.cancel();
            // What is left ends with the set.
            let _ = timeout(worker.settings.release, all_done(&mut running)).await;
        }
    }

    /// Takes one job, if there is one, the database answers, and this machine knows what time it is.
    async fn take(self: &Arc<Self>, running: &mut JoinSet<()>, abandon: &CancellationToken) -> bool {
        if !self.database.has_right_clock() {
            return false;
        }
        let now = now_ms();
        let claimed = self
            .database
            .claim_job(&self.settings.name, now + self.lease_ms(), now)
            .await;
        let Ok(Some(job)) = claimed else { return false };
        let worker = Arc::clone(self);
        let abandon = abandon.clone();
        running.spawn(async move { worker.work(job, abandon).await });
        true
    }

    async fn work(self: Arc<Self>, job: Job, abandon: CancellationToken) {
        let span = info_span!(
            "job",
            "otel.name" = format!("job {}", job.task.as_str()),
            "otel.status_code" = Empty,
            "tenon.job.id" = %job.id,
            "tenon.job.task" = job.task.as_str(),
            "tenon.job.attempt" = i64::from(job.status.attempt),
            "tenon.job.outcome" = Empty,
            "error.type" = Empty,
        );
        let progress = Arc::new(Progress::default());
        // Dropping the guard stops the run, however this function ends.
        let stop = CancellationToken::new();
        let _guard = stop.clone().drop_guard();
        let mut run = JoinSet::new();
        let attempt = Arc::clone(&self).attempt(job.clone(), Arc::clone(&progress), stop.clone());
        run.spawn(attempt.instrument(span.clone()));
        let mut changes = self.database.notices();
        let mut next_hold = Instant::now() + self.settings.lease / 3;
        let mut next_lines = Instant::now();
        let mut was_asked = false;
        let mut was_abandoned = false;
        let result = loop {
            tokio::select! {
                biased;
                joined = run.join_next() => break joined,
                () = abandon.cancelled(), if !was_abandoned => {
                    was_abandoned = true;
                    stop.cancel();
                }
                () = sleep_until(next_hold) => {
                    next_hold = Instant::now() + self.settings.lease / 3;
                    match self.database.hold_job(job.id, job.status.fence, now_ms() + self.lease_ms()).await {
                        // While the database does not answer, the work goes on: the fence decides in the end.
                        Ok(Held::Yes) | Err(_) => {}
                        Ok(Held::AskedToStop) => was_asked = true,
                        // What it makes is refused anyway.
                        Ok(Held::No) => return,
                    }
                }
                () = changed(&mut changes, job.id), if !was_asked => was_asked = self.is_to_stop(&job).await,
                lines = later(next_lines, &progress) => {
                    self.tell(&job, lines).await;
                    next_lines = Instant::now() + PROGRESS;
                }
            }
            if was_asked {
                stop.cancel();
            }
        };
        let result = match result {
            Some(Ok(result)) => result,
            // A panic is a bug of ours, and no reason to lose the job.
            _ => Err(RunError::new(
                FailureCategory::Internal,
                "the run broke off; this is a bug in tenon",
            )),
        };
        let (event, proposal) = self.conclude(&job, result, was_asked, was_abandoned);
        tell_outcome(&span, &event);
        drop(span);
        self.tell(&job, progress.take()).await;
        if let Some(settled) = self.settle(&job, &event, proposal.as_ref()).await {
            self.runner.settled(&settled, proposal.as_ref()).await;
        }
    }

    async fn attempt(
        self: Arc<Self>,
        job: Job,
        progress: Arc<Progress>,
        stop: CancellationToken,
    ) -> Result<Proposal, RunError> {
        let request = self.database.job_request(job.id).await;
        let request = request.map_err(|error| RunError::new(FailureCategory::Internal, error.to_string()))?;
        let gone = || {
            RunError::new(
                FailureCategory::NotFound,
                "what the job asks has expired; submit it again",
            )
        };
        let request = request.ok_or_else(gone)?;
        self.runner.run(&job, &request, &progress, &stop).await
    }

    async fn is_to_stop(&self, job: &Job) -> bool {
        let now = self.database.job(job.id).await;
        now.is_ok_and(|now| now.status.state == JobState::Cancelling)
    }

    /// Progress that cannot be written is not worth failing for.
    async fn tell(&self, job: &Job, lines: Vec<String>) {
        for line in lines {
            let _ = self
                .database
                .tell_progress(job.id, job.status.fence, &line, now_ms())
                .await;
        }
    }

    fn conclude(
        &self,
        job: &Job,
        result: Result<Proposal, RunError>,
        was_asked: bool,
        was_abandoned: bool,
    ) -> (JobEvent, Option<Proposal>) {
        match result {
            Ok(proposal) => {
                let event = JobEvent::Proposed {
                    proposal: proposal.id,
                    level: proposal.level(),
                };
                (event, Some(proposal))
            }
            Err(_) if was_asked => (JobEvent::Cancelled, None),
            Err(_) if was_abandoned => (JobEvent::Released, None),
            Err(error) if error.is_temporary() => {
                let event = JobEvent::AttemptFailed {
                    category: error.category,
                    message: error.message,
                    retry_at_ms: now_ms() + self.backoff_ms(job),
                };
                (event, None)
            }
            Err(error) => {
                let event = JobEvent::Failed {
                    category: error.category,
                    message: error.message,
                };
                (event, None)
            }
        }
    }

    /// Writes what came of the job, however long the database takes to answer again; nothing when another has the job.
    async fn settle(&self, job: &Job, event: &JobEvent, proposal: Option<&Proposal>) -> Option<Job> {
        let mut pause = Duration::from_millis(50);
        let give_up = Instant::now() + LONGEST_BACKOFF;
        loop {
            let settled = self
                .database
                .settle_job(job.id, job.status.fence, event, proposal, now_ms())
                .await;
            match settled {
                Ok(job) => return Some(job),
                Err(error) if error.is_temporary() && Instant::now() < give_up => sleep(pause).await,
                Err(_) => return None,
            }
            pause = (pause * 2).min(Duration::from_secs(5));
        }
    }

    fn lease_ms(&self) -> i64 {
        milliseconds(self.settings.lease)
    }

    /// Twice as long with each attempt. The job's own number spreads those that failed together.
    fn backoff_ms(&self, job: &Job) -> i64 {
        let doublings = job.status.attempt.saturating_sub(1).min(16);
        let whole = (self.settings.backoff * 2_u32.pow(doublings)).min(LONGEST_BACKOFF);
        let spread = job.id.to_string().bytes().map(u32::from).sum::<u32>() % 50;
        milliseconds(whole + whole * spread / 100)
    }
}

async fn all_done(running: &mut JoinSet<()>) {
    while running.join_next().await.is_some() {}
}

fn tell_outcome(span: &Span, event: &JobEvent) {
    let outcome = match event {
        JobEvent::Proposed { level, .. } => level.as_str(),
        JobEvent::Cancelled => "cancelled",
        JobEvent::Released => "released",
        JobEvent::AttemptFailed { category, .. } | JobEvent::Failed { category, .. } => {
            span.record("otel.status_code", "ERROR");
            span.record("error.type", category.as_str());
            "failed"
        }
        // These are not what a run comes to.
        JobEvent::Claimed { .. }
        | JobEvent::LeaseExpired
        | JobEvent::CancelRequested
        | JobEvent::DeadlinePassed
        | JobEvent::Retried => return,
    };
    span.record("tenon.job.outcome", outcome);
}

fn milliseconds(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

/// The next lines, not before `then`.
async fn later(then: Instant, progress: &Progress) -> Vec<String> {
    sleep_until(then).await;
    progress.next().await
}

/// Ends when something may have happened to the job.
async fn changed(notices: &mut broadcast::Receiver<Notice>, job: JobId) {
    loop {
        match notices.recv().await {
            Ok(Notice::JobChanged(id)) if id == job => return,
            Ok(_) => {}
            Err(broadcast::error::RecvError::Lagged(_)) => return,
            Err(broadcast::error::RecvError::Closed) => std::future::pending().await,
        }
    }
}

/// Ends when there may be a job to take.
async fn queued(notices: &mut broadcast::Receiver<Notice>) {
    loop {
        match notices.recv().await {
            Ok(Notice::JobChanged(_)) => {}
            Ok(Notice::JobQueued) | Err(broadcast::error::RecvError::Lagged(_)) => return,
            Err(broadcast::error::RecvError::Closed) => std::future::pending().await,
        }
    }
}
