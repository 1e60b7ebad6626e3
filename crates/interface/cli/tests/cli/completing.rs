//! Completion with the real 0.5B model, on the command line and through the language server protocol.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::process::{Child, ChildStdout, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tenon_testkit::{FakeServer, HttpAnswer, TemporaryRepository};

use crate::world::World;

const SMALL: [&str; 2] = ["--model", "qwen2.5-coder-0.5b"];
/// Other tests run beside this one.
const PATIENT: [&str; 2] = ["--deadline", "120000"];

pub fn repository() -> TemporaryRepository {
    TemporaryRepository::new([
        (
            "area.py",
            "def area(width, height):\n    return \n\n\nassert area(2, 3) == 6\n",
        ),
        ("latin.py", "name = \"\u{e9}\"\n"),
    ])
    .with_git()
}

#[test]
fn a_line_is_completed_and_explained() {
    let world = World::new();
    let repository = repository();
    let place = ["complete", "--file", "area.py", "--line", "2"];
    let ran = world
        .run(
            repository.path(),
            &[&place[..], &SMALL, &PATIENT, &["--explain"]].concat(),
        )
        .expect(0);
    assert_eq!(ran.stdout.trim(), "width * height", "{}", ran.stderr);
    ran.says("tokens read");
    let ran = world
        .run(
            repository.path(),
            &[&place[..], &SMALL, &PATIENT, &["--json"]].concat(),
        )
        .expect(0)
        .json();
    assert_eq!(ran["suggestions"], json!(["width * height"]), "{ran:#}");
    assert_eq!(ran["silence"], Value::Null);
    assert_eq!(ran["trace"]["answered_by"], "model");
}

#[test]
fn a_buffer_that_is_not_saved_comes_on_standard_input() {
    let world = World::new();
    let repository = repository();
    let place = ["complete", "--file", "new.py", "--line", "2", "--stdin"];
    let mut command = world.command(repository.path(), &[&place[..], &SMALL, &PATIENT].concat());
    command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let buffer = "def double(number):\n    return number * \n\n\nassert double(4) == 8\n";
    child.stdin.take().unwrap().write_all(buffer.as_bytes()).unwrap();
    let ran = crate::world::Ran::from(child.wait_with_output().unwrap()).expect(0);
    assert_eq!(ran.stdout.trim(), "2", "{}", ran.stderr);
}

#[test]
fn bad_places_are_named() {
    let world = World::new();
    let repository = repository();
    std::fs::write(repository.at("bytes.py"), [0xff, 0xfe, b'\n']).unwrap();
    for (arguments, code, said) in [
        (vec!["--file", "area.py", "--line", "99"], 2, "no line 99"),
        (
            vec!["--file", "area.py", "--line", "2", "--column", "80"],
            2,
            "no column 80",
        ),
        (vec!["--file", "gone.py", "--line", "1"], 2, "gone.py"),
        (vec!["--file", "bytes.py", "--line", "1"], 2, "not UTF-8"),
        (vec!["--file", "/etc/hostname", "--line", "1"], 4, "/etc/hostname"),
        (vec!["--file", "area.py", "--line", "0"], 2, "0 is not in 1.."),
    ] {
        let arguments = [vec!["complete"], arguments].concat();
        world.run(repository.path(), &arguments).expect(code).says(said);
    }
}

#[test]
fn a_model_that_cannot_fill_is_refused_with_the_mend() {
    let world = World::new();
    let repository = repository();
    world
        .run(
            repository.path(),
            &[
                "complete",
                "--file",
                "area.py",
                "--line",
                "2",
                "--model",
                "smollm2-135m",
            ],
        )
        .expect(5)
        .says("qwen2.5-coder-0.5b");
}

#[test]
fn an_editor_is_served() {
    let world = World::new();
    let repository = repository();
    let server = FakeServer::start(|_| Some(HttpAnswer::whole(200, "text/plain", "")));
    let report = [&["lsp", "--stdio", "--report"][..], &SMALL].concat();
    let mut command = world.command(repository.path(), &report);
    command
        .env("TENON_SERVER", server.address())
        .env("TENON_API_KEY", "tenon_a_key")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let mut output = BufReader::new(child.stdout.take().unwrap());
    let uri = |path: &str| format!("file://{}/{path}", repository.path().display());
    request(
        &mut child,
        &json!({ "id": 1, "method": "initialize", "params": {
            "processId": null, "rootUri": uri(""), "initializationOptions": { "invokedDeadline": 60_000 }, "capabilities": { "textDocument": { "inlineCompletion": {} } } } }),
    );
    assert_eq!(
        response(&mut output, 1)["capabilities"]["inlineCompletionProvider"],
        true
    );
    request(&mut child, &json!({ "method": "initialized", "params": {} }));
    let text = repository.read("area.py");
    request(
        &mut child,
        &json!({ "method": "textDocument/didOpen", "params": { "textDocument": {
            "uri": uri("area.py"), "languageId": "python", "version": 1, "text": text } } }),
    );
    request(
        &mut child,
        &json!({ "id": 2, "method": "textDocument/inlineCompletion", "params": {
            "textDocument": { "uri": uri("area.py") }, "position": { "line": 1, "character": 11 },
            "context": { "triggerKind": 1 } } }),
    );
    let items = response(&mut output, 2);
    assert_eq!(items["items"][0]["insertText"], "width * height", "{items:#}");
    let command = &items["items"][0]["command"];
    request(
        &mut child,
        &json!({ "id": 3, "method": "workspace/executeCommand", "params": command }),
    );
    response(&mut output, 3);
    let begun = Instant::now();
    let told = loop {
        assert!(begun.elapsed() < Duration::from_secs(20), "nothing was told");
        if let Some(told) = server.requests().pop() {
            break told;
        }
        std::thread::sleep(Duration::from_millis(5));
    };
    assert_eq!((told.method.as_str(), told.path.as_str()), ("POST", "/v1/events"));
    let event: Value = serde_json::from_slice(&told.body).unwrap();
    assert_eq!(
        (&event["type"], &event["choice_index"]),
        (&json!("select"), &json!(0))
    );
    assert!(!event.to_string().contains("width"), "code was sent: {event}");
    request(&mut child, &json!({ "id": 4, "method": "shutdown" }));
    response(&mut output, 4);
    request(&mut child, &json!({ "method": "exit" }));
    assert_eq!(child.wait().unwrap().code(), Some(0));
}

pub fn request(child: &mut Child, message: &Value) {
    let mut message = message.clone();
    message["jsonrpc"] = json!("2.0");
    let body = message.to_string();
    let frame = format!("Content-Length: {}\r\n\r\n{body}", body.len());
    child.stdin.as_mut().unwrap().write_all(frame.as_bytes()).unwrap();
}

/// The result of the request, whatever comes before it.
pub fn response(output: &mut BufReader<ChildStdout>, id: u32) -> Value {
    loop {
        let mut length = 0;
        loop {
            let mut line = String::new();
            assert!(output.read_line(&mut line).unwrap() > 0, "the server is gone");
            match line.trim().split_once(": ") {
                Some(("Content-Length", number)) => length = number.parse().unwrap(),
                Some(_) => {}
                None => break,
            }
        }
        let mut body = vec![0; length];
        output.read_exact(&mut body).unwrap();
        let message: Value = serde_json::from_slice(&body).unwrap();
        if message["id"] == id {
            assert!(message.get("error").is_none(), "{message:#}");
            return message["result"].clone();
        }
    }
}

#[test]
fn neovim_gets_a_completion() {
    let world = World::new();
    let repository = repository();
    let script = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cli/neovim.lua");
    let load = format!("luafile {}", script.display());
    let mut command = world.command_of("nvim", repository.path(), &["--headless", "--clean", "-c", &load]);
    let output = command
        .env("TENON", env!("CARGO_BIN_EXE_tenon"))
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(
        said.contains("item: width * height"),
        "{said}\n{}",
        String::from_utf8_lossy(&output.stderr)
    );
}
