//! An errand: an intent that the engine works on while the editor shows its progress.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use async_trait::async_trait;
use crossbeam_channel::Sender;
use lsp_server::{Message, Request, RequestId};
use serde_json::{Value, json};
use tenon_domain::{Intent, Proposal};
use tenon_engine::{Event, Observer};
use tokio_util::sync::CancellationToken;

/// Works on intents; what it proposes can be found again by its id.
#[async_trait]
pub trait Engineer: Send + Sync {
    /// Works on an intent.
    ///
    /// # Errors
    /// When there is nothing to propose: why, with the mend.
    async fn propose(
        &self,
        intent: &Intent,
        observer: &dyn Observer,
        stop: &CancellationToken,
    ) -> Result<Proposal, String>;
}

/// Tells a client how far an errand is.
pub(crate) struct Progress {
    out: Sender<Message>,
    token: Option<String>,
}

impl Progress {
    /// `shown` says whether the client shows progress at all.
    pub fn begin(out: Sender<Message>, shown: bool, token: &str, title: &str) -> Self {
        let progress = Self {
            out,
            token: shown.then(|| token.to_owned()),
        };
        if shown {
            ask(
                &progress.out,
                "window/workDoneProgress/create",
                json!({ "token": token }),
            );
        }
        progress.tell(json!({ "kind": "begin", "title": title, "cancellable": true }));
        progress
    }

    pub fn end(&self, message: &str) {
        self.tell(json!({ "kind": "end", "message": message }));
    }

    fn tell(&self, value: Value) {
        if let Some(token) = &self.token {
            // Progress that nobody reads is dropped.
            let parameters = json!({ "token": token, "value": value });
            let notification = lsp_server::Notification::new("$/progress".to_owned(), parameters);
            let _ = self.out.try_send(Message::Notification(notification));
        }
    }
}

impl Observer for Progress {
    fn observe(&self, event: Event) {
        let message = match event {
            Event::Located { plan, .. } => plan,
            Event::Working { what } => what,
            Event::Sampling { model, attempt, .. } => format!("attempt {attempt}: {model} writes"),
            Event::Rejected { attempt, reason } => format!("attempt {attempt}: {reason}"),
            Event::Passed { attempt, level } => format!("attempt {attempt}: {level}"),
            Event::RepositoryRead { .. }
            | Event::Text { .. }
            | Event::LeftOut { .. }
            | Event::Checked { .. } => return,
        };
        self.tell(json!({ "kind": "report", "message": message }));
    }
}

/// Asks the client for something; what it answers is not waited for.
pub(crate) fn ask(out: &Sender<Message>, method: &str, parameters: Value) {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    let id = RequestId::from(format!("tenon-{}", NEXT.fetch_add(1, Ordering::Relaxed)));
    let request = Request::new(id, method.to_owned(), parameters);
    let _ = out.send(Message::Request(request));
}

/// What a folder that is open is served with.
#[derive(Clone)]
pub struct Workplace {
    /// Suggests what comes next.
    pub completer: Arc<tenon_engine::Completer>,
    /// Does what takes longer; without it, no actions are offered.
    pub engineer: Option<Arc<dyn Engineer>>,
}
