//! `tenon serve` with the real 0.5B model, asked by the clients that people have.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};

use serde_json::{Value, json};

use crate::clients::{clients, script};
use crate::completing::{request, response};
use crate::world::{Ran, World};

const MODEL: &str = "qwen2.5-coder-0.5b";

struct Server {
    child: Child,
    url: String,
}

impl Server {
    fn start(world: &World) -> Self {
        Self::with(world, &["serve", "--listen", "127.0.0.1:0", "--model", MODEL])
    }

    fn with(world: &World, arguments: &[&str]) -> Self {
        let mut command = world.command(&world.path(""), arguments);
        let mut child = command
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut url = String::new();
        BufReader::new(child.stdout.take().unwrap())
            .read_line(&mut url)
            .unwrap();
        assert!(url.starts_with("http://"), "{url:?}");
        Self {
            child,
            url: url.trim().to_owned(),
        }
    }

    /// Asks it to stop, as a service manager does.
    fn stop(&mut self) -> Option<i32> {
        let id = self.child.id().to_string();
        Command::new("kill").arg(id).status().unwrap();
        self.child.wait().unwrap().code()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn the_clients_of_openai_and_anthropic_are_served() {
    let world = World::new();
    let mut server = Server::start(&world);
    for name in ["openai_client.py", "anthropic_client.py"] {
        let mut command = Command::new(clients().join("python/bin/python"));
        command.arg(script(name)).args([server.url.as_str(), MODEL]);
        let ran = Ran::from(command.output().unwrap()).expect(0);
        ran.says("errors: ok");
    }
    assert_eq!(server.stop(), Some(0));
}

#[test]
fn tabbys_agent_is_served() {
    let world = World::new();
    let server = Server::start(&world);
    let settings = world.path(".tabby-client/agent");
    std::fs::create_dir_all(&settings).unwrap();
    let settings = settings.join("config.toml");
    let token = "[server]\nendpoint = \"URL\"\ntoken = \"none-is-needed\"\n[anonymousUsageTracking]\ndisable = true\n";
    std::fs::write(settings, token.replace("URL", &server.url)).unwrap();
    let agent = clients().join("node_modules/tabby-agent/dist/cli.js");
    let mut child = Command::new("node")
        .arg(agent)
        .args(["--lsp", "--stdio"])
        .current_dir(world.path(""))
        .env("HOME", world.path(""))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut output = BufReader::new(child.stdout.take().unwrap());
    let uri = format!("file://{}", world.path("area.py").display());
    let capabilities = json!({ "textDocument": { "inlineCompletion": {}, "completion": {} } });
    request(
        &mut child,
        &json!({ "id": 1, "method": "initialize", "params": {
            "processId": null, "rootUri": null, "capabilities": capabilities } }),
    );
    response(&mut output, 1);
    request(&mut child, &json!({ "method": "initialized", "params": {} }));
    request(
        &mut child,
        &json!({ "method": "textDocument/didOpen", "params": { "textDocument": {
            "uri": uri, "languageId": "python", "version": 1,
            "text": "def area(width, height):\n    return \n\n\nassert area(2, 3) == 6\n" } } }),
    );
    request(
        &mut child,
        &json!({ "id": 2, "method": "textDocument/completion", "params": {
            "textDocument": { "uri": uri }, "position": { "line": 1, "character": 11 },
            "context": { "triggerKind": 1 } } }),
    );
    let items: Value = response(&mut output, 2);
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(items.to_string().contains("width * height"), "{items:#}");
}

#[test]
fn a_server_completes_for_another_machine() {
    let world = World::new();
    let server = Server::start(&world);
    let configuration = format!(
        "models = [\"team\"]\n[[upstream]]\nname = \"team\"\nkind = \"compatible\"\nbase_url = \"{}/v1\"\nmodel = \"{MODEL}\"\nfill = \"suffix\"\n",
        server.url
    );
    std::fs::write(world.path("config.toml"), configuration).unwrap();
    let repository = crate::completing::repository();
    let place = [
        "complete",
        "--file",
        "area.py",
        "--line",
        "2",
        "--deadline",
        "120000",
    ];
    let ran = world.run(repository.path(), &place).expect(0);
    assert_eq!(ran.stdout.trim(), "width * height", "{}", ran.stderr);
}

#[test]
fn nobody_is_let_in_by_mistake() {
    let world = World::new();
    let here = world.path("");
    // Beyond this machine a key is asked for, also where none was named.
    let arguments = ["serve", "--listen", "0.0.0.0:0", "--no-models", "--workers", "0"];
    let server = Server::with(&world, &arguments);
    let port = server.url.rsplit(':').next().unwrap();
    let mut asking = TcpStream::connect(format!("127.0.0.1:{port}")).unwrap();
    asking
        .write_all(b"GET /v1/models HTTP/1.0\r\nHost: localhost\r\n\r\n")
        .unwrap();
    let mut answer = String::new();
    asking.read_to_string(&mut answer).unwrap();
    assert!(
        answer.starts_with("HTTP/1.0 401") || answer.starts_with("HTTP/1.1 401"),
        "{answer}"
    );
    drop(server);
    let keys = world.path("keys");
    for (text, said) in [("", "no key"), ("short\n", "fewer than 16")] {
        std::fs::write(&keys, text).unwrap();
        world
            .run(&here, &["serve", "--api-keys", keys.to_str().unwrap()])
            .expect(2)
            .says(said);
    }
    world
        .run(&here, &["serve", "--api-keys", "/nowhere/keys"])
        .expect(2)
        .says("/nowhere/keys");
}

#[test]
fn an_address_that_is_taken_is_named() {
    let world = World::new();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    world
        .run(
            &world.path(""),
            &["serve", "--listen", &address, "--model", MODEL],
        )
        .expect(5)
        .says("--listen");
}
