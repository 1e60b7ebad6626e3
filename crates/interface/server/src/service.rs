//! What the doors open to: the models, the completer, and how much may be asked at once.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use axum::http::HeaderMap;
use tenon_engine::{Completer, Completion, CompletionRequest};
use tenon_runtime::{CacheScope, Model};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::access::{Access, sent_key};
use crate::control::{self, Account, Control, Told};
use crate::failure::{Category, Failure};

/// A model that is served, by the name that clients ask for.
#[derive(Clone)]
pub struct ServedModel {
    /// The name.
    pub name: String,
    /// The model.
    pub model: Arc<dyn Model>,
}

/// Everything that requests share.
pub struct Service {
    models: Vec<ServedModel>,
    completer: OnceLock<Arc<Completer>>,
    access: Access,
    room: Arc<Semaphore>,
    since: u64,
    shown: Mutex<VecDeque<Shown>>,
    control: Option<Arc<Control>>,
}

/// A suggestion of late, for the day that it is taken.
struct Shown {
    id: String,
    request: CompletionRequest,
    suggestions: Vec<String>,
}

const MOST_SHOWN: usize = 256;
const MOST_SHOWN_BYTES: usize = 16 * 1024 * 1024;

impl Service {
    /// Serves `models`, weakest first; what editors ask for as one types comes from `completer`. At most `room` requests
    /// are answered at once.
    pub fn new(
        models: Vec<ServedModel>,
        completer: Option<Arc<Completer>>,
        access: Access,
        room: usize,
    ) -> Self {
        let since = SystemTime::now().duration_since(UNIX_EPOCH);
        Self {
            models,
            completer: completer.map_or_else(OnceLock::new, OnceLock::from),
            access,
            room: Arc::new(Semaphore::new(room)),
            since: since.map_or(0, |since| since.as_secs()),
            shown: Mutex::default(),
            control: None,
        }
    }

    /// The same with the service's own interface, whose keys are then good for the models, too.
    #[must_use]
    pub fn with_control(mut self, control: Arc<Control>) -> Self {
        self.control = Some(control);
        self
    }

    /// Takes the completer, once it is loaded; nothing is served to editors before.
    pub fn set_completer(&self, completer: Arc<Completer>) {
        // A second one is not needed.
        let _ = self.completer.set(completer);
    }

    pub(crate) fn control(&self) -> Option<&Arc<Control>> {
        self.control.as_ref()
    }

    /// Whose request this is: what one of them had cached, no other sees; and what it spends from, if anybody counts.
    pub(crate) async fn scope(
        &self,
        headers: &HeaderMap,
        path: &str,
        told: Option<&Told>,
    ) -> Result<(CacheScope, Option<Account>), Failure> {
        match &self.control {
            Some(control) if is_ours(headers) || matches!(self.access, Access::Governed) => {
                let (scope, account) = control::admit(control, headers, path, told).await?;
                Ok((scope, Some(account)))
            }
            _ => Ok((self.access.scope(headers)?, None)),
        }
    }

    /// What has to be there before requests may come, and whether it is.
    pub(crate) async fn readiness(&self) -> Vec<(&'static str, bool)> {
        let Some(control) = &self.control else {
            return vec![("models", true)];
        };
        let database = control.database().ping().await.is_ok();
        vec![("database", database), ("models", control.is_ready())]
    }

    pub(crate) fn models(&self) -> &[ServedModel] {
        &self.models
    }

    /// When the service began, in seconds since 1970.
    pub(crate) fn since(&self) -> u64 {
        self.since
    }

    /// The model of that name; without one, the strongest.
    pub(crate) fn chat_model(&self, name: Option<&str>) -> Result<&ServedModel, Failure> {
        self.named(name, self.models.last())
    }

    /// The model of that name; without one, the first that fills in the middle.
    pub(crate) fn fill_model(&self, name: Option<&str>) -> Result<&ServedModel, Failure> {
        let able = |served: &&ServedModel| served.model.descriptor().fills_in_the_middle;
        self.named(name, self.models.iter().find(able).or(self.models.first()))
    }

    fn named<'own>(
        &'own self,
        name: Option<&str>,
        default: Option<&'own ServedModel>,
    ) -> Result<&'own ServedModel, Failure> {
        let found = match name.filter(|name| !name.is_empty()) {
            Some(name) => self.models.iter().find(|served| served.name == name),
            None => default,
        };
        found.ok_or_else(|| {
            let names: Vec<String> = self
                .models
                .iter()
                .map(|served| format!("`{}`", served.name))
                .collect();
            let message = format!(
                "there is no model `{}`; served are {}",
                name.unwrap_or_default(),
                names.join(", ")
            );
            Failure {
                parameter: Some("model"),
                ..Failure::new(Category::UnknownModel, message)
            }
        })
    }

    pub(crate) fn completer(&self) -> Result<&Arc<Completer>, Failure> {
        self.completer.get().ok_or_else(|| {
            let message = "no model that is served fills in the middle; serve one that does, such as qwen2.5-coder-0.5b";
            Failure::new(Category::NotServed, message)
        })
    }

    /// Room for one more request, as long as what comes back is held.
    pub(crate) fn admit(&self) -> Result<OwnedSemaphorePermit, Failure> {
        Arc::clone(&self.room).try_acquire_owned().map_err(|_| Failure {
            retry_after: Some(1),
            ..Failure::new(
                Category::Shed,
                "as many requests as this server takes are being answered; try again",
            )
        })
    }

    /// Keeps what was suggested, with the buffer alone, until too much is kept.
    pub(crate) fn remember(&self, mut request: CompletionRequest, completion: &Completion) {
        if completion.suggestions.is_empty() {
            return;
        }
        request.open_buffers.clear();
        request.recent_edits.clear();
        let mut shown = self.shown.lock().unwrap_or_else(PoisonError::into_inner);
        let mut bytes: usize = shown.iter().map(|shown| shown.request.text.len()).sum();
        while shown.len() >= MOST_SHOWN || bytes > MOST_SHOWN_BYTES {
            let Some(oldest) = shown.pop_front() else { break };
            bytes -= oldest.request.text.len();
        }
        shown.push_back(Shown {
            id: completion.id.clone(),
            request,
            suggestions: completion.suggestions.clone(),
        });
    }

    /// Somebody took suggestion `index` of the answer `id`: what comes after it is prepared.
    pub(crate) fn taken(&self, scope: &CacheScope, id: &str, index: usize) {
        let Some(completer) = self.completer.get() else {
            return;
        };
        let shown = self.shown.lock().unwrap_or_else(PoisonError::into_inner);
        let taken = shown
            .iter()
            .find(|shown| shown.id == id && &shown.request.scope == scope);
        let taken = taken.and_then(|shown| Some((&shown.request, shown.suggestions.get(index)?)));
        if let Some((request, suggestion)) = taken {
            completer.prepare_after(request, suggestion);
        }
    }
}

/// Whether the key is one that the service made, whatever it is good for.
fn is_ours(headers: &HeaderMap) -> bool {
    sent_key(headers).is_some_and(|key| key.starts_with("tenon_"))
}
