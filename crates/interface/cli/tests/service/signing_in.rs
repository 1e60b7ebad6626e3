//! People sign in at a provider of others' making, with the configuration of the manual.

use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use serde_json::Value;
use tenon_testkit::{Browser, FakeUpstream, Page};

use crate::clients::{clients, script};
use crate::port::ReservedPort;
use crate::running::Server;
use crate::site::Site;

const SECRET: &str = "secret-of-tenon";

/// The npm package `oidc-provider`, for one client.
struct RealProvider {
    child: Child,
    issuer: String,
}

impl RealProvider {
    fn start(public_url: &str) -> Self {
        let mut child = Command::new("node")
            .arg(script("oidc_provider.mjs"))
            .arg(clients())
            .arg(format!("{public_url}/auth/callback"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut issuer = String::new();
        let mut said = BufReader::new(child.stdout.take().unwrap());
        said.read_line(&mut issuer).unwrap();
        assert!(issuer.starts_with("http://127.0.0.1:"), "{issuer:?}");
        Self {
            child,
            issuer: issuer.trim().to_owned(),
        }
    }

    fn stop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// Leaves the server, signs in there as somebody, consents, and comes back.
    fn sign_in(&self, browser: &mut Browser, login: &str, as_whom: &str) -> Page {
        let mut page = browser.get(login);
        for _ in 0..20 {
            let address = page.leads_to();
            if !address.starts_with(&self.issuer) {
                return browser.get(&address);
            }
            page = browser.get(&address);
            if page.status == 200 {
                let form = match page.body.contains("name=\"password\"") {
                    true => format!("prompt=login&login={as_whom}&password=any"),
                    false => "prompt=consent".to_owned(),
                };
                page = browser.submit(&address, &form);
            }
        }
        panic!("the provider goes round in circles: {page:?}");
    }
}

impl Drop for RealProvider {
    fn drop(&mut self) {
        self.stop();
    }
}

/// The configuration as the manual has it, for this provider and this server.
fn configuration(provider: &RealProvider, public_url: &str) -> String {
    let manual = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../docs/src/access.md");
    let manual = fs::read_to_string(manual).unwrap();
    let (_, from) = manual.split_once("```toml\n[oidc]").unwrap();
    let (block, _) = from.split_once("```").unwrap();
    let block = block
        .replace("https://id.example.com", &provider.issuer)
        .replace("https://tenon.example.com", public_url);
    format!("[oidc]{block}")
}

#[test]
fn people_sign_in_at_a_real_provider_as_the_manual_says() {
    let site = Site::new(&FakeUpstream::start([]));
    let port = ReservedPort::take();
    let address = port.address().to_string();
    let url = format!("http://{address}");
    let mut provider = RealProvider::start(&url);
    let mut file = fs::File::options()
        .append(true)
        .open(site.path("config.toml"))
        .unwrap();
    writeln!(file, "{}", configuration(&provider, &url)).unwrap();
    let serve = ["serve", "--listen", &address, "--no-models", "--workers", "0"];
    let mut command = site.lasting(&serve, "serve.log");
    let server = Server::start({
        command.env("OIDC_SECRET", SECRET);
        command
    });

    let login = format!("{url}/auth/login?return_to=/api/v1/me");
    let mut ada = Browser::default();
    let back = provider.sign_in(&mut ada, &login, "ada");
    assert_eq!(back.status, 303, "{}", back.body);
    let me = ada.get(&back.leads_to());
    let me: Value = serde_json::from_str(&me.body).unwrap();
    // Her group is told beside the token, and gives her the role.
    assert_eq!(me["user"]["name"], "ada@example.com");
    assert_eq!(me["user"]["role"], "developer");

    let refused = provider.sign_in(&mut Browser::default(), &login, "mallory");
    assert_eq!(refused.status, 403, "{}", refused.body);
    // The provider takes no code twice, and the server no state.
    let again = ada.get(&format!("{url}/auth/callback?state=a&code=b"));
    assert_eq!(again.status, 400, "{}", again.body);

    provider.stop();
    let down = Browser::default().get(&format!("{url}/auth/login"));
    assert!(matches!(down.status, 303 | 503), "{}", down.body);
    assert_eq!(ada.get(&format!("{url}/api/v1/me")).status, 200);
    assert_eq!(ada.submit(&format!("{url}/auth/logout"), "").status, 204);

    let report = site.ask(&server, &["audit", "verify"]).expect(0);
    report.says("whole");
    let exported = site.ask(&server, &["audit", "export"]).expect(0).stdout;
    for kind in ["login.started", "login.succeeded", "login.refused", "login.ended"] {
        assert!(exported.contains(kind), "{kind}");
    }
    assert_eq!(server.stop(), Some(0), "{}", site.said("serve.log"));
    assert!(!site.said("serve.log").contains(SECRET) && !exported.contains(SECRET));
}

#[test]
fn a_server_starts_while_its_provider_is_down() {
    let site = Site::new(&FakeUpstream::start([]));
    let mut provider = RealProvider::start("http://127.0.0.1:1");
    provider.stop();
    let mut file = fs::File::options()
        .append(true)
        .open(site.path("config.toml"))
        .unwrap();
    writeln!(file, "{}", configuration(&provider, "http://127.0.0.1:1")).unwrap();
    let mut command = site.lasting(
        &[
            "serve",
            "--listen",
            "127.0.0.1:0",
            "--no-models",
            "--workers",
            "0",
        ],
        "serve.log",
    );
    command.env("OIDC_SECRET", SECRET);
    let server = Server::start(command);
    let down = Browser::default().get(&format!("{}/auth/login", server.url));
    assert_eq!(down.status, 503, "{}", down.body);
    assert_eq!(down.header("content-type"), Some("application/problem+json"));
    site.ask(&server, &["user", "me"]).expect(0).says("admin");
    assert_eq!(server.stop(), Some(0));
    // Without the secret that is configured it does not start at all.
    let ran = site.run(&["serve", "--listen", "127.0.0.1:0", "--no-models"]);
    ran.expect(2).says("OIDC_SECRET");
}

#[test]
fn a_program_is_given_a_key_by_whoever_is_at_the_browser() {
    let site = Site::new(&FakeUpstream::start([]));
    let port = ReservedPort::take();
    let address = port.address().to_string();
    let url = format!("http://{address}");
    let provider = RealProvider::start(&url);
    let mut file = fs::File::options()
        .append(true)
        .open(site.path("config.toml"))
        .unwrap();
    writeln!(file, "{}", configuration(&provider, &url)).unwrap();
    let mut command = site.lasting(
        &["serve", "--listen", &address, "--no-models", "--workers", "0"],
        "serve.log",
    );
    command.env("OIDC_SECRET", SECRET);
    let server = Server::start(command);

    let mut login = site.command(&["login", "--server", &url]);
    let mut program = login
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut opened = String::new();
    let mut said = BufReader::new(program.stdout.take().unwrap());
    said.read_line(&mut opened).unwrap();

    let mut browser = Browser::default();
    let asked = browser.get(opened.trim());
    assert!(
        asked
            .leads_to()
            .starts_with(&format!("{url}/auth/login?return_to=")),
        "{asked:?}"
    );
    let back = provider.sign_in(&mut browser, &asked.leads_to(), "ada");
    let page = browser.get(&back.leads_to());
    assert!(page.body.contains("ada@example.com"), "{}", page.body);
    assert!(
        page.header("content-security-policy")
            .unwrap()
            .contains("frame-ancestors 'none'")
    );
    let action = page
        .body
        .split("action=\"")
        .nth(1)
        .unwrap()
        .split('"')
        .next()
        .unwrap();
    let grant = format!("{url}{}", action.replace("&amp;", "&"));
    // Another page cannot say yes in her name.
    let foreign = browser.send("POST", &grant, &[("origin", "https://evil.example")], "");
    assert_eq!(foreign.status, 403, "{}", foreign.body);
    let granted = browser.submit(&grant, "").leads_to();
    let code = granted.split("code=").nth(1).unwrap();
    // The code is of no use to whoever looks over her shoulder.
    let json = [("content-type", "application/json")];
    let redeem = format!("{url}/auth/redeem");
    let guessed = serde_json::json!({ "code": "a", "verifier": "b" }).to_string();
    assert_eq!(
        Browser::default().send("POST", &redeem, &json, &guessed).status,
        400
    );
    assert_eq!(
        Browser::default()
            .get(&granted.replace("?code=", "?mode="))
            .status,
        404
    );
    assert_eq!(Browser::default().get(&granted).status, 200);
    assert_eq!(program.wait().unwrap().code(), Some(0));
    let again = serde_json::json!({ "code": code, "verifier": "b" }).to_string();
    assert_eq!(
        Browser::default().send("POST", &redeem, &json, &again).status,
        400
    );

    site.ask(&server, &["user", "me"])
        .expect(0)
        .says("ada@example.com");
    let kept = fs::read_dir(site.path("data/logins"))
        .unwrap()
        .next()
        .unwrap()
        .unwrap();
    let mode = std::os::unix::fs::PermissionsExt::mode(&kept.metadata().unwrap().permissions());
    assert_eq!(mode & 0o777, 0o600);
    let admin = [
        "audit",
        "export",
        "--key-file",
        site.first_key_file().to_str().unwrap(),
    ]
    .map(str::to_owned);
    let exported = site
        .ask(&server, &admin.each_ref().map(String::as_str))
        .expect(0)
        .stdout;
    assert!(exported.contains("key.created") && !exported.contains(code));
    assert_eq!(server.stop(), Some(0));
}
