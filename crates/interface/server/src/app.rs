//! The routes.

use std::convert::Infallible;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use axum::body::Bytes;
use axum::extract::{
    DefaultBodyLimit, FromRequest, FromRequestParts, Multipart, Path, Query, RawQuery, Request, State,
};
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode};
use axum::middleware::{Next, from_fn, from_fn_with_state};
use axum::response::{Html, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde::Deserialize;
use serde::de::{DeserializeOwned, IgnoredAny};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::access::{Admitted, Asking};
use crate::control::{self, Refusal, Told, rate_limits};
use crate::dialect::completions::Shape;
use crate::dialect::{
    Dialect, batches, chat, completions, files, infill, messages, ollama, open_ai, read, responses, tabby,
};
use crate::failure::{Category, Failure};
use crate::service::Service;
use crate::spans;
use crate::tally;
use crate::vitals::readiness;

const MOST_BODY: usize = 8 * 1024 * 1024;
const LONGEST_UPLOAD: Duration = Duration::from_secs(30);
/// What is being answered when the server stops may still be finished in this time.
const DRAIN: Duration = Duration::from_secs(20);

type Shared = State<Arc<Service>>;

/// The routes over a service.
pub fn app(service: Arc<Service>) -> Router {
    let control = service.control().map(control::routes);
    let served = Router::new()
        .route("/v1/completions", post(any_completions))
        .route("/beta/completions", post(open_ai_completions))
        .route("/v1/beta/completions", post(open_ai_completions))
        .route("/v1/fim/completions", post(fill_completions))
        .route("/v1/chat/completions", post(chat_completions))
        .route("/v1beta/chat/completions", post(chat_completions))
        .route("/v1/responses", post(response))
        .route("/v1/models", get(list_models))
        .route(
            "/v1/files",
            post(upload_file)
                .layer(DefaultBodyLimit::max(files::MOST_UPLOAD))
                .get(list_files),
        )
        .route("/v1/files/{id}", get(read_file).delete(remove_file))
        .route("/v1/files/{id}/content", get(file_content))
        .route("/v1/batches", post(submit_batch).get(list_batches))
        .route("/v1/batches/{id}", get(read_batch))
        .route("/v1/batches/{id}/cancel", post(cancel_batch))
        .route("/v1/messages", post(anthropic_messages))
        .route("/v1/health", get(health).post(health))
        .route("/v1/events", post(tabby_event))
        .route("/v1beta/server_setting", get(tabby_settings))
        .route("/v1beta/models", get(tabby_models))
        .route("/infill", post(llama_infill))
        .route("/health", get(health))
        .route("/api/generate", post(ollama_generate))
        .route("/api/tags", get(ollama_tags))
        .route("/health/live", get(alive))
        .route("/health/ready", get(ready))
        .route("/metrics", get(metrics))
        .route("/api/v1/openapi.json", get(openapi))
        .route("/docs", get(documentation))
        .fallback(unknown)
        .method_not_allowed_fallback(wrong_method)
        .layer(from_fn_with_state(Arc::clone(&service), tally::kept))
        .layer(from_fn(limits_told))
        .layer(DefaultBodyLimit::max(MOST_BODY))
        .with_state(service);
    let all = match control {
        Some(control) => served.merge(control),
        None => served,
    };
    all.layer(from_fn(spans::traced))
}

/// Serves until `stop`, and then no longer than it takes to finish what is being answered.
///
/// # Errors
/// When the listener fails.
pub async fn serve(
    listener: TcpListener,
    service: Arc<Service>,
    stop: CancellationToken,
) -> std::io::Result<()> {
    let stopping = stop.clone();
    let served = axum::serve(listener, app(service)).with_graceful_shutdown(stopping.cancelled_owned());
    let overdue = async {
        stop.cancelled().await;
        tokio::time::sleep(DRAIN).await;
    };
    tokio::select! {
        served = served => served,
        () = overdue => Ok(()),
    }
}

/// Whoever asks, known by a key or by being on this machine.
impl FromRequestParts<Arc<Service>> for Asking {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, service: &Arc<Service>) -> Result<Self, Response> {
        let path = parts.uri.path();
        let told = parts.extensions.get::<Told>();
        let asking = service.asking(&parts.method, &parts.headers, path, told).await;
        asking.map_err(|failure| failure.response(Dialect::of_path(path)))
    }
}

/// The same, with room for the work: nothing of the body is read before.
impl FromRequestParts<Arc<Service>> for Admitted {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, service: &Arc<Service>) -> Result<Self, Response> {
        let asking = Asking::from_request_parts(parts, service).await?;
        let dialect = Dialect::of_path(parts.uri.path());
        let room = service.admit().map_err(|failure| failure.response(dialect))?;
        Ok(Self::new(asking, room))
    }
}

/// A body, read in time, or what is wrong with it.
struct Sent(Result<Bytes, Failure>);

impl<S: Send + Sync> FromRequest<S> for Sent {
    type Rejection = Infallible;

    async fn from_request(request: Request, state: &S) -> Result<Self, Infallible> {
        let reading = tokio::time::timeout(LONGEST_UPLOAD, Bytes::from_request(request, state));
        Ok(Self(match tally::current().waiting(reading).await {
            Ok(Ok(bytes)) => Ok(bytes),
            Ok(Err(rejection)) => {
                let category = match rejection.status() {
                    StatusCode::PAYLOAD_TOO_LARGE => Category::TooLarge,
                    _ => Category::BadRequest,
                };
                Err(Failure::new(category, rejection.body_text()))
            }
            Err(_) => Err(Failure::new(
                Category::BadRequest,
                format!("the body did not come within {} s", LONGEST_UPLOAD.as_secs()),
            )),
        }))
    }
}

impl Sent {
    fn read<T: DeserializeOwned>(self) -> Result<T, Failure> {
        read(&self.0?)
    }
}

/// Says in every answer what is left of the limits.
async fn limits_told(mut request: Request, next: Next) -> Response {
    let told = Told::default();
    request.extensions_mut().insert(Arc::clone(&told));
    let mut response = next.run(request).await;
    let rows = std::mem::take(&mut *told.lock().unwrap_or_else(PoisonError::into_inner));
    for (name, value) in rate_limits(&rows) {
        response.headers_mut().insert(name, value);
    }
    response
}

/// The fields that tell one form from the other; their values are not kept.
#[derive(Deserialize)]
struct Marks {
    segments: Option<IgnoredAny>,
    debug_options: Option<IgnoredAny>,
    prompt: Option<IgnoredAny>,
    model: Option<IgnoredAny>,
}

impl Marks {
    fn are_tabbys(&self) -> bool {
        let is_open_ais = self.prompt.is_some() || self.model.is_some();
        self.segments.is_some() || self.debug_options.is_some() || !is_open_ais
    }
}

/// Tabby's form and OpenAI's share a path; the body tells which it is.
async fn any_completions(State(service): Shared, asker: Admitted, sent: Sent) -> Response {
    let sent = match sent.0 {
        Ok(sent) => sent,
        Err(failure) => return failure.response(Dialect::OpenAi),
    };
    let marks: Marks = match read(&sent) {
        Ok(marks) => marks,
        Err(failure) => return failure.response(Dialect::OpenAi),
    };
    if marks.are_tabbys() {
        let answered = async { tabby::answer(&service, asker, read(&sent)?).await };
        return Dialect::Tabby.answer(answered.await);
    }
    let answered = async { completions::answer(&service, asker, read(&sent)?, Shape::Text).await };
    Dialect::OpenAi.answer(answered.await)
}

async fn open_ai_completions(State(service): Shared, asker: Admitted, sent: Sent) -> Response {
    let answered = async { completions::answer(&service, asker, sent.read()?, Shape::Text).await };
    Dialect::OpenAi.answer(answered.await)
}

async fn fill_completions(State(service): Shared, asker: Admitted, sent: Sent) -> Response {
    let answered = async { completions::answer(&service, asker, sent.read()?, Shape::Message).await };
    Dialect::OpenAi.answer(answered.await)
}

async fn chat_completions(State(service): Shared, asker: Admitted, sent: Sent) -> Response {
    let answered = async { chat::answer(&service, asker, sent.read()?).await };
    Dialect::OpenAi.answer(answered.await)
}

async fn response(State(service): Shared, asker: Admitted, sent: Sent) -> Response {
    let answered = async { responses::answer(&service, asker, sent.read()?).await };
    Dialect::OpenAi.answer(answered.await)
}

async fn upload_file(State(service): Shared, asking: Asking, form: Multipart) -> Response {
    Dialect::OpenAi.answer(files::upload(&service, &asking, form).await)
}

async fn list_files(State(service): Shared, asking: Asking, Query(listed): Query<files::Listed>) -> Response {
    Dialect::OpenAi.answer(files::list(&service, &asking, &listed).await)
}

async fn read_file(State(service): Shared, asking: Asking, Path(id): Path<String>) -> Response {
    Dialect::OpenAi.answer(files::read(&service, &asking, &id).await)
}

async fn remove_file(State(service): Shared, asking: Asking, Path(id): Path<String>) -> Response {
    Dialect::OpenAi.answer(files::remove(&service, &asking, &id).await)
}

async fn file_content(State(service): Shared, asking: Asking, Path(id): Path<String>) -> Response {
    Dialect::OpenAi.answer(files::content(&service, &asking, &id).await)
}

async fn submit_batch(State(service): Shared, asking: Asking, sent: Sent) -> Response {
    let answered = async { batches::submit(&service, &asking, sent.read()?).await };
    Dialect::OpenAi.answer(answered.await)
}

async fn list_batches(
    State(service): Shared,
    asking: Asking,
    Query(listed): Query<files::Listed>,
) -> Response {
    Dialect::OpenAi.answer(batches::list(&service, &asking, &listed).await)
}

async fn read_batch(State(service): Shared, asking: Asking, Path(id): Path<String>) -> Response {
    Dialect::OpenAi.answer(batches::read(&service, &asking, &id).await)
}

async fn cancel_batch(State(service): Shared, asking: Asking, Path(id): Path<String>) -> Response {
    Dialect::OpenAi.answer(batches::cancel(&service, &asking, &id).await)
}

async fn list_models(State(service): Shared, _asker: Asking) -> Json<Value> {
    Json(open_ai::models(&service))
}

async fn anthropic_messages(State(service): Shared, asker: Admitted, sent: Sent) -> Response {
    let answered = async { messages::answer(&service, asker, sent.read()?).await };
    Dialect::Anthropic.answer(answered.await)
}

async fn health(State(service): Shared, _asker: Asking) -> Json<Value> {
    Json(tabby::health(&service))
}

async fn tabby_event(
    State(service): Shared,
    asker: Admitted,
    RawQuery(query): RawQuery,
    sent: Sent,
) -> Response {
    let query = query.unwrap_or_default();
    let heard = sent
        .read()
        .and_then(|event| tabby::event(&service, &asker.scope, &event, &query));
    Dialect::Tabby.answer(heard)
}

async fn tabby_settings(_asker: Asking) -> Json<Value> {
    Json(json!({ "disable_client_side_telemetry": true }))
}

async fn tabby_models(State(service): Shared, _asker: Asking) -> Json<Value> {
    Json(tabby::models(&service))
}

async fn llama_infill(State(service): Shared, asker: Admitted, sent: Sent) -> Response {
    let answered = async { infill::answer(&service, asker, sent.read()?).await };
    Dialect::LlamaCpp.answer(answered.await)
}

async fn ollama_generate(State(service): Shared, asker: Admitted, sent: Sent) -> Response {
    let answered = async { ollama::answer(&service, asker, sent.read()?).await };
    Dialect::Ollama.answer(answered.await)
}

async fn ollama_tags(State(service): Shared, _asker: Asking) -> Json<Value> {
    Json(ollama::tags(&service))
}

/// For whoever watches over the process: no key, and nothing told.
async fn alive() -> StatusCode {
    StatusCode::OK
}

/// Ready once everything is loaded, and until the server is to stop.
async fn ready(State(service): Shared) -> (StatusCode, Json<Value>) {
    readiness(&service.readiness().await)
}

/// What is measured tells who works here on what: not for everybody.
async fn metrics(State(service): Shared, headers: HeaderMap) -> Response {
    match service.control() {
        Some(control) => control::metrics(control, &headers).await,
        None => Refusal::missing("nothing is measured without a database").response("", "/metrics"),
    }
}

async fn openapi() -> Json<Value> {
    Json(tenon_api::document())
}

async fn documentation() -> Html<String> {
    Html(tenon_api::page())
}

/// The service's own interface has its own way to say that there is nothing.
fn is_ours(path: &str) -> bool {
    path.starts_with("/api/v1/") || path == "/api/v1"
}

async fn unknown(State(service): Shared, request: Request) -> Response {
    let path = request.uri().path();
    if is_ours(path) {
        let id = uuid::Uuid::now_v7().to_string();
        return Refusal::missing(format!("there is nothing at `{path}`")).response(&id, path);
    }
    if let Err(failure) = service
        .asking(request.method(), request.headers(), path, None)
        .await
    {
        return failure.response(Dialect::of_path(path));
    }
    let failure = Failure::new(Category::UnknownRoute, format!("there is nothing at `{path}`"));
    failure.response(Dialect::of_path(path))
}

async fn wrong_method(State(service): Shared, request: Request) -> Response {
    let path = request.uri().path();
    if let Err(failure) = service
        .asking(request.method(), request.headers(), path, None)
        .await
    {
        return failure.response(Dialect::of_path(path));
    }
    let message = format!("`{}` is not served at `{path}`", request.method());
    Failure::new(Category::WrongMethod, message).response(Dialect::of_path(path))
}
