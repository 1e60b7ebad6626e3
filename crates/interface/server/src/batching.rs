//! Works on batches of requests to models: what `/v1/batches` was asked for, when there is room for it.
//!
//! ```text
//! validating ─▶ in_progress ─▶ finalizing ─▶ completed
//!     │              │    └─ time over ─────▶ expired
//!     └▶ failed      └▶ cancelling ─────────▶ cancelled
//! ```
//!
//! Everything is in the database: a process claims a batch for as long as it is heard of, answers its lines, each as a
//! request of its own with the key of whoever asked, and keeps every answer at once. One that is killed loses the batch to the
//! next, which goes on where it was.

mod reading;
mod writing;

use std::sync::Arc;
use std::time::Duration;

use axum::body::to_bytes;
use axum::response::Response;
use serde_json::Value;
use tenon_jobs::now_ms;
use tenon_store::{BatchLine, ClaimedBatch, Database, ModelBatch, ModelBatchStatus as Status};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, sleep_until};
use tokio_util::sync::CancellationToken;

use crate::access::Admitted;
use crate::dialect::completions::Shape;
use crate::dialect::{Dialect, chat, completions, read, responses};
use crate::failure::{Category, Failure};
use crate::service::Service;
use crate::tally;

/// How batches are worked on.
#[derive(Debug, Clone)]
pub struct BatcherSettings {
    /// How many lines are answered at once, of all batches.
    pub slots: usize,
    /// Another process takes a batch when this one was not heard of for so long.
    pub lease: Duration,
    /// It looks this often for batches that it was not told of.
    pub poll: Duration,
}

impl Default for BatcherSettings {
    fn default() -> Self {
        Self {
            slots: 2,
            lease: Duration::from_secs(30),
            poll: Duration::from_secs(2),
        }
    }
}

/// How many batches take turns in one process.
const BATCHES: usize = 8;
const LINES: u32 = 50;
/// A failure that may pass is tried so often.
const TRIES: u32 = 3;
const PAUSE: Duration = Duration::from_secs(1);
const LARGEST_ANSWER: usize = 16 * 1024 * 1024;

/// Takes batches and answers their lines.
pub struct Batcher {
    service: Arc<Service>,
    database: Database,
    settings: BatcherSettings,
    slots: Arc<Semaphore>,
}

/// What came of a line.
enum Answered {
    /// The status and the body of the answer.
    Answer(u16, String),
    /// It is to be begun again, not before that moment.
    Later(i64),
    /// The process is to stop.
    Not,
}

impl Batcher {
    /// Works on the batches of a service; none when it has no database.
    pub fn new(service: Arc<Service>, settings: BatcherSettings) -> Option<Self> {
        let database = service.control()?.database().clone();
        let slots = Arc::new(Semaphore::new(settings.slots));
        Some(Self {
            service,
            database,
            settings,
            slots,
        })
    }

    /// Works until `stop`; what is being answered then is answered by whoever comes next.
    pub async fn run(self, stop: CancellationToken) {
        let batcher = Arc::new(self);
        let mut working = JoinSet::new();
        while !stop.is_cancelled() {
            // Whose clock is wrong takes others' batches away.
            while working.len() < BATCHES && batcher.database.has_right_clock() {
                let now = now_ms();
                let claimed = batcher
                    .database
                    .claim_model_batch(now + batcher.lease_ms(), now)
                    .await;
                // A database that does not answer is asked again.
                let Ok(Some(claimed)) = claimed else { break };
                working.spawn(Arc::clone(&batcher).work(claimed, stop.clone()));
            }
            tokio::select! {
                () = stop.cancelled() => {}
                () = batcher.service.batch_is_submitted() => {}
                Some(_) = working.join_next() => {}
                () = sleep(batcher.settings.poll) => {}
            }
        }
        while working.join_next().await.is_some() {}
    }

    /// Has a batch go on until it has ended, another has it, or it is time to stop.
    async fn work(self: Arc<Self>, claimed: ClaimedBatch, stop: CancellationToken) {
        let ClaimedBatch { batch, fence } = claimed;
        let id = batch.id.clone();
        let worked = {
            let steps = self.steps(batch, fence, &stop);
            let held = self.hold(&id, fence);
            tokio::select! {
                worked = steps => worked,
                // What would be written from now on is refused anyway.
                () = held => return,
            }
        };
        if worked.is_err() || stop.is_cancelled() {
            // Whoever comes next need not wait; after a failure a moment passes.
            let pause = if stop.is_cancelled() {
                0
            } else {
                self.lease_ms() / 3
            };
            let _ = self.database.hold_model_batch(&id, fence, now_ms() + pause).await;
        }
    }

    /// Says that the batch is being worked on, until another has it.
    async fn hold(&self, id: &str, fence: i64) {
        loop {
            sleep(self.settings.lease / 3).await;
            let until = now_ms() + self.lease_ms();
            if let Ok(None) = self.database.hold_model_batch(id, fence, until).await {
                return;
            }
        }
    }

    async fn steps(
        &self,
        mut batch: ModelBatch,
        fence: i64,
        stop: &CancellationToken,
    ) -> Result<(), Failure> {
        while !stop.is_cancelled() {
            let next = match batch.status {
                Status::Validating => reading::validate(&self.database, &batch, fence).await?,
                Status::InProgress => self.answer(&batch, fence, stop).await?,
                Status::Finalizing | Status::Cancelling => {
                    writing::finalize(&self.database, &batch, fence).await?
                }
                Status::Completed | Status::Failed | Status::Expired | Status::Cancelled => return Ok(()),
            };
            match next {
                Some(next) => batch = next,
                None => return Ok(()),
            }
        }
        Ok(())
    }

    /// Answers lines until none is left, the time is over, or somebody does not want them any more.
    async fn answer(
        &self,
        batch: &ModelBatch,
        fence: i64,
        stop: &CancellationToken,
    ) -> Result<Option<ModelBatch>, Failure> {
        let batch = Arc::new(batch.clone());
        let mut running: JoinSet<(i64, Answered)> = JoinSet::new();
        // Dropping it stops what is being answered.
        let mut next: std::vec::IntoIter<BatchLine> = Vec::new().into_iter();
        let mut after = 0;
        let mut next_look = Instant::now();
        loop {
            if stop.is_cancelled() {
                return Ok(None);
            }
            if next_look <= Instant::now() {
                next_look = Instant::now() + self.settings.poll;
                let until = now_ms() + self.lease_ms();
                match self
                    .database
                    .hold_model_batch(&batch.id, fence, until)
                    .await
                    .map_err(failed)?
                {
                    None => return Ok(None),
                    Some(now) if now.status != Status::InProgress => return Ok(Some(now)),
                    Some(_) => {}
                }
            }
            if batch.expires_at_ms <= now_ms() {
                return self.finalize(&batch.id, fence).await;
            }
            if next.as_slice().is_empty() {
                let lines = self
                    .database
                    .unanswered_lines(&batch.id, after, now_ms(), LINES)
                    .await;
                let lines = lines.map_err(failed)?;
                // What is being answered now comes again in the next round, and not before.
                after = lines.last().map_or(after, |line| line.line);
                next = lines.into_iter();
            }
            if next.as_slice().is_empty() && running.is_empty() {
                match after {
                    0 => {
                        let counts = self.database.line_counts(&batch.id).await.map_err(failed)?;
                        if counts.completed + counts.failed == counts.total {
                            return self.finalize(&batch.id, fence).await;
                        }
                        // The rest waits for its time.
                        sleep_until(next_look.min(Instant::now() + PAUSE)).await;
                    }
                    // A round is over; what was put off is in the next.
                    _ => after = 0,
                }
                continue;
            }
            tokio::select! {
                biased;
                () = stop.cancelled() => return Ok(None),
                Some(answered) = running.join_next() => {
                    if let Ok((line, answered)) = answered
                        && !self.keep(&batch.id, fence, line, answered).await?
                    {
                        return Ok(None);
                    }
                }
                slot = Arc::clone(&self.slots).acquire_owned(), if !next.as_slice().is_empty() => {
                    let (Some(line), Ok(slot)) = (next.next(), slot) else { continue };
                    let (service, batch, stop) = (Arc::clone(&self.service), Arc::clone(&batch), stop.clone());
                    running.spawn(async move {
                        let _slot = slot;
                        let number = line.line;
                        (number, answer_line(&service, &batch, line, &stop).await)
                    });
                }
                () = sleep_until(next_look) => {}
            }
        }
    }

    async fn finalize(&self, id: &str, fence: i64) -> Result<Option<ModelBatch>, Failure> {
        let finalize = |batch: &mut ModelBatch| {
            if batch.status == Status::InProgress {
                batch.reach(Status::Finalizing, now_ms());
            }
        };
        self.database
            .change_model_batch(id, fence, finalize)
            .await
            .map_err(failed)
    }

    /// Keeps what came of a line; whether the batch is still ours.
    async fn keep(&self, id: &str, fence: i64, line: i64, answered: Answered) -> Result<bool, Failure> {
        match answered {
            Answered::Answer(status, body) => {
                let kept = self
                    .database
                    .answer_line(id, fence, line, i64::from(status), &body)
                    .await;
                kept.map_err(failed)
            }
            Answered::Later(at) => {
                let put_off = self.database.postpone_line(id, line, at).await;
                put_off.map(|()| true).map_err(failed)
            }
            Answered::Not => Ok(true),
        }
    }

    fn lease_ms(&self) -> i64 {
        i64::try_from(self.settings.lease.as_millis()).unwrap_or(i64::MAX)
    }
}

fn failed(error: tenon_store::DatabaseError) -> Failure {
    crate::dialect::files::failure(error)
}

/// Answers one line as a request of its own: decided, counted and recorded like any other.
async fn answer_line(
    service: &Arc<Service>,
    batch: &ModelBatch,
    line: BatchLine,
    stop: &CancellationToken,
) -> Answered {
    let mut pause = PAUSE;
    for attempt in 1.. {
        let answered = async {
            let room = loop {
                match service.admit_sheddable() {
                    Some(room) => break room,
                    // Whoever waits for an answer goes first.
                    None => sleep(Duration::from_millis(100)).await,
                }
            };
            let asking = service.asking_again(&batch.owner, batch.key.as_deref(), &batch.endpoint);
            let asker = Admitted::new(asking.await?, room);
            let answering = respond(service, asker, &batch.endpoint, &line.request);
            tally::kept_of_line(service, answering).await
        };
        let answered = tokio::select! {
            answered = answered => answered,
            () = stop.cancelled() => return Answered::Not,
        };
        let failure = match answered {
            Ok(response) => return body(response).await,
            // A limit is no answer: the line waits until there is some left, and keeps nobody else waiting.
            Err(failure) if failure.category == Category::RateLimited => {
                let seconds = failure
                    .retry_after
                    .and_then(|seconds| i64::try_from(seconds).ok());
                let wait_ms = seconds.unwrap_or(60).saturating_mul(1000);
                return Answered::Later(now_ms().saturating_add(wait_ms));
            }
            Err(failure) => failure,
        };
        let may_pass = matches!(
            failure.category,
            Category::Shed | Category::Unavailable | Category::UpstreamBroke | Category::Timeout
        );
        if !may_pass || attempt >= TRIES {
            return body(failure.response(Dialect::OpenAi)).await;
        }
        let asked = failure.retry_after.map_or(Duration::ZERO, Duration::from_secs);
        tokio::select! {
            () = sleep(pause.max(asked)) => pause *= 4,
            () = stop.cancelled() => return Answered::Not,
        }
    }
    Answered::Not
}

async fn respond(
    service: &Arc<Service>,
    asker: Admitted,
    endpoint: &str,
    request: &str,
) -> Result<Response, Failure> {
    let request: Value = read(request.as_bytes())?;
    if request.get("stream").and_then(Value::as_bool) == Some(true) {
        return Err(Failure::bad(
            "stream",
            "nobody reads a stream in a batch; leave `stream` out",
        ));
    }
    let request = request.to_string();
    match endpoint {
        "/v1/chat/completions" => chat::answer(service, asker, read(request.as_bytes())?).await,
        "/v1/responses" => responses::answer(service, asker, read(request.as_bytes())?).await,
        _ => completions::answer(service, asker, read(request.as_bytes())?, Shape::Text).await,
    }
}

async fn body(response: Response) -> Answered {
    let status = response.status().as_u16();
    match to_bytes(response.into_body(), LARGEST_ANSWER).await {
        Ok(bytes) => Answered::Answer(status, String::from_utf8_lossy(&bytes).into_owned()),
        Err(_) => {
            let failure = Failure::new(Category::UpstreamBroke, "the answer broke off, or is too large");
            let body = failure.body(Dialect::OpenAi).to_string();
            Answered::Answer(failure.category.status().as_u16(), body)
        }
    }
}
