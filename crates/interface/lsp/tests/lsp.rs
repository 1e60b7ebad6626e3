//! The room as an editor sees it: a scripted model behind the real protocol.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that cannot go on should say so and stop"
)]

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use lsp_server::{Connection, ErrorCode, Message, Notification, Request, RequestId, Response};
use serde_json::{Value, json};
use tenon_engine::Completer;
use tenon_lsp::{Open, REPORT_METHOD, TAKEN_COMMAND, serve};
use tenon_testkit::{Answer, ScriptedModel, TemporaryRepository};
use tokio::runtime::Runtime;

const PATIENCE: Duration = Duration::from_secs(20);

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
        let opened = move |root: &Path, before: Option<Arc<Completer>>| {
            Ok(before.unwrap_or_else(|| Arc::new(Completer::new(Arc::new(model.clone()), root))))
        };
        Self::with(
            Arc::new(opened),
            json!({ "textDocument": { "inlineCompletion": {} } }),
        )
    }

    fn with(open: Arc<Open>, capabilities: Value) -> Self {
        let (connection, ours) = Connection::memory();
        let runtime = Runtime::new().unwrap();
        let handle = runtime.handle().clone();
        let served = std::thread::spawn(move || serve(ours, &handle, open).unwrap());
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
    let opened = move |root: &Path, _: Option<Arc<Completer>>| {
        Ok(Arc::new(Completer::new(Arc::new(model.clone()), root)))
    };
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
    let model = ScriptedModel::new().then(Answer::Hang).then("2");
    let mut editor = Editor::new(model.clone());
    editor.open("a.py", "x = \n");
    let first = editor.ask("a.py", 0, 4);
    while model.requests().is_empty() {
        std::thread::sleep(Duration::from_millis(2));
    }
    let second = editor.ask("a.py", 0, 4);
    let error = editor.response(&first).response_result.unwrap_err();
    assert_eq!(error.code, ErrorCode::ContentModified as i32);
    assert_eq!(editor.items(&second)[0]["insertText"], "2");
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
    assert_eq!(editor.response(&taken).response_result.unwrap(), Value::Null);
    while model.requests().len() < 2 {
        std::thread::sleep(Duration::from_millis(2));
    }
    assert!(model.prompts()[1].contains("x = 1\n"), "{}", model.prompts()[1]);
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
    let opened =
        |_: &Path, _: Option<Arc<Completer>>| Err("no model is here; run `tenon model pull`".to_owned());
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
