//! One client from `initialize` to `exit`.

use std::collections::{HashMap, VecDeque};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crossbeam_channel::Sender;
use gen_lsp_types::{
    CodeActionParams, CompletionParams, CompletionTriggerKind, DidChangeTextDocumentParams,
    DidCloseTextDocumentParams, DidOpenTextDocumentParams, ExecuteCommandParams, InitializeParams,
    InlineCompletionParams, InlineCompletionTriggerKind, Position, Uri,
};
use lsp_server::{Connection, ErrorCode, Message, Notification, Request, RequestId, Response};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use tenon_domain::RepoPath;
use tenon_engine::{Buffer, Completer, Completion, CompletionRequest, Extent, Silence};
use tenon_runtime::CacheScope;
use tokio::runtime::Handle;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::action::{Errand, actions};
use crate::capabilities::{abilities, capabilities, encoding, shows_progress};
use crate::delivery::{Delivery, ERROR};
use crate::document::{Document, Encoding, offset};
use crate::edit::EditAbilities;
use crate::errand::{Progress, Workplace};
use crate::item::{Shape, result};
use crate::message::{CompletionReport, Options, REPORT_METHOD, RUN_COMMAND, TAKEN_COMMAND};

/// Why a session ended badly.
#[derive(Debug, thiserror::Error)]
#[error("the editor broke off: {0}")]
pub struct ServeError(String);

/// Opens the folder that the editor has open: blocks while it reads it. Called again when files were saved, so that
/// the completer knows what is new; what it was given first is handed back to it then.
pub type Open = dyn Fn(&Path, Option<Workplace>) -> Result<Workplace, String> + Send + Sync;

/// Serves one client until it says `exit`. Blocks; the work is done on `runtime`.
///
/// # Errors
/// When the client breaks off or does not speak the protocol.
pub fn serve(connection: Connection, runtime: &Handle, open: Arc<Open>) -> Result<(), ServeError> {
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
        shown: Arc::default(),
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
pub fn serve_stdio(runtime: &Handle, open: Arc<Open>) -> Result<(), ServeError> {
    let (connection, threads) = Connection::stdio();
    serve(connection, runtime, open)?;
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
    shown: Arc<Mutex<VecDeque<Shown>>>,
}

struct Pending {
    document: Uri,
    task: JoinHandle<()>,
}

/// What was suggested of late, for the day that it is taken.
struct Shown {
    id: String,
    request: CompletionRequest,
    suggestions: Vec<String>,
}

const MOST_SHOWN: usize = 16;
/// Buffers and edits beside the one that is completed.
const MOST_NEIGHBOURS: usize = 5;

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
                }
            }
            "textDocument/didSave" => self.open_folder(),
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
        if document.apply(changed.content_changes, encoding).is_err() {
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

    fn inline(&mut self, request: Request) -> Result<(), (ErrorCode, String)> {
        let parameters: InlineCompletionParams = parameters(request.params)?;
        let invoked = parameters.context.trigger_kind == InlineCompletionTriggerKind::Invoked;
        let selected = parameters.context.selected_completion_info;
        let at = parameters.text_document_position_params;
        let selected = selected.map(|selected| (selected.range, selected.text));
        self.start(
            request.id,
            &at.text_document.uri,
            at.position,
            invoked,
            Shape::Inline { selected },
        )
    }

    fn listed(&mut self, request: Request) -> Result<(), (ErrorCode, String)> {
        let parameters: CompletionParams = parameters(request.params)?;
        let kind = parameters.context.map(|context| context.trigger_kind);
        let invoked = kind == Some(CompletionTriggerKind::Invoked);
        let at = parameters.text_document_position_params;
        self.start(
            request.id,
            &at.text_document.uri,
            at.position,
            invoked,
            Shape::Listed,
        )
    }

    fn start(
        &mut self,
        id: RequestId,
        uri: &Uri,
        at: Position,
        invoked: bool,
        shape: Shape,
    ) -> Result<(), (ErrorCode, String)> {
        self.supersede(uri);
        let request = self.completion_request(uri, at, invoked, &shape)?;
        let encoding = self.encoding;
        let mut opened = self.opened.clone();
        let pending = Arc::clone(&self.pending);
        let shown = Arc::clone(&self.shown);
        let out = self.out.clone();
        let key = id.clone();
        let leaving = std::mem::take(&mut self.leaving);
        // The entry is made before the task can end.
        let mut entries = lock(&self.pending);
        let task = self.runtime.spawn(async move {
            let begun = Instant::now();
            for task in leaving {
                // It was cancelled, which is no error.
                let _ = task.await;
            }
            let (completer, completion) = answer(&mut opened, &request).await;
            if lock(&pending).remove(&id).is_none() {
                return;
            }
            let report = report(&completion, begun);
            let items = result(
                &shape,
                &completion.id,
                &completion.suggestions,
                &request.text,
                request.cursor,
                encoding,
            );
            if completer.is_some() && !completion.suggestions.is_empty() {
                let mut shown = lock(&shown);
                if shown.len() == MOST_SHOWN {
                    shown.pop_front();
                }
                shown.push_back(Shown {
                    id: completion.id,
                    request,
                    suggestions: completion.suggestions,
                });
            }
            let _ = out.send(Response::new_ok(id, items).into());
            notify(&out, REPORT_METHOD, json!(report));
        });
        let entry = Pending {
            document: uri.clone(),
            task,
        };
        entries.insert(key, entry);
        Ok(())
    }

    fn completion_request(
        &mut self,
        uri: &Uri,
        at: Position,
        invoked: bool,
        shape: &Shape,
    ) -> Result<CompletionRequest, (ErrorCode, String)> {
        let seen = self.tick();
        let encoding = self.encoding;
        let wrong = |message: &str| (ErrorCode::InvalidParams, message.to_owned());
        let documents = Arc::clone(&self.documents);
        let mut documents = lock(&documents);
        let document = documents
            .get_mut(uri)
            .ok_or_else(|| wrong("the file is not open"))?;
        document.seen = seen;
        let nowhere = || wrong("the position is not in the file");
        let mut text = document.text.clone();
        let mut cursor = document.offset(at, encoding).ok_or_else(nowhere)?;
        let path = document.path.clone();
        if let Shape::Inline {
            selected: Some((range, selected)),
        } = shape
        {
            // What is highlighted counts as written.
            let start = offset(&text, range.start, encoding).ok_or_else(nowhere)?;
            let end = offset(&text, range.end, encoding).ok_or_else(nowhere)?;
            if start > end {
                return Err(nowhere());
            }
            text.replace_range(start..end, selected);
            cursor = start + selected.len();
        }
        let mut others: Vec<&Document> = documents
            .iter()
            .filter(|(other, _)| *other != uri)
            .map(|(_, document)| document)
            .collect();
        others.sort_by_key(|document| std::cmp::Reverse(document.seen));
        others.truncate(MOST_NEIGHBOURS);
        let buffer = |document: &Document, text: &str| Buffer {
            path: document.path.clone(),
            text: text.to_owned(),
        };
        let deadline = match invoked {
            true => self.options.invoked_deadline,
            false => self.options.automatic_deadline,
        };
        Ok(CompletionRequest {
            path,
            text,
            cursor,
            is_excerpt: false,
            extent: Extent::Natural,
            alternatives: if invoked { self.options.alternatives } else { 1 },
            deadline: Duration::from_millis(deadline),
            open_buffers: others.iter().map(|other| buffer(other, &other.text)).collect(),
            recent_edits: others
                .iter()
                .filter_map(|other| Some(buffer(other, other.edited.as_deref()?)))
                .collect(),
            scope: CacheScope::local(),
        })
    }

    /// What can be done at a place.
    fn offer(&self, request: Request) -> Result<(), (ErrorCode, String)> {
        let parameters: CodeActionParams = parameters(request.params)?;
        let diagnostics: Vec<Value> = parameters
            .context
            .diagnostics
            .iter()
            .map(|diagnostic| json!(diagnostic))
            .collect();
        let documents = lock(&self.documents);
        let document = documents
            .get(&parameters.text_document.uri)
            .filter(|document| document.is_inside);
        let offered = document.and_then(|document| {
            let offset = document.offset(parameters.range.start, self.encoding)?;
            Some(actions(&document.path, &document.text, offset, &diagnostics))
        });
        let has_engineer =
            matches!(&*self.opened.borrow(), Some(Ok(workplace)) if workplace.engineer.is_some());
        let offered = offered.filter(|_| has_engineer).unwrap_or_default();
        let _ = self.out.send(Response::new_ok(request.id, json!(offered)).into());
        Ok(())
    }

    /// Begins an errand. Its outcome is told by messages; what changes is applied by the editor.
    fn run(&mut self, errand: &Errand) -> Result<(), (ErrorCode, String)> {
        let refused = |message: &str| (ErrorCode::RequestFailed, message.to_owned());
        let opened = self.opened.borrow().clone();
        let engineer = match opened {
            Some(Ok(workplace)) => workplace.engineer,
            Some(Err(said)) => return Err(refused(&said)),
            None => return Err(refused("the folder is still being read; try again in a moment")),
        };
        let engineer = engineer.ok_or_else(|| refused("errands are not done here"))?;
        if !lock(&self.errands).is_empty() {
            return Err(refused(
                "another errand is still running; cancel it or wait for it",
            ));
        }
        let saved = std::fs::read_to_string(self.root.join(errand.path.as_str()));
        let is_saved = |document: &Document| saved.as_ref().is_ok_and(|saved| saved == &document.text);
        if lock(&self.documents)
            .values()
            .any(|document| document.is_inside && document.path == errand.path && !is_saved(document))
        {
            return Err(refused(&format!(
                "save {} first: Tenon works on files as they are on disk",
                errand.path
            )));
        }
        let token = format!("tenon-errand-{}", self.tick());
        let stop = CancellationToken::new();
        lock(&self.errands).insert(token.clone(), stop.clone());
        let intent = errand.intent();
        let title = format!("Tenon: {}", intent.text);
        let delivery = Delivery {
            root: self.root.clone(),
            documents: Arc::clone(&self.documents),
            encoding: self.encoding,
            abilities: self.abilities,
            out: self.out.clone(),
        };
        let errands = Arc::clone(&self.errands);
        let shows_progress = self.shows_progress;
        self.runtime.spawn(async move {
            let progress = Progress::begin(delivery.out.clone(), shows_progress, &token, &title);
            let proposed = engineer.propose(&intent, &progress, &stop).await;
            lock(&errands).remove(&token);
            let (kind, message) = match proposed {
                Ok(proposal) => delivery.deliver(&proposal),
                Err(reason) => (ERROR, reason),
            };
            progress.end(&message);
            notify(
                &delivery.out,
                "window/showMessage",
                json!({ "type": kind, "message": format!("Tenon: {message}") }),
            );
        });
        Ok(())
    }

    /// `tenon.taken`: what comes next is prepared. `tenon.run`: an errand begins.
    fn command(&mut self, request: Request) -> Result<(), (ErrorCode, String)> {
        let parameters: ExecuteCommandParams = parameters(request.params)?;
        if parameters.command == RUN_COMMAND {
            let errand = parameters
                .arguments
                .and_then(|arguments| arguments.into_iter().next());
            let errand = errand.and_then(|errand| serde_json::from_value::<Errand>(errand).ok());
            let errand = errand.ok_or((
                ErrorCode::InvalidParams,
                "the command carries no errand".to_owned(),
            ))?;
            self.run(&errand)?;
            let _ = self.out.send(Response::new_ok(request.id, Value::Null).into());
            return Ok(());
        }
        if parameters.command != TAKEN_COMMAND {
            let message = format!("there is no command `{}`", parameters.command);
            return Err((ErrorCode::InvalidParams, message));
        }
        let arguments = parameters.arguments.unwrap_or_default();
        let taken = arguments.first().and_then(Value::as_str);
        let index = arguments
            .get(1)
            .and_then(Value::as_u64)
            .and_then(|index| usize::try_from(index).ok());
        if let (Some(id), Some(index)) = (taken, index) {
            let shown = lock(&self.shown);
            let suggestion = shown
                .iter()
                .find(|shown| shown.id == id)
                .and_then(|shown| Some((&shown.request, shown.suggestions.get(index)?)));
            let opened = self.opened.borrow().clone();
            if let (Some((asked, suggestion)), Some(Ok(workplace))) = (suggestion, opened) {
                let _inside = self.runtime.enter();
                workplace.completer.prepare_after(asked, suggestion);
            }
        }
        let _ = self.out.send(Response::new_ok(request.id, Value::Null).into());
        Ok(())
    }

    /// Whoever asks again for the same file no longer waits for the first answer.
    fn supersede(&mut self, uri: &Uri) {
        let pending = lock(&self.pending);
        let older = pending.iter().filter(|(_, pending)| &pending.document == uri);
        let older: Vec<RequestId> = older.map(|(id, _)| id.clone()).collect();
        drop(pending);
        for id in older {
            self.cancel(&id, ErrorCode::ContentModified, "asked again meanwhile");
        }
    }

    fn cancel(&mut self, id: &RequestId, code: ErrorCode, message: &str) {
        let pending = lock(&self.pending).remove(id);
        if let Some(pending) = pending {
            pending.task.abort();
            self.leaving.retain(|task| !task.is_finished());
            self.leaving.push(pending.task);
            let response = Response::new_err(id.clone(), code as i32, message.to_owned());
            let _ = self.out.send(response.into());
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

/// Waits for the folder to be read, no longer than the request may take, and completes.
async fn answer(
    opened: &mut watch::Receiver<Opened>,
    request: &CompletionRequest,
) -> (Option<Arc<Completer>>, Completion) {
    let silent = |reason: Silence| Completion {
        id: String::new(),
        suggestions: Vec::new(),
        silence: Some(reason),
        trace: tenon_engine::CompletionTrace::default(),
    };
    let opened = async { opened.wait_for(Option::is_some).await.ok()?.clone() };
    let Ok(opened) = tokio::time::timeout(request.deadline, opened).await else {
        return (None, silent(Silence::Deadline));
    };
    match opened {
        Some(Ok(workplace)) => {
            let completion = workplace.completer.complete(request).await;
            (Some(workplace.completer), completion)
        }
        Some(Err(said)) => (None, silent(Silence::NoModel { said })),
        None => (None, silent(Silence::Deadline)),
    }
}

fn report(completion: &Completion, begun: Instant) -> CompletionReport {
    CompletionReport {
        id: completion.id.clone(),
        shown: completion.suggestions.len(),
        reason: completion
            .silence
            .as_ref()
            .map(|silence| silence.as_str().to_owned()),
        message: completion.silence.as_ref().map(ToString::to_string),
        milliseconds: begun.elapsed().as_secs_f64() * 1000.0,
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
