//! Who may ask what, what it may cost, and what is written down about it.

use reqwest::Method;
use serde_json::{Value, json};
use tenon_api::Operation;
use tokio_util::sync::CancellationToken;

use crate::desk::{AtOnce, Desk};
use crate::house::Reply;

/// What stands in the places of paths, such that there is something there.
struct Things {
    job: String,
    batch: String,
    proposal: String,
    webhook: String,
    delivery: String,
}

fn path(operation: Operation, things: &Things) -> String {
    let id = match operation.path() {
        path if path.contains("/proposals/") => &things.proposal,
        path if path.contains("/batches/") => &things.batch,
        path if path.contains("/deliveries/") => &things.delivery,
        path if path.contains("/webhooks/") => &things.webhook,
        _ => &things.job,
    };
    let path = operation.path().replace("{id}", id);
    match operation {
        Operation::RemoveWebhook => operation.path().replace("{id}", "spare"),
        Operation::RemoveRepository => path.replace("{name}", "spare"),
        Operation::UploadArchive => path.replace("{name}", "web"),
        Operation::ChangeUser => path.replace("{name}", "a%20viewer"),
        Operation::RevokeKey => format!("/api/v1/keys/{}", "a".repeat(12)),
        Operation::RevokeSession => "/api/v1/sessions/gone".to_owned(),
        Operation::GrantKey => format!("{path}?port=1&challenge={}&name=a", "a".repeat(64)),
        Operation::LiftLimit => format!("{path}?scope=each:user&unit=tokens&window_seconds=60"),
        _ => path,
    }
}

fn body(operation: Operation) -> Option<Value> {
    Some(match operation {
        Operation::SubmitJob => json!({ "task": "generate", "repository": "web", "intent": "a" }),
        Operation::SubmitBatch => {
            json!({ "repository": "web", "defaults": { "task": "generate" }, "items": [{ "intent": "a" }] })
        }
        Operation::GiveFeedback => json!({ "verdict": "accepted" }),
        Operation::AddRepository => {
            json!({ "name": "more", "kind": "remote", "location": "https://host/more" })
        }
        Operation::AddWebhook => json!({ "url": "https://hooks.example.com/tenon" }),
        Operation::AddUser => json!({ "name": "new", "role": "viewer" }),
        Operation::ChangeUser => json!({ "name": "a viewer", "role": "viewer" }),
        Operation::CreateKey => json!({ "name": "more" }),
        Operation::SetLimit => {
            json!({ "scope": "each:user", "unit": "tokens", "window_seconds": 60, "quota": 1_000_000 })
        }
        Operation::CancelJob | Operation::RetryJob | Operation::CancelBatch | Operation::ResumeBatch => {
            json!(null)
        }
        _ => return None,
    })
}

async fn ask(desk: &Desk, operation: Operation, things: &Things, key: Option<&str>) -> Reply {
    let method: Method = operation.method().as_str().parse().unwrap();
    let path = path(operation, things);
    let mut request = reqwest::Client::new().request(method, desk.url(&path));
    if let Some(key) = key {
        request = request.bearer_auth(key);
    }
    Reply::of(match body(operation) {
        Some(body) => request.json(&body),
        None => request,
    })
    .await
}

/// The weakest role that may.
fn least(operation: Operation) -> &'static str {
    match operation {
        Operation::SubmitJob | Operation::SubmitBatch | Operation::ListBatches | Operation::GiveFeedback => {
            "developer"
        }
        Operation::ApproveProposal => "reviewer",
        // The batch is another's: a developer's own is tried elsewhere.
        Operation::ReadBatch | Operation::ListBatchItems | Operation::CancelBatch => "maintainer",
        Operation::AddRepository
        | Operation::RemoveRepository
        | Operation::UploadArchive
        | Operation::CancelJob
        | Operation::ListWebhooks
        | Operation::AddWebhook
        | Operation::RemoveWebhook
        | Operation::EnableWebhook
        | Operation::RotateWebhook
        | Operation::ListDeliveries
        | Operation::ReplayDelivery
        | Operation::ReadAudit
        | Operation::VerifyAudit
        | Operation::ExportAudit => "maintainer",
        // The job is another's: a developer's own is tried elsewhere.
        Operation::RetryJob
        | Operation::ResumeBatch
        | Operation::ListUsers
        | Operation::AddUser
        | Operation::ChangeUser
        | Operation::ListLimits
        | Operation::ReadSpending
        | Operation::SetLimit
        | Operation::LiftLimit => "admin",
        _ => "viewer",
    }
}

#[tokio::test]
async fn every_route_is_tried_with_every_role_and_every_kind_of_key() {
    let desk = Desk::new().await;
    desk.repository("web").await;
    desk.repository("spare").await;
    let stop = CancellationToken::new();
    let worker = desk.worker(AtOnce, &stop);
    let webhook = json!({ "url": "https://hooks.example.com/" });
    let webhook = desk.post("/api/v1/webhooks", &webhook).await.with(201);
    let job = desk.submit(&desk.admin, "web").await;
    let ended = desk.ended(&job).await;
    stop.cancel();
    worker.await.unwrap();
    let batch = json!({ "repository": "web", "items": [{ "task": "explain", "intent": "a" }] });
    let batch = desk.post("/api/v1/batches", &batch).await.with(202);
    let things = Things {
        job,
        batch: batch["id"].as_str().unwrap().to_owned(),
        proposal: ended["proposal"].as_str().unwrap().to_owned(),
        webhook: webhook["webhook"]["id"].as_str().unwrap().to_owned(),
        delivery: desk.database.deliveries(None, None, 1).await.unwrap()[0]
            .id
            .clone(),
    };
    let roles = ["viewer", "developer", "reviewer", "maintainer", "admin"];
    let mut keys = Vec::new();
    for role in roles {
        keys.push((role, desk.user(&format!("a {role}"), role).await));
    }
    let revoked = desk.user("gone", "admin").await;
    let id = revoked.split('_').nth(1).unwrap().to_owned();
    assert_eq!(desk.delete(&format!("/api/v1/keys/{id}")).await.status, 204);
    let expired = json!({ "name": "short", "user": "a viewer", "expires_seconds": 0 });
    let expired = desk.post("/api/v1/keys", &expired).await.with(201);
    let expired = expired["secret"].as_str().unwrap();
    let wrong = format!("{}x", &desk.admin[..desk.admin.len() - 1]);

    for operation in Operation::ALL.iter().copied() {
        let name = operation.name();
        for (kind, key) in [
            ("none", None),
            ("nonsense", Some("nonsense")),
            ("wrong", Some(wrong.as_str())),
            ("revoked", Some(revoked.as_str())),
            ("expired", Some(expired)),
        ] {
            let reply = ask(&desk, operation, &things, key).await;
            assert_eq!(
                reply.failed(401)["failure_category"],
                "auth",
                "{name} with {kind}"
            );
        }
        let least = roles.iter().position(|role| *role == least(operation)).unwrap();
        for (power, (role, key)) in keys.iter().enumerate() {
            let reply = ask(&desk, operation, &things, Some(key)).await;
            assert!(reply.status < 500, "{name} as {role}: {}", reply.text);
            // A key that is not there says so before anybody asks whose it would be.
            let is_refused = reply.status == 403;
            let is_gone = matches!(operation, Operation::RevokeKey | Operation::RevokeSession);
            let is_expected = power < least && !is_gone;
            assert_eq!(
                is_refused, is_expected,
                "{name} as {role}: {} {}",
                reply.status, reply.text
            );
        }
    }
    let report = desk.get("/api/v1/audit/verify").await.json();
    assert_eq!(
        (&report["is_whole"], &report["problems"]),
        (&json!(true), &json!([]))
    );
}

#[tokio::test]
async fn a_key_may_no_more_than_it_is_made_for() {
    let desk = Desk::new().await;
    for name in ["web", "api"] {
        desk.repository(name).await;
    }
    let limited =
        json!({ "name": "ci", "scopes": ["jobs:create", "jobs:read", "keys:manage", "repository:web"] });
    let created = desk.post("/api/v1/keys", &limited).await.with(201);
    let key = created["secret"].as_str().unwrap();
    desk.submit(key, "web").await;
    let body = json!({ "task": "generate", "repository": "api", "intent": "a" });
    let refused = Reply::of(desk.request(Method::POST, "/api/v1/jobs", key).json(&body))
        .await
        .failed(403);
    assert_eq!(refused["violated-policies"], json!(["scope"]));
    // It may list what it may see.
    let all = Reply::of(desk.request(Method::GET, "/api/v1/jobs", key)).await;
    assert_eq!(all.status, 403, "{}", all.text);
    let own = Reply::of(desk.request(Method::GET, "/api/v1/jobs?repository=web", key))
        .await
        .json();
    assert_eq!(own["jobs"].as_array().unwrap().len(), 1);
    // A key that is limited makes none that is less so.
    let wider = json!({ "name": "wide" });
    Reply::of(desk.request(Method::POST, "/api/v1/keys", key).json(&wider))
        .await
        .failed(403);
    // Nor is one named so that a terminal does something.
    for name in ["", "  ", "a\u{1b}[2J", "a\nb", &"a".repeat(101)] {
        let refused = desk
            .post("/api/v1/keys", &json!({ "name": name }))
            .await
            .failed(400);
        assert!(
            refused["detail"].as_str().unwrap().contains("`name`"),
            "{refused}"
        );
    }
    // The key is shown once: what is listed holds nothing of it.
    let listed = desk.get("/api/v1/keys").await.text;
    assert!(!listed.contains(key.rsplit('_').next().unwrap()), "{listed}");
}

#[tokio::test]
async fn limits_hold_for_each_and_say_what_is_left() {
    let desk = Desk::new().await;
    desk.repository("web").await;
    let ada = desk.user("ada", "developer").await;
    let bob = desk.user("bob", "developer").await;
    let limit = json!({ "scope": "each:user", "unit": "requests", "window_seconds": 3600, "quota": 3 });
    assert_eq!(desk.put("/api/v1/limits", &limit).await.status, 200);
    let me = |key: &str| Reply::of(desk.request(Method::GET, "/api/v1/me", key));
    for left in (0..3).rev() {
        let reply = me(&ada).await;
        assert_eq!(
            reply.headers["ratelimit-policy"],
            "\"each:user-requests-3600\";q=3;w=3600"
        );
        let said = reply.headers["ratelimit"].to_str().unwrap().to_owned();
        assert!(
            said.starts_with(&format!("\"each:user-requests-3600\";r={left};t=")),
            "{said}"
        );
    }
    let refused = me(&ada).await;
    let problem = refused.failed(429);
    assert!(
        problem["type"].as_str().unwrap().ends_with("#quota-exceeded"),
        "{problem}"
    );
    let wait: u64 = refused.headers["retry-after"].to_str().unwrap().parse().unwrap();
    assert!((1..=3601).contains(&wait), "{wait}");
    assert_eq!(me(&bob).await.status, 200);

    let lift = "/api/v1/limits?scope=each:user&unit=requests&window_seconds=3600";
    assert_eq!(desk.delete(lift).await.status, 204);
    assert_eq!(me(&ada).await.status, 200);
    desk.delete(lift).await.failed(404);

    let open = json!({ "scope": "user:ada", "unit": "concurrency", "window_seconds": 0, "quota": 1 });
    assert_eq!(desk.put("/api/v1/limits", &open).await.status, 200);
    desk.submit(&ada, "web").await;
    let body = json!({ "task": "generate", "repository": "web", "intent": "a" });
    Reply::of(desk.request(Method::POST, "/api/v1/jobs", &ada).json(&body))
        .await
        .failed(429);
    desk.submit(&bob, "web").await;
    for (field, value) in [
        ("scope", json!("everybody")),
        ("unit", json!("patience")),
        ("window_seconds", json!(0)),
        ("quota", json!(-1)),
    ] {
        let mut wrong = limit.clone();
        wrong[field] = value;
        let problem = desk.put("/api/v1/limits", &wrong).await.failed(400);
        assert!(problem["detail"].as_str().unwrap().contains(field), "{problem}");
    }
}

#[tokio::test]
async fn tokens_are_reserved_and_settled_by_what_a_job_used() {
    let desk = Desk::new().await;
    desk.repository("web").await;
    let limit = json!({ "scope": "repository:web", "unit": "tokens", "window_seconds": 3600, "quota": 5000 });
    assert_eq!(desk.put("/api/v1/limits", &limit).await.status, 200);
    let first = desk.submit(&desk.admin, "web").await;
    let used = async || desk.get("/api/v1/limits").await.json()["limits"][0]["used"].clone();
    assert_eq!(used().await, 4000);
    let body = json!({ "task": "generate", "repository": "web", "intent": "a" });
    desk.post("/api/v1/jobs", &body).await.failed(429);
    let stop = CancellationToken::new();
    let _worker = desk.worker(AtOnce, &stop);
    desk.ended(&first).await;
    assert_eq!(used().await, 120);
}

#[tokio::test]
async fn everything_that_is_asked_stands_in_the_log_and_nothing_of_what_was_said() {
    let desk = Desk::new().await;
    desk.repository("web").await;
    let viewer = desk.user("eve", "viewer").await;
    let secret = json!({ "task": "generate", "repository": "web", "intent": "the launch is in May" });
    let refused = desk.request(Method::POST, "/api/v1/jobs", &viewer).json(&secret);
    Reply::of(refused).await.failed(403);
    let job = desk.post("/api/v1/jobs", &secret).await.with(202);

    let page = desk.get("/api/v1/audit?limit=200").await.json();
    let text = page.to_string();
    assert!(!text.contains("launch"), "{text}");
    assert!(!text.contains(viewer.rsplit('_').next().unwrap()));
    let records = page["records"].as_array().unwrap();
    let of_kind = |kind: &str| {
        records
            .iter()
            .filter(|record| record["type"].as_str().unwrap().ends_with(kind))
            .count()
    };
    assert_eq!((of_kind("job.submitted"), of_kind("request.refused")), (1, 1));
    assert!(text.contains(job["id"].as_str().unwrap()));

    let exported = desk.get("/api/v1/audit/export").await.text;
    let report = tenon_audit::verify_export(exported.as_bytes(), &[]).unwrap();
    assert!(report.is_whole(), "{report:?}");
    assert!(report.signed_through.is_some());
    let changed = exported.replacen("job.submitted", "job.cancelled", 1);
    assert!(
        !tenon_audit::verify_export(changed.as_bytes(), &[])
            .unwrap()
            .is_whole()
    );
}

#[tokio::test]
async fn a_key_that_is_tried_in_vain_does_not_fill_the_log() {
    let desk = Desk::new().await;
    let wrong = format!("{}x", &desk.admin[..desk.admin.len() - 1]);
    for _ in 0..20 {
        let request = desk.request(Method::GET, "/api/v1/me", &wrong);
        Reply::of(request).await.failed(401);
    }
    let log = desk.get("/api/v1/audit?limit=200").await.text;
    assert_eq!(log.matches("the secret is wrong").count(), 1, "{log}");
}

#[tokio::test]
async fn nothing_is_answered_before_the_service_is_ready() {
    let desk = Desk::new().await;
    assert_eq!(desk.get("/health/ready").await.status, 200);
    desk.control.make_ready(false);
    assert_eq!(desk.get("/health/ready").await.status, 503);
    assert_eq!(desk.get("/health/live").await.status, 200);
    desk.get("/api/v1/me").await.failed(503);
}

#[tokio::test]
async fn folders_outside_of_what_is_allowed_cannot_be_registered() {
    let desk = Desk::new().await;
    std::os::unix::fs::symlink("/etc", desk.folder.path().join("repositories/link")).unwrap();
    let link = desk.folder.path().join("repositories/link");
    let missing = desk.folder.path().join("repositories/missing");
    for (location, kind) in [
        (json!("/etc"), "path"),
        (json!(link), "path"),
        (json!(missing), "path"),
        (json!("relative"), "path"),
        (json!("http://host/a"), "remote"),
        (json!("https://me:secret@host/a"), "remote"),
        (json!("ext::sh -c true"), "remote"),
        (json!("https://inside/a"), "remote"),
    ] {
        let body = json!({ "name": "x", "kind": kind, "location": location });
        let problem = desk.post("/api/v1/repositories", &body).await.failed(400);
        assert!(
            problem["detail"].as_str().unwrap().contains("location"),
            "{problem}"
        );
    }
    for name in ["", "..", "a/b", "-x", ".git", "a b"] {
        let body = json!({ "name": name, "kind": "remote", "location": "https://host/a" });
        desk.post("/api/v1/repositories", &body).await.failed(400);
    }
}

#[tokio::test]
async fn a_proposal_is_approved_by_another_and_says_by_whom() {
    let desk = Desk::new().await;
    desk.repository("web").await;
    let ada = desk.user("ada", "reviewer").await;
    let stop = CancellationToken::new();
    let _worker = desk.worker(AtOnce, &stop);
    let job = desk.submit(&ada, "web").await;
    let ended = desk.ended(&job).await;
    let path = format!("/api/v1/proposals/{}", ended["proposal"].as_str().unwrap());
    let approve =
        async |key: &str| Reply::of(desk.request(Method::POST, &format!("{path}/approval"), key)).await;
    // Not by who asked for it.
    approve(&ada).await.failed(403);
    let bob = desk.user("bob", "reviewer").await;
    for _ in 0..2 {
        assert_eq!(approve(&bob).await.status, 204);
    }
    let approvals = desk.get(&path).await.json()["approvals"].clone();
    assert_eq!(approvals.as_array().unwrap().len(), 1);
    assert_eq!(approvals[0]["user"], "bob");
    let log = desk.get("/api/v1/audit?limit=200").await.text;
    assert!(log.contains("proposal.approved"));
}

#[tokio::test]
async fn only_who_manages_all_repositories_says_where_one_is() {
    let desk = Desk::new().await;
    desk.repository("web").await;
    let user = json!({ "name": "ada", "role": "viewer", "repositories": { "web": "maintainer", "x": "maintainer" } });
    assert_eq!(desk.post("/api/v1/users", &user).await.status, 201);
    let key = desk
        .post("/api/v1/keys", &json!({ "name": "test", "user": "ada" }))
        .await
        .with(201);
    let ada = key["secret"].as_str().unwrap();
    let web = desk.folder.path().join("repositories/web");
    let body = json!({ "name": "x", "kind": "path", "location": web });
    Reply::of(
        desk.request(Method::POST, "/api/v1/repositories", ada)
            .json(&body),
    )
    .await
    .failed(403);
    Reply::of(desk.request(Method::DELETE, "/api/v1/repositories/web", ada))
        .await
        .failed(403);
    // Nobody gives a folder a second name.
    for location in [web.clone(), desk.folder.path().join("repositories")] {
        let body = json!({ "name": "x", "kind": "path", "location": location });
        desk.post("/api/v1/repositories", &body).await.failed(409);
    }
}

fn archive(name: &str, text: &str) -> Vec<u8> {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join(name), text).unwrap();
    tenon_forge::archive::pack(folder.path(), tenon_forge::archive::ArchiveBounds::default()).unwrap()
}

#[tokio::test]
async fn a_tree_is_uploaded_and_one_that_may_do_harm_is_not() {
    let desk = Desk::new().await;
    desk.repository("web").await;
    let body = json!({ "name": "sent", "kind": "archive" });
    assert_eq!(desk.post("/api/v1/repositories", &body).await.status, 201);
    let put = async |name: &str, bytes: Vec<u8>| {
        let path = format!("/api/v1/repositories/{name}/archive");
        Reply::of(desk.request(Method::PUT, &path, &desk.admin).body(bytes)).await
    };
    let sent = archive("a.py", "one = 1\n");
    let taken = put("sent", sent.clone()).await.json();
    assert_eq!((&taken["files"], &taken["bytes"]), (&json!(1), &json!(8)));
    let kept = desk.database.archive("sent").await.unwrap().unwrap();
    assert_eq!(
        tenon_forge::archive::inspect(&kept, Default::default())
            .unwrap()
            .files,
        1
    );
    put("sent", b"no archive".to_vec()).await.failed(400);
    // What was there before is still there.
    assert_eq!(desk.database.archive("sent").await.unwrap().unwrap(), kept);
    put("web", sent.clone()).await.failed(409);
    put("nothing", sent).await.failed(404);
    assert_eq!(desk.delete("/api/v1/repositories/sent").await.status, 204);
    assert!(desk.database.archive("sent").await.unwrap().is_none());
}

#[tokio::test]
async fn the_interface_describes_itself() {
    let desk = Desk::new().await;
    let document = Reply::of(reqwest::Client::new().get(desk.url("/api/v1/openapi.json")))
        .await
        .json();
    assert_eq!(document["openapi"], "3.1.0");
    let page = Reply::of(reqwest::Client::new().get(desk.url("/docs"))).await;
    assert!(page.text.contains("/api/v1/jobs/{id}/events"));
}

#[tokio::test]
async fn a_key_of_the_service_opens_the_models_too() {
    let desk = Desk::new().await;
    let developer = desk.user("ada", "developer").await;
    let viewer = desk.user("eve", "viewer").await;
    let models = |key: Option<String>| {
        let request = reqwest::Client::new().get(desk.url("/v1/models"));
        Reply::of(match key {
            Some(key) => request.bearer_auth(key),
            None => request,
        })
    };
    assert_eq!(models(Some(developer)).await.status, 200);
    assert_eq!(models(Some(viewer)).await.status, 403);
    let error = models(None).await.failed(401);
    assert_eq!(error["error"]["code"], "invalid_api_key");
}
