//! The events of a job as they happen, for those who watch.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::http::{StatusCode, header};
use futures::Stream;
use tenon_domain::JobId;
use tenon_store::{Database, DatabaseError, Notice};
use tokio::sync::broadcast;
use tokio::sync::broadcast::error::RecvError;

use super::answer::Answer;
use super::asked::{Asked, Noted};
use super::watches::Watch;
use super::{Caller, Refusal, jobs, view};

/// A comment tells the client, and everything between, that somebody is there.
const KEEP_ALIVE: Duration = Duration::from_secs(15);
/// It is looked this often even when nothing is told: another process may have changed the job.
const LOOK: Duration = Duration::from_secs(1);
/// A key that was taken back opens nothing for longer than this.
const RECOGNISE: Duration = Duration::from_secs(5);
/// A client that wants more comes again with the id of the last event.
const LONGEST: Duration = Duration::from_secs(3600);
const AT_ONCE: u32 = 100;

pub(super) async fn watch(asked: &Asked<'_>) -> Result<Answer, Refusal> {
    let job = jobs::found(asked).await?;
    let after = match asked.header("last-event-id") {
        None => 0,
        Some(text) => text
            .trim()
            .parse::<i64>()
            .map_err(|_| Refusal::bad("`Last-Event-ID` is the number of an event"))?,
    };
    let noted = Noted::read(format!("jobs/{}/events", job.id));
    let permit = asked.permit(&jobs::resource(asked, &job).await?, noted).await?;
    if job.status.state.is_final() && after >= job.last_event {
        // This is what ends the client's wish to connect again.
        return Ok(Answer::nothing(&permit, StatusCode::NO_CONTENT));
    }
    let watch = asked.control.watches.begin(asked.caller.principal.id)?;
    let database = asked.control.database().clone();
    let watching = Watching {
        caller: asked.caller.clone(),
        recognised_at: tokio::time::Instant::now(),
        _watch: watch,
        notices: database.notices(),
        database,
        job: job.id,
        after,
        ready: VecDeque::new(),
        is_over: false,
        begun: tokio::time::Instant::now(),
        silent_since: tokio::time::Instant::now(),
    };
    let answer = Answer::body(&permit, "text/event-stream", Body::from_stream(watching.stream()));
    Ok(answer.with_header(header::CACHE_CONTROL, "no-cache"))
}

struct Watching {
    caller: Caller,
    recognised_at: tokio::time::Instant,
    /// Makes room when the stream ends.
    _watch: Watch,
    database: Database,
    notices: broadcast::Receiver<Notice>,
    job: JobId,
    after: i64,
    ready: VecDeque<String>,
    is_over: bool,
    begun: tokio::time::Instant,
    silent_since: tokio::time::Instant,
}

impl Watching {
    fn stream(self) -> impl Stream<Item = Result<Bytes, Infallible>> + Send {
        futures::stream::unfold(self, |mut watching| async move {
            let text = watching.next().await?;
            Some((Ok(Bytes::from(text)), watching))
        })
    }

    async fn next(&mut self) -> Option<String> {
        loop {
            if !self.is_still_recognised().await {
                return None;
            }
            if let Some(text) = self.ready.pop_front() {
                self.silent_since = tokio::time::Instant::now();
                return Some(text);
            }
            if self.is_over || self.begun.elapsed() >= LONGEST {
                return None;
            }
            match self.look().await {
                Ok(()) if self.ready.is_empty() && !self.is_over => {}
                Ok(()) => continue,
                // A database that does not answer is asked again; the client hears that nothing is lost.
                Err(error) if error.is_temporary() => {}
                Err(_) => return None,
            }
            if self.silent_since.elapsed() >= KEEP_ALIVE {
                self.silent_since = tokio::time::Instant::now();
                return Some(":\n\n".to_owned());
            }
            self.changed().await;
        }
    }

    /// From time to time; a database that does not answer says nothing about a key.
    async fn is_still_recognised(&mut self) -> bool {
        if self.recognised_at.elapsed() < RECOGNISE {
            return true;
        }
        self.recognised_at = tokio::time::Instant::now();
        self.caller.still_holds(&self.database).await.unwrap_or(true)
    }

    async fn look(&mut self) -> Result<(), DatabaseError> {
        // The state is read before the events, so that the last event is never missed.
        let state = self.database.job(self.job).await?.status.state;
        let entries = self.database.job_history(self.job, self.after, AT_ONCE).await?;
        let is_all = entries.len() < AT_ONCE as usize;
        for entry in &entries {
            self.after = entry.sequence;
            let event = view::event(entry);
            let data = serde_json::to_string(&event).unwrap_or_default();
            self.ready.push_back(format!(
                "id: {}\nevent: {}\ndata: {data}\n\n",
                event.sequence, event.event
            ));
        }
        self.is_over = state.is_final() && is_all;
        Ok(())
    }

    /// Ends when something may have changed.
    async fn changed(&mut self) {
        let told = async {
            loop {
                match self.notices.recv().await {
                    Ok(Notice::JobChanged(job)) if job == self.job => return,
                    Ok(_) => {}
                    Err(RecvError::Lagged(_)) => return,
                    Err(RecvError::Closed) => std::future::pending().await,
                }
            }
        };
        let _ = tokio::time::timeout(LOOK, told).await;
    }
}
