//! The room as an editor sees it: a scripted model behind the real protocol.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that cannot go on should say so and stop"
)]

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use lsp_server::{Connection, ErrorCode, Message, Notification, Request, RequestId, Response};
use serde_json::{Value, json};
use tenon_domain::{Intent, Proposal};
use tenon_engine::{Completer, Engine, Observer, Repository, Verification};
use tenon_lsp::{
    Engineer, OUTCOME_METHOD, Open, REPORT_METHOD, RUN_COMMAND, TAKEN_COMMAND, Workplace, serve,
};
use tenon_runtime::Model;
use tenon_template::Library;
use tenon_testkit::{Answer, ScriptedModel, TemporaryRepository};
use tokio::runtime::Runtime;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

const PATIENCE: Duration = Duration::from_secs(20);

/// The real engine, without a sandbox: what is proposed is parsed, not run.
struct Errands {
    engine: Engine,
    root: PathBuf,
}

#[async_trait]
impl Engineer for Errands {
    async fn propose(
        &self,
        intent: &Intent,
        observer: &dyn Observer,
        stop: &CancellationToken,
    ) -> Result<Proposal, String> {
        let repository = Repository {
            root: self.root.clone(),
            base_commit: None,
        };
        let proposed = self
            .engine
            .propose(&repository, intent, Verification::Full, observer, stop);
        proposed.await.map_err(|error| error.to_string())
    }
}

fn workplace(model: &ScriptedModel, root: &Path) -> Workplace {
    let model: Arc<dyn Model> = Arc::new(model.clone());
    let errands = Errands {
        engine: Engine {
            models: vec![Arc::clone(&model)],
            templates: Arc::new(Library::load(None).unwrap()),
            sandbox: Err("this test runs nothing".to_owned()),
            // Outside of what is read.
            cache_folder: std::env::temp_dir().join(format!("tenon-lsp-{}", std::process::id())),
        },
        root: root.to_owned(),
    };
    Workplace {
        completer: Arc::new(Completer::new(model, root)),
        engineer: Some(Arc::new(errands)),
    }
}

struct Editor {
    connection: Connection,
    repository: TemporaryRepository,
    runtime: Runtime,
    served: std::thread::JoinHandle<()>,
    next: i32,
    capabilities: Value,
}

impl Editor {
    /// An editor that knows inline completion.
    fn new(model: ScriptedModel) -> Self {
        let opened = move |root: &Path, before: Option<Workplace>| {
            Ok(before.unwrap_or_else(|| workplace(&model, root)))
        };
        Self::with(
            Arc::new(opened),
            json!({
                "textDocument": { "inlineCompletion": {} },
                "window": { "workDoneProgress": true },
                "workspace": { "workspaceEdit": {
                    "documentChanges": true, "resourceOperations": ["create", "rename", "delete"] } },
            }),
        )
    }

    fn with(open: Arc<Open>, capabilities: Value) -> Self {
        let (connection, ours) = Connection::memory();
        let runtime = Runtime::new().unwrap();
        let handle = runtime.handle().clone();
        let served = std::thread::spawn(move || serve(ours, &handle, open, None).unwrap());
        let repository =
            TemporaryRepository::new([("text.py", "def shout(text):\n    return text.upper()\n")]);
        let root = format!("file://{}", repository.path().display());
        let mut editor = Self {
            connection,
            repository,
            runtime,
            served,
            next: 0,
            capabilities: Value::Null,
        };
        let id = editor.send(
            "initialize",
            json!({
                "processId": null, "rootUri": null, "capabilities": capabilities,
                "workspaceFolders": [{ "uri": root, "name": "x" }],
            }),
        );
        let initialized = editor.response(&id).response_result.unwrap();
        editor.capabilities = initialized["capabilities"].clone();
        editor.notify("initialized", json!({}));
        editor
    }

    fn uri(&self, path: &str) -> String {
        format!("file://{}/{path}", self.repository.path().display())
    }

    fn open(&self, path: &str, text: &str) {
        let item = json!({ "uri": self.uri(path), "languageId": "python", "version": 1, "text": text });
        self.notify("textDocument/didOpen", json!({ "textDocument": item }));
    }

    /// Types `text` at a place.
    fn insert(&self, path: &str, line: u32, character: u32, text: &str) {
        let at = json!({ "line": line, "character": character });
        self.notify(
            "textDocument/didChange",
            json!({
                "textDocument": { "uri": self.uri(path), "version": 2 },
                "contentChanges": [{ "range": { "start": at, "end": at }, "text": text }],
            }),
        );
    }

    fn ask(&mut self, path: &str, line: u32, character: u32) -> RequestId {
        let parameters = json!({
            "textDocument": { "uri": self.uri(path) },
            "position": { "line": line, "character": character },
            "context": { "triggerKind": 2 },
        });
        self.send("textDocument/inlineCompletion", parameters)
    }

    fn send(&mut self, method: &str, parameters: Value) -> RequestId {
        self.next += 1;
        let id = RequestId::from(self.next);
        let request = Request::new(id.clone(), method.to_owned(), parameters);
        self.connection.sender.send(request.into()).unwrap();
        id
    }

    fn notify(&self, method: &str, parameters: Value) {
        let notification = Notification::new(method.to_owned(), parameters);
        self.connection.sender.send(notification.into()).unwrap();
    }

    fn response(&self, id: &RequestId) -> Response {
        loop {
            match self.connection.receiver.recv_timeout(PATIENCE).unwrap() {
                Message::Response(response) if &response.id == id => return response,
                _ => {}
            }
        }
    }

    fn items(&self, id: &RequestId) -> Vec<Value> {
        let result = self.response(id).response_result.unwrap();
        result["items"].as_array().unwrap().clone()
    }

    fn notified(&self, method: &str) -> Value {
        loop {
            match self.connection.receiver.recv_timeout(PATIENCE).unwrap() {
                Message::Notification(notification) if notification.method == method => {
                    return notification.params;
                }
                _ => {}
            }
        }
    }

    /// What the server asks of the editor.
    fn asked(&self, method: &str) -> Value {
        loop {
            match self.connection.receiver.recv_timeout(PATIENCE).unwrap() {
                Message::Request(request) if request.method == method => return request.params,
                _ => {}
            }
        }
    }

    /// The action at a place whose title begins so.
    fn action(&mut self, path: &str, line: u32, title: &str) -> Value {
        // Actions are there once the folder is read.
        loop {
            let at = json!({ "line": line, "character": 0 });
            let id = self.send(
                "textDocument/codeAction",
                json!({
                    "textDocument": { "uri": self.uri(path) },
                    "range": { "start": at, "end": at },
                    "context": { "diagnostics": [] },
                }),
            );
            let actions = self.response(&id).response_result.unwrap();
            let found = actions
                .as_array()
                .unwrap()
                .iter()
                .find(|action| action["title"].as_str().unwrap().starts_with(title));
            if let Some(found) = found {
                return found.clone();
            }
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    fn leave(mut self) {
        let id = self.send("shutdown", Value::Null);
        self.response(&id);
        self.notify("exit", Value::Null);
        self.served.join().unwrap();
        self.runtime.shutdown_timeout(PATIENCE);
    }
}

#[test]
fn ghost_text_comes_with_a_range_a_command_and_a_report() {
    let mut editor = Editor::new(ScriptedModel::new().then("text.upper()"));
    assert_eq!(editor.capabilities["inlineCompletionProvider"], true);
    assert!(editor.capabilities.get("completionProvider").is_none());
    editor.open("a.py", "def shout(text):\n    return \n");
    let id = editor.ask("a.py", 1, 11);
    let items = editor.items(&id);
    assert_eq!(items.len(), 1);
    assert_eq!(items[0]["insertText"], "text.upper()");
    assert_eq!(items[0]["range"]["start"], json!({ "line": 1, "character": 11 }));
    assert_eq!(items[0]["command"]["command"], TAKEN_COMMAND);
    let report = editor.notified(REPORT_METHOD);
    assert_eq!((&report["shown"], &report["reason"]), (&json!(1), &Value::Null));
    editor.leave();
}

#[test]
fn silence_has_a_reason() {
    let mut editor = Editor::new(ScriptedModel::new().otherwise("(1 +"));
    editor.open("a.py", "x = \n");
    let id = editor.ask("a.py", 0, 4);
    assert!(editor.items(&id).is_empty());
    let report = editor.notified(REPORT_METHOD);
    assert_eq!(report["reason"], "parse_worse");
    editor.leave();
}

#[test]
fn what_is_typed_reaches_the_model() {
    let model = ScriptedModel::new().then("1");
    let mut editor = Editor::new(model.clone());
    editor.open("a.py", "é = 0\n\n");
    editor.insert("a.py", 1, 0, "è = ");
    let id = editor.ask("a.py", 1, 4);
    assert_eq!(editor.items(&id)[0]["insertText"], "1");
    assert!(model.prompts()[0].contains("è = "), "{}", model.prompts()[0]);
    editor.leave();
}

#[test]
fn clients_of_old_get_a_list() {
    let model = ScriptedModel::new().then("return text.upper()");
    let opened = move |root: &Path, _: Option<Workplace>| Ok(workplace(&model, root));
    let mut editor = Editor::with(Arc::new(opened), json!({}));
    assert!(editor.capabilities["completionProvider"].is_object());
    editor.open("a.py", "def shout(text):\n    retu\n");
    let id = editor.send(
        "textDocument/completion",
        json!({ "textDocument": { "uri": editor.uri("a.py") }, "position": { "line": 1, "character": 8 } }),
    );
    let items = editor.items(&id);
    assert_eq!(items[0]["label"], "return text.upper()");
    assert_eq!(items[0]["textEdit"]["newText"], "return text.upper()");
    assert_eq!(
        items[0]["textEdit"]["range"]["start"],
        json!({ "line": 1, "character": 4 })
    );
    editor.leave();
}

#[test]
fn what_a_list_has_highlighted_counts_as_written() {
    let model = ScriptedModel::new().then("upper()");
    let mut editor = Editor::new(model);
    editor.open("a.py", "def shout(text):\n    return text.u\n");
    let range = json!({ "start": { "line": 1, "character": 16 }, "end": { "line": 1, "character": 17 } });
    let id = editor.send(
        "textDocument/inlineCompletion",
        json!({
            "textDocument": { "uri": editor.uri("a.py") },
            "position": { "line": 1, "character": 17 },
            "context": { "triggerKind": 2, "selectedCompletionInfo": { "range": range, "text": "upper" } },
        }),
    );
    let items = editor.items(&id);
    assert_eq!(items[0]["insertText"], "upper()");
    assert_eq!(items[0]["range"], range);
    editor.leave();
}

#[test]
fn a_cancel_ends_the_work_of_the_model() {
    let model = ScriptedModel::new().then(Answer::Hang);
    let mut editor = Editor::new(model.clone());
    editor.open("a.py", "x = \n");
    let id = editor.ask("a.py", 0, 4);
    while model.requests().is_empty() {
        std::thread::sleep(Duration::from_millis(2));
    }
    editor.notify("$/cancelRequest", json!({ "id": id }));
    let error = editor.response(&id).response_result.unwrap_err();
    assert_eq!(error.code, ErrorCode::RequestCanceled as i32);
    editor.runtime.block_on(model.cancelled());
    editor.leave();
}

#[test]
fn who_asks_again_no_longer_waits_for_the_first_answer() {
    let release = Arc::new(Notify::new());
    let model = ScriptedModel::new().then(Answer::Paused {
        text: "1".to_owned(),
        release: Arc::clone(&release),
        rest: " + 2".to_owned(),
    });
    let mut editor = Editor::new(model.clone());
    editor.open("a.py", "x = \n");
    let first = editor.ask("a.py", 0, 4);
    while model.requests().is_empty() {
        std::thread::sleep(Duration::from_millis(2));
    }
    let second = editor.ask("a.py", 0, 4);
    let error = editor.response(&first).response_result.unwrap_err();
    assert_eq!(error.code, ErrorCode::ContentModified as i32);
    release.notify_one();
    assert_eq!(editor.items(&second)[0]["insertText"], "1 + 2");
    assert_eq!(model.requests().len(), 1, "what was being written went on");
    editor.leave();
}

#[test]
fn of_a_flood_the_oldest_is_dropped_and_counted() {
    let model = ScriptedModel::new().otherwise(Answer::Hang);
    let mut editor = Editor::new(model);
    let ids: Vec<RequestId> = (0..18)
        .map(|number| {
            let path = format!("f{number}.py");
            editor.open(&path, "x = \n");
            editor.ask(&path, 0, 4)
        })
        .collect();
    for (id, dropped) in ids.iter().zip(["dropped so far: 1", "dropped so far: 2"]) {
        let error = editor.response(id).response_result.unwrap_err();
        assert_eq!(error.code, ErrorCode::ServerCancelled as i32);
        assert!(error.message.contains(dropped), "{}", error.message);
    }
    editor.leave();
}

#[test]
fn what_is_taken_prepares_what_comes_next() {
    let model = ScriptedModel::new().then("1").then("y = x");
    let mut editor = Editor::new(model.clone());
    editor.open("a.py", "x = \nprint(y)\n");
    let id = editor.ask("a.py", 0, 4);
    let command = editor.items(&id)[0]["command"].clone();
    let taken = editor.send("workspace/executeCommand", command);
    let outcome = editor.notified(OUTCOME_METHOD);
    assert_eq!(editor.response(&taken).response_result.unwrap(), Value::Null);
    while model.requests().len() < 2 {
        std::thread::sleep(Duration::from_millis(2));
    }
    assert!(model.prompts()[1].contains("x = 1\n"), "{}", model.prompts()[1]);
    assert_eq!(
        (&outcome["outcome"], &outcome["characters"]),
        (&json!("taken"), &json!(1))
    );
    editor.leave();
}

#[test]
fn a_word_that_is_taken_is_told_and_so_is_what_contradicts_the_rest() {
    let model = ScriptedModel::new().then("10 + 20").then("30");
    let mut editor = Editor::new(model);
    editor.open("a.py", "x = \n");
    let id = editor.ask("a.py", 0, 4);
    let items = editor.items(&id);
    editor.insert("a.py", 0, 4, "10");
    let outcome = editor.notified(OUTCOME_METHOD);
    assert_eq!(outcome["outcome"], "taken_partly");
    assert_eq!(
        (&outcome["characters"], &outcome["index"]),
        (&json!(2), &json!(0))
    );
    assert_eq!(outcome["id"], items[0]["command"]["arguments"][0]);

    editor.open("b.py", "y = \n");
    let id = editor.ask("b.py", 0, 4);
    assert_eq!(editor.items(&id).len(), 1);
    let uri = editor.uri("b.py");
    editor.notify("textDocument/didClose", json!({ "textDocument": { "uri": uri } }));
    assert_eq!(editor.notified(OUTCOME_METHOD)["outcome"], "dismissed");
    editor.leave();
}

#[test]
fn odd_requests_are_answered() {
    let mut editor = Editor::new(ScriptedModel::new());
    editor.open("a.py", "x = 1\n");
    let nowhere = editor.ask("a.py", 7, 0);
    let closed = editor.ask("b.py", 0, 0);
    let unknown = editor.send("textDocument/rename", json!({}));
    let wrong = editor.send("textDocument/inlineCompletion", json!({ "position": "here" }));
    let command = editor.send("workspace/executeCommand", json!({ "command": "format.disk" }));
    for (id, code) in [
        (nowhere, ErrorCode::InvalidParams),
        (closed, ErrorCode::InvalidParams),
        (unknown, ErrorCode::MethodNotFound),
        (wrong, ErrorCode::InvalidParams),
        (command, ErrorCode::InvalidParams),
    ] {
        assert_eq!(
            editor.response(&id).response_result.unwrap_err().code,
            code as i32
        );
    }
    editor.notify("textDocument/didChange", json!({ "textDocument": {} }));
    editor.insert("a.py", 9, 0, "out of step");
    let gone = editor.ask("a.py", 0, 0);
    assert!(
        editor.response(&gone).response_result.is_err(),
        "the file has to be opened again"
    );
    editor.leave();
}

#[test]
fn a_house_without_a_model_says_so_and_goes_on() {
    let opened = |_: &Path, _: Option<Workplace>| Err("no model is here; run `tenon model pull`".to_owned());
    let mut editor = Editor::with(
        Arc::new(opened),
        json!({ "textDocument": { "inlineCompletion": {} } }),
    );
    assert!(
        editor.notified("window/showMessage")["message"]
            .as_str()
            .unwrap()
            .contains("tenon model pull")
    );
    editor.open("a.py", "x = \n");
    let id = editor.ask("a.py", 0, 4);
    assert!(editor.items(&id).is_empty());
    assert_eq!(editor.notified(REPORT_METHOD)["reason"], "no_model");
    editor.leave();
}

const WISH: &str = "# add greet(name) to text.py, which shouts hello to somebody\n";

#[test]
fn a_comment_becomes_a_change_with_its_level() {
    let model = ScriptedModel::new()
        .otherwise("```python\ndef greet(name):\n    return shout(\"hello \" + name)\n```");
    let mut editor = Editor::new(model);
    let text = format!("{WISH}\n\ndef shout(text):\n    return text.upper()\n");
    editor.repository.write("text.py", &text);
    editor.open("text.py", &text);
    let action = editor.action("text.py", 0, "Tenon: write “add greet(name)");
    assert_eq!(action["command"]["command"], RUN_COMMAND);
    let id = editor.send("workspace/executeCommand", action["command"].clone());
    assert_eq!(editor.response(&id).response_result.unwrap(), Value::Null);
    let edit = editor.asked("workspace/applyEdit")["edit"]["documentChanges"][0].clone();
    assert_eq!(edit["textDocument"]["uri"], editor.uri("text.py"));
    assert!(
        edit["edits"][0]["newText"]
            .as_str()
            .unwrap()
            .contains("def greet(name):"),
        "{edit:#}"
    );
    let said = editor.notified("window/showMessage");
    assert!(
        said["message"].as_str().unwrap().starts_with("Tenon: parsed: "),
        "{said}"
    );
    assert_eq!(
        editor.repository.read("text.py"),
        text,
        "the editor writes its files itself"
    );
    editor.leave();
}

#[test]
fn progress_is_shown_and_can_be_cancelled() {
    let model = ScriptedModel::new().otherwise(Answer::Hang);
    let mut editor = Editor::new(model.clone());
    editor.repository.write("text.py", WISH);
    editor.open("text.py", WISH);
    let action = editor.action("text.py", 0, "Tenon: write");
    let id = editor.send("workspace/executeCommand", action["command"].clone());
    let token = editor.asked("window/workDoneProgress/create")["token"].clone();
    assert!(
        editor.notified("$/progress")["value"]["title"]
            .as_str()
            .unwrap()
            .contains("greet")
    );
    editor.send("workspace/executeCommand", action["command"].clone());
    let refused = editor.notified("window/showMessage");
    assert!(
        refused["message"].as_str().unwrap().contains("still running"),
        "{refused}"
    );
    while model.requests().is_empty() {
        std::thread::sleep(Duration::from_millis(2));
    }
    editor.notify("window/workDoneProgress/cancel", json!({ "token": token }));
    let said = editor.notified("window/showMessage");
    assert!(
        said["message"].as_str().unwrap().contains("interrupted"),
        "{said}"
    );
    let _ = id;
    editor.leave();
}

#[test]
fn what_is_not_saved_is_not_worked_on() {
    let answer = "```python\ndef greet(name):\n    return name\n```";
    let mut editor = Editor::new(ScriptedModel::new().otherwise(answer));
    editor.repository.write("text.py", WISH);
    editor.open("text.py", &format!("{WISH}x = 1\n"));
    let action = editor.action("text.py", 0, "Tenon: write");
    let id = editor.send("workspace/executeCommand", action["command"].clone());
    let refused = editor.notified("window/showMessage");
    let message = refused["message"].as_str().unwrap();
    assert!(message.contains("save text.py first"), "{message}");
    assert_eq!(editor.response(&id).response_result.unwrap(), Value::Null);
    editor.leave();
}

/// Keeps what was proposed to itself until it may go.
struct Slow {
    errands: Arc<dyn Engineer>,
    go: Arc<Notify>,
}

#[async_trait]
impl Engineer for Slow {
    async fn propose(
        &self,
        intent: &Intent,
        observer: &dyn Observer,
        stop: &CancellationToken,
    ) -> Result<Proposal, String> {
        let proposal = self.errands.propose(intent, observer, stop).await;
        self.go.notified().await;
        proposal
    }
}

#[test]
fn what_changes_meanwhile_is_not_overwritten() {
    let model = ScriptedModel::new().otherwise("```python\ndef greet(name):\n    return name\n```");
    let go = Arc::new(Notify::new());
    let may_go = Arc::clone(&go);
    let opened = move |root: &Path, _: Option<Workplace>| {
        let workplace = workplace(&model, root);
        let slow = Slow {
            errands: workplace.engineer.unwrap(),
            go: Arc::clone(&go),
        };
        Ok(Workplace {
            engineer: Some(Arc::new(slow)),
            ..workplace
        })
    };
    let mut editor = Editor::with(Arc::new(opened), json!({}));
    editor.repository.write("text.py", WISH);
    editor.open("text.py", WISH);
    let action = editor.action("text.py", 0, "Tenon: write");
    let id = editor.send("workspace/executeCommand", action["command"].clone());
    editor.response(&id);
    editor.insert("text.py", 1, 0, "x = 1\n");
    // Messages are taken in order: with this answer the change is known.
    let known = editor.send("textDocument/rename", json!({}));
    editor.response(&known);
    may_go.notify_one();
    let said = editor.notified("window/showMessage");
    assert!(
        said["message"].as_str().unwrap().contains("changed meanwhile"),
        "{said}"
    );
    editor.leave();
}

#[test]
fn nothing_is_done_to_files_from_elsewhere() {
    let mut editor = Editor::new(ScriptedModel::new());
    let text = editor.repository.read("text.py");
    editor.open("text.py", &text);
    editor.action("text.py", 1, "Tenon: explain shout");
    // The same name in another folder.
    editor.open("../text.py", &text);
    let at = json!({ "line": 1, "character": 0 });
    let id = editor.send(
        "textDocument/codeAction",
        json!({
            "textDocument": { "uri": editor.uri("../text.py") },
            "range": { "start": at, "end": at }, "context": { "diagnostics": [] },
        }),
    );
    assert_eq!(editor.response(&id).response_result.unwrap(), json!([]));
    editor.leave();
}

#[test]
fn an_explanation_is_told() {
    let mut editor = Editor::new(
        ScriptedModel::new()
            .going_on_from_the_prefill()
            .otherwise("`shout` makes text louder."),
    );
    let text = editor.repository.read("text.py");
    editor.open("text.py", &text);
    let action = editor.action("text.py", 1, "Tenon: explain shout");
    let id = editor.send("workspace/executeCommand", action["command"].clone());
    editor.response(&id);
    let said = editor.notified("window/showMessage");
    assert_eq!(said["message"], "Tenon: `shout` makes text louder.");
    editor.leave();
}
