//! One client from `initialize` to `exit`.

mod completing;
mod errands;

use std::collections::{HashMap, VecDeque};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crossbeam_channel::Sender;
use gen_lsp_types::{
    DidChangeTextDocumentParams, DidCloseTextDocumentParams, DidOpenTextDocumentParams, InitializeParams, Uri,
};
use lsp_server::{Connection, ErrorCode, Message, Notification, Request, RequestId, Response};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use tenon_domain::RepoPath;
use tokio::runtime::Handle;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use completing::{Pending, Shown};
use errands::shown_item;

use crate::capabilities::{abilities, capabilities, encoding, shows_progress};
use crate::delivery::ERROR;
use crate::document::{Document, Encoding};
use crate::edit::EditAbilities;
use crate::errand::Workplace;
use crate::message::{Options, SuggestionReport};
use crate::transport;

/// Why a session ended badly.
#[derive(Debug, thiserror::Error)]
#[error("the editor broke off: {0}")]
pub struct ServeError(String);

/// Opens the folder that the editor has open: blocks while it reads it. Called again when files were saved, so that
/// the completer knows what is new; what it was given first is handed back to it then.
pub type Open = dyn Fn(&Path, Option<Workplace>) -> Result<Workplace, String> + Send + Sync;

/// Hears what became of suggestions; must not block.
pub type Tell = dyn Fn(&SuggestionReport) + Send + Sync;

/// Serves one client until it says `exit`. Blocks; the work is done on `runtime`. What becomes of suggestions is told to
/// the client, and to `tell` besides.
///
/// # Errors
/// When the client breaks off or does not speak the protocol.
pub fn serve(
    connection: Connection,
    runtime: &Handle,
    open: Arc<Open>,
    tell: Option<Arc<Tell>>,
) -> Result<(), ServeError> {
    let broke = |error: &dyn std::fmt::Display| ServeError(error.to_string());
    let (id, parameters) = connection.initialize_start().map_err(|error| broke(&error))?;
    let parameters: InitializeParams = serde_json::from_value(parameters).map_err(|error| broke(&error))?;
    let encoding = encoding(&parameters);
    let initialized = json!({
        "capabilities": capabilities(&parameters, encoding),
        "serverInfo": { "name": "tenon", "version": env!("CARGO_PKG_VERSION") },
    });
    connection
        .initialize_finish(id, initialized)
        .map_err(|error| broke(&error))?;
    let (ready, opened) = watch::channel(None);
    let mut session = Session {
        root: root(&parameters),
        encoding,
        options: options(parameters.initialization_options),
        documents: Arc::default(),
        errands: Arc::default(),
        abilities: abilities(&parameters.capabilities),
        shows_progress: shows_progress(&parameters.capabilities),
        clock: 0,
        runtime: runtime.clone(),
        open,
        ready: Arc::new(ready),
        opened,
        out: outbox(connection.sender.clone()),
        pending: Arc::default(),
        leaving: Vec::new(),
        dropped: 0,
        shown: Arc::default(),
        tell,
    };
    session.open_folder();
    for message in &connection.receiver {
        match message {
            Message::Request(request) => {
                if connection
                    .handle_shutdown(&request)
                    .map_err(|error| broke(&error))?
                {
                    break;
                }
                session.request(request);
            }
            Message::Notification(notification) => session.notification(notification),
            Message::Response(_) => {}
        }
    }
    for (_, pending) in lock(&session.pending).drain() {
        pending.task.abort();
    }
    for stop in lock(&session.errands).values() {
        stop.cancel();
    }
    Ok(())
}

/// [`serve`] over standard input and output.
///
/// # Errors
/// When the client breaks off or does not speak the protocol.
pub fn serve_stdio(runtime: &Handle, open: Arc<Open>, tell: Option<Arc<Tell>>) -> Result<(), ServeError> {
    let (connection, threads) = transport::stdio();
    let served = serve(connection, runtime, open, tell);
    if let Some(said) = threads.failure() {
        return Err(ServeError(said.clone()));
    }
    served?;
    threads.join().map_err(|error| ServeError(error.to_string()))
}

type Opened = Option<Result<Workplace, String>>;

struct Session {
    root: PathBuf,
    encoding: Encoding,
    options: Options,
    documents: Arc<Mutex<HashMap<Uri, Document>>>,
    /// What runs, by its progress token.
    errands: Arc<Mutex<HashMap<String, CancellationToken>>>,
    abilities: EditAbilities,
    shows_progress: bool,
    clock: u64,
    runtime: Handle,
    open: Arc<Open>,
    ready: Arc<watch::Sender<Opened>>,
    opened: watch::Receiver<Opened>,
    out: Sender<Message>,
    pending: Arc<Mutex<HashMap<RequestId, Pending>>>,
    /// Requests that were cancelled: the next one begins when they have let go of what they waited for.
    leaving: Vec<JoinHandle<()>>,
    /// How many requests were dropped because too many waited.
    dropped: u64,
    shown: Arc<Mutex<VecDeque<Shown>>>,
    tell: Option<Arc<Tell>>,
}

impl Session {
    /// Reads the folder in the background; what is asked meanwhile waits for it.
    fn open_folder(&self) {
        let open = Arc::clone(&self.open);
        let ready = Arc::clone(&self.ready);
        let root = self.root.clone();
        let out = self.out.clone();
        self.runtime.spawn_blocking(move || {
            let before = ready.borrow().clone().and_then(Result::ok);
            let is_first = before.is_none();
            let opened = open(&root, before);
            if let Err(said) = &opened {
                let method = if is_first {
                    "window/showMessage"
                } else {
                    "window/logMessage"
                };
                let message = format!("Tenon: {said}");
                notify(&out, method, json!({ "type": ERROR, "message": message }));
            }
            // What was opened before still serves.
            if is_first || opened.is_ok() {
                ready.send_replace(Some(opened));
            }
        });
    }

    fn notification(&mut self, notification: Notification) {
        let method = notification.method.as_str();
        match method {
            "textDocument/didOpen" => {
                if let Some(opened) = read::<DidOpenTextDocumentParams>(notification.params) {
                    let item = opened.text_document;
                    let (path, is_inside) = self.path_of(&item.uri);
                    let document = Document {
                        path,
                        is_inside,
                        text: item.text,
                        version: item.version,
                        seen: self.tick(),
                        edited: None,
                    };
                    lock(&self.documents).insert(item.uri, document);
                }
            }
            "textDocument/didChange" => {
                if let Some(changed) = read::<DidChangeTextDocumentParams>(notification.params) {
                    self.change(changed);
                }
            }
            "textDocument/didClose" => {
                if let Some(closed) = read::<DidCloseTextDocumentParams>(notification.params) {
                    lock(&self.documents).remove(&closed.text_document.uri);
                    self.supersede(&closed.text_document.uri);
                    self.follow(&closed.text_document.uri, None);
                }
            }
            "textDocument/didSave" => self.open_folder(),
            "textDocument/didPartiallyAcceptCompletion" => {
                let item = notification.params.pointer("/item/command/arguments");
                let length = notification.params.get("acceptedLength").and_then(Value::as_u64);
                if let Some((id, index)) = item.and_then(shown_item) {
                    let characters = length.and_then(|length| usize::try_from(length).ok());
                    self.taken_partly(id, index, characters.unwrap_or_default());
                }
            }
            "window/workDoneProgress/cancel" => {
                let token = notification.params.get("token").and_then(Value::as_str);
                if let Some(stop) = token.and_then(|token| lock(&self.errands).get(token).cloned()) {
                    stop.cancel();
                }
            }
            "$/cancelRequest" => {
                if let Some(id) = notification.params.get("id").and_then(request_id) {
                    self.cancel(&id, ErrorCode::RequestCanceled, "cancelled by the client");
                }
            }
            _ => {}
        }
    }

    fn change(&mut self, changed: DidChangeTextDocumentParams) {
        let uri = changed.text_document.text_document_identifier.uri;
        let encoding = self.encoding;
        let seen = self.tick();
        let mut documents = lock(&self.documents);
        let Some(document) = documents.get_mut(&uri) else {
            return;
        };
        document.version = changed.text_document.version;
        document.seen = seen;
        if document.apply(changed.content_changes, encoding).is_ok() {
            self.follow(&uri, Some(&document.text));
        } else {
            // Suggestions for a text that nobody has would be noise.
            documents.remove(&uri);
            let message = format!("Tenon: a change does not fit {uri}; close the file and open it again");
            notify(
                &self.out,
                "window/logMessage",
                json!({ "type": ERROR, "message": message }),
            );
        }
    }

    fn request(&mut self, request: Request) {
        let id = request.id.clone();
        let started = match request.method.as_str() {
            "textDocument/inlineCompletion" => self.inline(request),
            "textDocument/completion" => self.listed(request),
            "textDocument/codeAction" => self.offer(request),
            "workspace/executeCommand" => self.command(request),
            method => Err((ErrorCode::MethodNotFound, format!("`{method}` is not served"))),
        };
        if let Err((code, message)) = started {
            let _ = self.out.send(Response::new_err(id, code as i32, message).into());
        }
    }

    /// The file, and whether it is in the folder that is open.
    fn path_of(&self, uri: &Uri) -> (RepoPath, bool) {
        let file = uri.to_file_path().ok();
        let below = file
            .as_deref()
            .and_then(|file| file.strip_prefix(&self.root).ok())
            .and_then(|below| RepoPath::parse(&below.to_string_lossy()).ok());
        // A buffer without a file, or from elsewhere: its name tells the language.
        let name = uri.path().rsplit('/').next().unwrap_or_default();
        let named = || RepoPath::parse(name).or_else(|_| RepoPath::parse("untitled"));
        match below {
            Some(below) => (below, true),
            None => (
                named().unwrap_or_else(|_| unreachable!("`untitled` is a path")),
                false,
            ),
        }
    }

    fn tick(&mut self) -> u64 {
        self.clock += 1;
        self.clock
    }
}
/// What is sent, in order, to a client that may be slow to read: a task never waits for it unless very much is unread.
fn outbox(client: Sender<Message>) -> Sender<Message> {
    let (out, messages) = crossbeam_channel::bounded(1024);
    std::thread::spawn(move || {
        for message in messages {
            if client.send(message).is_err() {
                break;
            }
        }
    });
    out
}

#[expect(deprecated, reason = "older clients say no more than `rootUri`")]
fn root(parameters: &InitializeParams) -> PathBuf {
    let folders = &parameters.workspace_folders_initialize_params.workspace_folders;
    let folder = json!(folders)
        .get(0)
        .and_then(|folder| Some(folder.get("uri")?.as_str()?.to_owned()));
    let folder = folder.and_then(|uri| uri.parse::<Uri>().ok());
    let uri = folder.or_else(|| parameters.root_uri.clone());
    let path = uri.and_then(|uri| uri.to_file_path().ok());
    let here = || std::path::absolute(".").unwrap_or_default();
    path.unwrap_or_else(here)
}

fn options(given: Option<Value>) -> Options {
    let given = given.and_then(|given| serde_json::from_value::<Options>(given).ok());
    given.unwrap_or_default().bounded()
}

fn request_id(id: &Value) -> Option<RequestId> {
    serde_json::from_value(id.clone()).ok()
}

fn parameters<T: DeserializeOwned>(given: Value) -> Result<T, (ErrorCode, String)> {
    serde_json::from_value(given).map_err(|error| (ErrorCode::InvalidParams, error.to_string()))
}

fn read<T: DeserializeOwned>(given: Value) -> Option<T> {
    serde_json::from_value(given).ok()
}

fn notify(out: &Sender<Message>, method: &str, parameters: Value) {
    let notification = Notification::new(method.to_owned(), parameters);
    let _ = out.send(Message::Notification(notification));
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
