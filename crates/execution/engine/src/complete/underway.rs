//! What is being written for a cursor, so that the next key need not begin it anew.

use std::sync::{Arc, Weak};
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::AbortHandle;

use super::anchor::Anchor;
use super::completion::{CompletionRequest, CompletionTrace, Extent, Silence};
use super::place::Place;

/// The runs that somebody waits for, or may yet.
#[derive(Debug, Default)]
pub(super) struct Underway {
    runs: Vec<Run>,
}

#[derive(Debug)]
struct Run {
    anchor: Anchor,
    extent: Extent,
    alternatives: u32,
    /// Ends with the run.
    progress: Weak<watch::Sender<Progress>>,
    task: AbortHandle,
}

/// How far a run is.
#[derive(Debug, Default)]
pub(super) struct Progress {
    /// What the model has written.
    pub text: String,
    /// Set at the end.
    pub outcome: Option<Outcome>,
}

/// How a run ended.
#[derive(Debug, Clone)]
pub(super) struct Outcome {
    pub found: Result<Vec<String>, Silence>,
    pub trace: CompletionTrace,
}

impl Underway {
    /// Keeps a run that has begun. It tells its progress through a channel that it owns.
    pub fn add(
        &mut self,
        request: &CompletionRequest,
        place: &Place<'_>,
        progress: Weak<watch::Sender<Progress>>,
        task: AbortHandle,
    ) {
        self.runs.retain(|run| run.progress.strong_count() > 0);
        self.runs.push(Run {
            anchor: Anchor::new(&request.scope, &request.path, place),
            extent: request.extent,
            alternatives: request.alternatives,
            progress,
            task,
        });
    }

    /// A run whose answer may serve `request`, and what was typed since it began.
    pub fn find<'text>(
        &self,
        request: &CompletionRequest,
        place: &Place<'text>,
    ) -> Option<(&'text str, watch::Receiver<Progress>)> {
        self.runs.iter().rev().find_map(|run| {
            let since = run.anchor.since(&request.scope, &request.path, place)?;
            let is_enough = run.extent == request.extent && run.alternatives >= request.alternatives;
            let progress = run.progress.upgrade().filter(|_| is_enough)?;
            agrees(&progress.borrow().text, since.typed).then(|| (since.typed, progress.subscribe()))
        })
    }

    /// Stops the runs for the person who asks that nobody waits for any more.
    pub fn stop_unwanted(&mut self, request: &CompletionRequest) {
        self.runs.retain(|run| {
            let Some(progress) = run.progress.upgrade() else {
                return false;
            };
            let is_wanted = run.anchor.scope() != &request.scope || !progress.is_closed();
            if !is_wanted {
                run.task.abort();
            }
            is_wanted
        });
    }
}

/// Whether what the model writes may still become what is typed, and more.
pub(super) fn agrees(written: &str, typed: &str) -> bool {
    written.starts_with(typed) || typed.starts_with(written)
}

/// Comes back when nobody has waited for a run for so long.
pub(super) async fn deserted(progress: &Arc<watch::Sender<Progress>>, patience: Duration) {
    loop {
        progress.closed().await;
        tokio::time::sleep(patience).await;
        if progress.is_closed() {
            return;
        }
    }
}
