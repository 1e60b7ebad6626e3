//! People sign in by the word of a provider, and nobody else does.

use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};
use tenon_domain::Role;
use tenon_identity::{Admission, Provider, ProviderSettings};
use tenon_server::SignIn;
use tenon_testkit::{Browser, Page};

use crate::desk::Desk;
use crate::house::Reply;
use crate::provider::{CLIENT, FakeProvider, SECRET, Signing};

struct Entrance {
    desk: Desk,
    provider: FakeProvider,
}

fn everybody() -> Admission {
    Admission {
        allowed_domains: Vec::new(),
        roles: Vec::new(),
        default_role: Role::Viewer,
        create_users: true,
    }
}

impl Entrance {
    async fn new() -> Self {
        Self::with(everybody(), |_| {}).await
    }

    async fn with(admission: Admission, change: impl FnOnce(&mut ProviderSettings)) -> Self {
        let provider = FakeProvider::start();
        let mut settings = ProviderSettings {
            issuer: provider.issuer(),
            client_id: CLIENT.to_owned(),
            client_secret: Some(tenon_domain::Secret::new(SECRET)),
            public_url: String::new(),
            callback: "/auth/callback".to_owned(),
            scopes: vec!["openid".to_owned(), "email".to_owned()],
            user_claim: None,
            groups_claim: None,
        };
        change(&mut settings);
        let desk = Desk::with_sign_in(|base| {
            settings.public_url = base.to_owned();
            let provider = Provider::new(settings).unwrap();
            SignIn::new(provider, admission, Duration::from_secs(3600))
        });
        Self {
            desk: desk.await,
            provider,
        }
    }

    /// Goes to the provider and comes back.
    fn sign_in(&self, browser: &mut Browser) -> Page {
        let left = browser.get(&self.desk.url("/auth/login"));
        assert_eq!(left.status, 303, "{}", left.body);
        browser.get(&self.provider.admits(&left.leads_to()))
    }

    /// Somebody who is in.
    fn signed_in(&self) -> Browser {
        let mut browser = Browser::default();
        let back = self.sign_in(&mut browser);
        assert_eq!(back.status, 303, "{}", back.body);
        browser
    }

    fn me(&self, browser: &mut Browser) -> Page {
        browser.get(&self.desk.url("/api/v1/me"))
    }

    /// What the log says of this kind, newest first.
    async fn recorded(&self, kind: &str) -> Vec<Value> {
        let page = self.desk.get("/api/v1/audit?limit=200").await.json();
        let records = page["records"].as_array().unwrap().clone();
        records
            .into_iter()
            .filter(|record| record["type"].as_str().unwrap().ends_with(kind))
            .collect()
    }

    async fn users(&self) -> Vec<String> {
        let users = self.desk.get("/api/v1/users").await.json();
        let users = users["users"].as_array().unwrap().iter();
        users
            .map(|user| {
                format!(
                    "{} {}",
                    user["name"].as_str().unwrap(),
                    user["role"].as_str().unwrap()
                )
            })
            .collect()
    }
}

fn problem(page: &Page, status: u16) -> Value {
    assert_eq!(page.status, status, "{}", page.body);
    assert_eq!(page.header("content-type"), Some("application/problem+json"));
    serde_json::from_str(&page.body).unwrap()
}

fn json(page: &Page) -> Value {
    assert_eq!(page.status, 200, "{}", page.body);
    serde_json::from_str(&page.body).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn somebody_signs_in_works_and_signs_out() {
    let entrance = Entrance::new().await;
    let mut browser = Browser::default();
    let left = browser.get(&entrance.desk.url("/auth/login?return_to=/docs%3Fa%3Db"));
    assert_eq!(left.status, 303, "{}", left.body);
    assert_eq!(left.header("cache-control"), Some("no-store"));
    let back = browser.get(&entrance.provider.admits(&left.leads_to()));
    assert_eq!((back.status, back.header("location")), (303, Some("/docs?a=b")));
    let set: Vec<&str> = back.all("set-cookie").collect();
    assert!(
        set[0].starts_with("tenon_session=")
            && set[0].ends_with("; Path=/; Max-Age=3600; HttpOnly; SameSite=Lax"),
        "{set:?}"
    );
    assert_eq!(browser.cookie("tenon_login"), None);

    let me = json(&entrance.me(&mut browser));
    assert_eq!(me["user"]["name"], "ada@a.example");
    assert_eq!(
        (&me["user"]["role"], &me["key"]),
        (&json!("viewer"), &json!(null))
    );
    let sessions = json(&browser.get(&entrance.desk.url("/api/v1/sessions")));
    assert_eq!(sessions["sessions"][0]["id"], me["session"]);
    // A session is decided about as the user is.
    let users = browser.get(&entrance.desk.url("/api/v1/users"));
    assert_eq!(users.status, 403, "{}", users.body);

    // The second time they are who they were.
    let again = entrance.signed_in();
    assert_ne!(again.cookie("tenon_session"), browser.cookie("tenon_session"));
    assert_eq!(entrance.users().await, ["ada@a.example viewer", "admin admin"]);

    let token = browser.cookie("tenon_session").unwrap().to_owned();
    let left = browser.submit(&entrance.desk.url("/auth/logout"), "");
    assert_eq!(left.status, 204, "{}", left.body);
    assert_eq!(browser.cookie("tenon_session"), None);
    browser.keep("127.0.0.1", &format!("tenon_session={token}"));
    problem(&entrance.me(&mut browser), 401);
    problem(&browser.submit(&entrance.desk.url("/auth/logout"), ""), 401);

    let started = entrance.recorded("login.started").await.len();
    let succeeded = entrance.recorded("login.succeeded").await;
    assert_eq!((started, succeeded.len()), (2, 2));
    assert_eq!(succeeded[0]["authtype"], "user");
    assert_eq!(succeeded[0]["authid"], me["user"]["id"]);
    assert_eq!(entrance.recorded("login.ended").await.len(), 1);
    assert_eq!(entrance.recorded("user.changed").await.len(), 1);
    let log = entrance.desk.get("/api/v1/audit?limit=200").await.text;
    assert!(!log.contains(&token) && !log.contains("code "), "{log}");
    let report = entrance.desk.get("/api/v1/audit/verify").await.json();
    assert_eq!(report["is_whole"], true);
    // What is known of the provider is asked for once.
    let asked = |path| entrance.provider.asked_for(path);
    assert_eq!(
        (asked("/.well-known/openid-configuration"), asked("/keys")),
        (1, 1)
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_token_that_cannot_be_trusted_lets_nobody_in() {
    let entrance = Entrance::new().await;
    let now = tenon_jobs::now_ms() / 1000;
    let signed = [
        ("another provider's", json!({ "iss": "https://evil.example" })),
        ("another provider's", json!({ "iss": null })),
        ("another client", json!({ "aud": "another" })),
        ("another client", json!({ "aud": [CLIENT, "another"] })),
        ("another client", json!({ "azp": "another" })),
        ("another attempt", json!({ "nonce": "another" })),
        ("another attempt", json!({ "nonce": null })),
        ("expired", json!({ "exp": now - 61 })),
        ("lacks `exp`", json!({ "exp": null })),
        ("from the future", json!({ "iat": now + 600 })),
        ("lacks `sub`", json!({ "sub": null })),
    ];
    for (said, claims) in signed {
        entrance.provider.tell(|script| script.claims = claims.clone());
        let mut browser = Browser::default();
        let refused = problem(&entrance.sign_in(&mut browser), 502);
        assert!(
            refused["detail"].as_str().unwrap().contains(said),
            "{claims}: {refused}"
        );
        assert_eq!(browser.cookie("tenon_session"), None);
    }
    entrance.provider.tell(|script| script.claims = json!({}));
    for (said, signing) in [
        ("signature is wrong", Signing::Forged),
        ("no token that is signed", Signing::Nothing),
        ("no token that is signed", Signing::PublicKeyAsSecret),
        ("no token that is signed", Signing::ClientSecret),
    ] {
        entrance.provider.tell(|script| script.signing = signing);
        let refused = problem(&entrance.sign_in(&mut Browser::default()), 502);
        assert!(
            refused["detail"].as_str().unwrap().contains(said),
            "{signing:?}: {refused}"
        );
    }
    assert_eq!(entrance.users().await, ["admin admin"]);
    assert_eq!(entrance.recorded("login.refused").await.len(), 15);
    assert_eq!(entrance.recorded("login.succeeded").await.len(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_that_is_new_is_looked_for_once_more() {
    let entrance = Entrance::new().await;
    entrance.signed_in();
    entrance.provider.tell(|script| script.key = "new".to_owned());
    entrance.signed_in();
    entrance.signed_in();
    assert_eq!(entrance.provider.asked_for("/keys"), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_provider_that_is_down_stops_nothing_but_signing_in() {
    let entrance = Entrance::new().await;
    entrance.provider.tell(|script| script.is_down = true);
    assert_eq!(entrance.desk.get("/api/v1/me").await.status, 200);
    let mut browser = Browser::default();
    let login = entrance.desk.url("/auth/login");
    let page = browser.get(&login);
    let refused = problem(&page, 503);
    assert!(
        refused["detail"].as_str().unwrap().contains("does not answer"),
        "{refused}"
    );
    assert!(page.header("retry-after").is_some());

    entrance.provider.tell(|script| script.is_down = false);
    let back = entrance.provider.admits(&browser.get(&login).leads_to());
    entrance.provider.tell(|script| script.is_down = true);
    problem(&browser.get(&back), 503);
    entrance.provider.tell(|script| script.is_down = false);
    let mut browser = entrance.signed_in();
    // Who is in needs the provider no more.
    entrance.provider.tell(|script| script.is_down = true);
    assert_eq!(entrance.me(&mut browser).status, 200);
    assert_eq!(entrance.recorded("login.refused").await.len(), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_provider_says_of_itself_is_not_taken_on_trust() {
    let entrance = Entrance::new().await;
    let issuer = entrance.provider.issuer();
    for (said, configuration) in [
        ("calls itself", json!({ "issuer": format!("{issuer}/") })),
        ("calls itself", json!({ "issuer": "https://evil.example" })),
        (
            "not encrypted, or none",
            json!({ "token_endpoint": "file:///etc/passwd" }),
        ),
        ("not as expected", json!({ "jwks_uri": null })),
    ] {
        entrance
            .provider
            .tell(|script| script.configuration = configuration);
        let refused = problem(&Browser::default().get(&entrance.desk.url("/auth/login")), 502);
        assert!(refused["detail"].as_str().unwrap().contains(said), "{refused}");
    }
    // Its answers come from where it was asked, and end.
    for (said, place) in [("status 302", "/redirected"), ("larger than", "/endless")] {
        let entrance = Entrance::new().await;
        let place = format!("{}{place}", entrance.provider.issuer());
        entrance
            .provider
            .tell(|script| script.configuration = json!({ "jwks_uri": place }));
        let refused = problem(&entrance.sign_in(&mut Browser::default()), 502);
        assert!(refused["detail"].as_str().unwrap().contains(said), "{refused}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_attempt_is_one_browsers_and_good_for_once() {
    let entrance = Entrance::new().await;
    let login = entrance.desk.url("/auth/login");
    let mut browser = Browser::default();
    let back = entrance.provider.admits(&browser.get(&login).leads_to());
    // Whoever is sent an address that another left with is not let in as the other.
    problem(&Browser::default().get(&back), 400);
    let mut victim = Browser::default();
    victim.get(&login);
    problem(&victim.get(&back), 400);
    let attempt = browser.cookie("tenon_login").unwrap().to_owned();
    assert_eq!(browser.get(&back).status, 303);
    problem(&browser.get(&back), 400);
    browser.keep("127.0.0.1", &format!("tenon_login={attempt}"));
    problem(&browser.get(&back), 400);

    let callback = entrance.desk.url("/auth/callback");
    for query in ["", "?code=a", "?state=a&code=b", "?state=a&state=b"] {
        problem(&victim.get(&format!("{callback}{query}")), 400);
    }
    // A code of another attempt is bound to that attempt's verifier.
    let (mut one, mut other) = (Browser::default(), Browser::default());
    let one_back = entrance.provider.admits(&one.get(&login).leads_to());
    let other_back = entrance.provider.admits(&other.get(&login).leads_to());
    let code = |back: &str| {
        let from = back.find("code=").unwrap();
        back[from..].split('&').next().unwrap().to_owned()
    };
    let injected = one_back.replace(&code(&one_back), &code(&other_back));
    let refused = problem(&one.get(&injected), 400);
    assert!(
        refused["detail"]
            .as_str()
            .unwrap()
            .contains("does not take the code"),
        "{refused}"
    );

    let mut late = Browser::default();
    let back = entrance.provider.admits(&late.get(&login).leads_to());
    let in_an_hour = tenon_jobs::now_ms() + 3_600_000;
    assert!(entrance.desk.database.expire_sessions(in_an_hour).await.unwrap() > 0);
    problem(&late.get(&back), 400);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_provider_that_refuses_or_is_another_lets_nobody_in() {
    let entrance = Entrance::new().await;
    let login = entrance.desk.url("/auth/login");
    let mut browser = Browser::default();
    let back = entrance.provider.admits(&browser.get(&login).leads_to());
    let denied = problem(&browser.get(&format!("{back}&error=access_denied")), 403);
    assert!(
        denied["detail"].as_str().unwrap().contains("access_denied"),
        "{denied}"
    );
    let back = entrance.provider.admits(&browser.get(&login).leads_to());
    problem(
        &browser.get(&format!("{back}&iss=https%3A%2F%2Fevil.example")),
        400,
    );

    let names_itself = json!({ "authorization_response_iss_parameter_supported": true });
    let entrance = Entrance::new().await;
    entrance
        .provider
        .tell(|script| script.configuration = names_itself);
    problem(&entrance.sign_in(&mut browser), 400);
    let back = entrance
        .provider
        .admits(&browser.get(&entrance.desk.url("/auth/login")).leads_to());
    let named = format!("{back}&iss={}", entrance.provider.issuer().replace(':', "%3A"));
    assert_eq!(browser.get(&named).status, 303);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_is_sent_to_another_host() {
    let entrance = Entrance::new().await;
    for path in [
        "https://evil.example",
        "//evil.example",
        "/%5Cevil.example",
        "/%09/evil.example",
        "docs",
        "",
    ] {
        let page = Browser::default().get(&entrance.desk.url(&format!("/auth/login?return_to={path}")));
        problem(&page, 400);
    }
    assert_eq!(entrance.recorded("login.refused").await.len(), 6);
    problem(
        &Browser::default().get(&entrance.desk.url("/auth/login?to=/docs")),
        400,
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_session_changes_something_only_for_our_own_pages() {
    let entrance = Entrance::new().await;
    let mut browser = entrance.signed_in();
    let keys = entrance.desk.url("/api/v1/keys");
    let body = json!({ "name": "mine" }).to_string();
    let own = entrance.desk.url("");
    let mut ask = |headers: &[(&str, &str)]| {
        let headers = [&[("content-type", "application/json")], headers].concat();
        browser.send("POST", &keys, &headers, &body)
    };
    for foreign in [
        &[][..],
        &[("origin", "https://evil.example")],
        &[("origin", "null")],
        &[("sec-fetch-site", "cross-site")],
        &[("sec-fetch-site", "same-site")],
    ] {
        let refused = problem(&ask(foreign), 403);
        assert!(
            refused["detail"]
                .as_str()
                .unwrap()
                .contains("pages of this server's own"),
            "{refused}"
        );
    }
    let created = ask(&[("origin", &own), ("sec-fetch-site", "same-origin")]);
    assert_eq!(created.status, 201, "{}", created.body);
    // A key that was made with it is as good as any, and asks for no page.
    let created: Value = serde_json::from_str(&created.body).unwrap();
    let key = created["secret"].as_str().unwrap();
    let me = Reply::of(entrance.desk.request(Method::GET, "/api/v1/me", key))
        .await
        .json();
    assert_eq!(me["user"]["name"], "ada@a.example");

    let logout = entrance.desk.url("/auth/logout");
    let foreign = [("origin", "https://evil.example")];
    problem(&browser.send("POST", &logout, &foreign, ""), 403);
    assert_eq!(entrance.me(&mut browser).status, 200);
    // The models are asked under the same rule.
    let models = entrance.desk.url("/v1/chat/completions");
    assert_eq!(browser.send("POST", &models, &foreign, "{}").status, 403);
    assert_eq!(entrance.recorded("request.refused").await.len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_session_is_ended_by_whoever_may_and_by_time() {
    let entrance = Entrance::new().await;
    let mut browser = entrance.signed_in();
    let me = json(&entrance.me(&mut browser));
    let path = format!("/api/v1/sessions/{}", me["session"].as_str().unwrap());
    let eve = entrance.desk.user("eve", "maintainer").await;
    let refused = Reply::of(entrance.desk.request(Method::DELETE, &path, &eve)).await;
    assert_eq!(refused.status, 403, "{}", refused.text);
    let listed = entrance
        .desk
        .get("/api/v1/sessions?user=ada%40a.example")
        .await
        .json();
    assert_eq!(listed["sessions"].as_array().unwrap().len(), 1);
    assert_eq!(entrance.desk.delete(&path).await.status, 204);
    problem(&entrance.me(&mut browser), 401);
    assert_eq!(entrance.recorded("session.revoked").await.len(), 1);

    let mut browser = entrance.signed_in();
    // The role is the one that they have now.
    let body = json!({ "name": "ada@a.example", "role": "admin" });
    assert_eq!(
        entrance
            .desk
            .put("/api/v1/users/ada%40a.example", &body)
            .await
            .status,
        200
    );
    assert_eq!(browser.get(&entrance.desk.url("/api/v1/users")).status, 200);
    let in_a_day = tenon_jobs::now_ms() + 86_400_000;
    entrance.desk.database.expire_sessions(in_a_day).await.unwrap();
    problem(&entrance.me(&mut browser), 401);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_who_belongs_here_is_let_in() {
    let closed = Admission {
        create_users: false,
        allowed_domains: vec!["a.example".to_owned()],
        ..everybody()
    };
    let entrance = Entrance::with(closed, |_| {}).await;
    let enter = |claims: Value| {
        entrance.provider.tell(|script| script.claims = claims);
        let mut browser = Browser::default();
        entrance.sign_in(&mut browser)
    };
    let ada = json!({ "email": "ada@a.example", "email_verified": true });
    let refused = problem(&enter(ada.clone()), 403);
    assert!(
        refused["detail"].as_str().unwrap().contains("tenon user add"),
        "{refused}"
    );
    for stranger in [
        json!({ "email": "ada@b.example", "email_verified": true }),
        json!({ "email": "ada@a.example", "email_verified": false }),
        json!({ "email": "ada@a.example" }),
        json!({}),
    ] {
        let refused = problem(&enter(stranger), 403);
        assert!(
            refused["detail"].as_str().unwrap().contains("domains"),
            "{refused}"
        );
    }
    entrance.desk.user("ada@a.example", "reviewer").await;
    assert_eq!(enter(ada.clone()).status, 303);
    // Somebody else who is given her address later is not her.
    let mut heir = ada.clone();
    heir["sub"] = json!("person 2");
    let refused = problem(&enter(heir), 403);
    assert!(
        refused["detail"].as_str().unwrap().contains("another's"),
        "{refused}"
    );
    // She stays who she is when her address changes.
    let moved = json!({ "email": "lovelace@a.example", "email_verified": true });
    assert_eq!(enter(moved).status, 303);
    assert_eq!(entrance.users().await, ["ada@a.example reviewer", "admin admin"]);
    let refused = entrance.recorded("login.refused").await;
    assert_eq!(refused.len(), 6);
    assert_eq!(refused[0]["data"]["details"]["name"], "ada@a.example");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_name_that_somebody_chose_makes_them_nobody_else() {
    let entrance = Entrance::new().await;
    let enter = |claims: Value| {
        entrance.provider.tell(|script| script.claims = claims);
        entrance.sign_in(&mut Browser::default())
    };
    let refused = problem(&enter(json!({ "preferred_username": "admin" })), 403);
    assert!(
        refused["detail"].as_str().unwrap().contains("does not vouch"),
        "{refused}"
    );
    let robot = json!({ "name": "ci@a.example", "kind": "service_account", "role": "admin" });
    entrance.desk.post("/api/v1/users", &robot).await.with(201);
    problem(
        &enter(json!({ "email": "ci@a.example", "email_verified": true })),
        403,
    );
    problem(&enter(json!({ "preferred_username": "<script>" })), 403);
    assert_eq!(enter(json!({ "preferred_username": "ada+web" })).status, 303);
    assert_eq!(
        entrance.users().await,
        ["ada+web viewer", "admin admin", "ci@a.example admin"]
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn groups_give_roles_and_may_be_told_beside_the_token() {
    let grouped = Admission {
        roles: vec![
            ("dev".to_owned(), Role::Developer),
            ("ops".to_owned(), Role::Maintainer),
        ],
        ..everybody()
    };
    let entrance = Entrance::with(grouped, |settings| {
        settings.groups_claim = Some("groups".to_owned());
        settings.user_claim = Some("email".to_owned());
    })
    .await;
    let enter = |person: Value| {
        entrance.provider.tell(|script| {
            script.claims = json!({});
            script.person = Some(person);
        });
        entrance.sign_in(&mut Browser::default())
    };
    let person = |groups: Value| json!({ "sub": "person 1", "email": "ada@a.example", "groups": groups });
    assert_eq!(enter(person(json!(["dev", "ops"]))).status, 303);
    assert_eq!(
        entrance.users().await,
        ["ada@a.example maintainer", "admin admin"]
    );
    assert_eq!(enter(person(json!(["dev"]))).status, 303);
    assert_eq!(entrance.users().await, ["ada@a.example developer", "admin admin"]);
    assert_eq!(enter(person(json!([]))).status, 303);
    assert_eq!(entrance.users().await, ["ada@a.example viewer", "admin admin"]);
    let mut other = person(json!(["ops"]));
    other["sub"] = json!("person 2");
    let refused = problem(&enter(other), 502);
    assert!(
        refused["detail"].as_str().unwrap().contains("said of another"),
        "{refused}"
    );
}

#[tokio::test]
async fn without_a_provider_nobody_signs_in() {
    let desk = Desk::new().await;
    for path in ["/auth/login", "/auth/callback"] {
        desk.get(path).await.failed(404);
    }
    desk.post("/auth/logout", &json!(null)).await.failed(404);
    let request = reqwest::Client::new().get(desk.url("/api/v1/me"));
    Reply::of(request.header("cookie", "tenon_session=a"))
        .await
        .failed(401);
    let wrong = reqwest::Client::new().get(desk.url("/auth/logout"));
    Reply::of(wrong).await.failed(405);
}
