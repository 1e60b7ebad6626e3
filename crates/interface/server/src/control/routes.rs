use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Instant;

use axum::Router;
use axum::extract::{RawPathParams, Request, State};
use axum::http::{HeaderName, HeaderValue};
use axum::response::Response;
use axum::routing::{MethodRouter, delete, get, post, put};
use tenon_api::{Door, Method, Operation};
use tenon_domain::{Criticality, FailureCategory};
use tenon_jobs::now_ms;
use tenon_signals::{CacheUse, RequestAnswered};
use tenon_store::{Limit, LimitUnit, UsageRow};

use super::answer::Answer;
use super::asked::Asked;
use super::{
    Caller, Control, Refusal, archives, audit, batches, body, doors, events, jobs, keys, programs, proposals,
    repositories, sessions, signals, users, webhooks,
};

/// A route for every operation, and for every door.
pub(crate) fn routes(control: &Arc<Control>) -> Router {
    let add = |router: Router<Arc<Control>>, operation: &Operation| {
        router.route(operation.path(), method(*operation))
    };
    let router = Operation::ALL.iter().fold(Router::new(), add);
    Door::ALL
        .into_iter()
        .fold(router, |router, door| router.route(door.path(), entrance(door)))
        .method_not_allowed_fallback(wrong_method)
        .with_state(Arc::clone(control))
}

fn method(operation: Operation) -> MethodRouter<Arc<Control>> {
    let handler = move |State(control): State<Arc<Control>>, places: RawPathParams, request: Request| async move {
        serve(&control, operation, &places, request).await
    };
    match operation.method() {
        Method::Get => get(handler),
        Method::Post => post(handler),
        Method::Put => put(handler),
        Method::Delete => delete(handler),
    }
}

fn entrance(door: Door) -> MethodRouter<Arc<Control>> {
    let handler = move |State(control): State<Arc<Control>>, request: Request| async move {
        let path = request.uri().path().to_owned();
        let asked = Measured::begin(door.path(), false);
        let opened = doors::open(&control, door, request, &asked.request_id).await;
        let failure = opened.as_ref().err().map(|refusal| refusal.category);
        let response = opened.unwrap_or_else(|refusal| refusal.response(&asked.request_id, &path));
        asked.end(&control, response, failure, &[])
    };
    match door.method() {
        Method::Post => post(handler),
        Method::Get | Method::Put | Method::Delete => get(handler),
    }
}

async fn wrong_method(request: Request) -> Response {
    let path = request.uri().path();
    let detail = format!("`{}` is not served at `{path}`", request.method());
    Refusal::method(detail).response(&uuid::Uuid::now_v7().to_string(), path)
}

async fn serve(
    control: &Control,
    operation: Operation,
    places: &RawPathParams,
    request: Request,
) -> Response {
    let asked = Measured::begin(operation.path(), operation == Operation::WatchJob);
    let path = request.uri().path().to_owned();
    let answered = answer(control, operation, places, request, &asked.request_id, &path).await;
    let failure = answered.as_ref().err().map(|refusal| refusal.category);
    let (response, usage) = match answered {
        Ok((answer, usage)) => (answer.into_response(), usage),
        Err(refusal) => (refusal.response(&asked.request_id, &path), Vec::new()),
    };
    asked.end(control, response, failure, &usage)
}

/// A request under its name, from its beginning to its answer.
struct Measured {
    route: &'static str,
    is_stream: bool,
    begun: Instant,
    request_id: String,
}

impl Measured {
    fn begin(route: &'static str, is_stream: bool) -> Self {
        Self {
            route,
            is_stream,
            begun: Instant::now(),
            request_id: uuid::Uuid::now_v7().to_string(),
        }
    }

    fn end(
        self,
        control: &Control,
        mut response: Response,
        failure: Option<FailureCategory>,
        usage: &[UsageRow],
    ) -> Response {
        let headers = response.headers_mut();
        if let Ok(id) = HeaderValue::from_str(&self.request_id) {
            headers.insert("x-tenon-request-id", id);
        }
        for (name, value) in rate_limits(usage) {
            headers.insert(name, value);
        }
        let took = self.begun.elapsed();
        control.metrics().request_answered(&RequestAnswered {
            route: self.route,
            model: None,
            task: None,
            criticality: Criticality::Standard,
            status: response.status().as_u16(),
            failure,
            cache: CacheUse::Bypass,
            took,
            first_text: None,
            overhead: took,
            stream: self.is_stream,
        });
        response
    }
}

async fn answer(
    control: &Control,
    operation: Operation,
    places: &RawPathParams,
    request: Request,
    request_id: &str,
    path: &str,
) -> Result<(Answer, Vec<UsageRow>), Refusal> {
    if !control.is_ready() {
        return Err(Refusal::unavailable("the server is starting or stopping"));
    }
    let headers = request.headers().clone();
    let caller = Caller::recognise(control, request.method(), &headers).await?;
    let now = now_ms();
    let counted = control.ledger.count_request(&caller, now).await?;
    let usage = counted.map_err(|exceeded| Refusal::exceeded(&exceeded, now))?;
    let query = request.uri().query().unwrap_or_default().to_owned();
    let asked = Asked {
        control,
        operation,
        caller,
        request_id: request_id.to_owned(),
        headers,
        places: places
            .iter()
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect::<BTreeMap<_, _>>(),
        query,
        body: body::receive_for(operation, request).await,
        is_permitted: AtomicBool::new(false),
    };
    let answered = handle(&asked).await;
    if let Err(refusal) = &answered {
        asked.note_failure(path, refusal).await;
    }
    Ok((answered?, usage))
}

/// Every operation has its handler here; one without does not compile.
async fn handle(asked: &Asked<'_>) -> Result<Answer, Refusal> {
    match asked.operation {
        Operation::ReadMe => users::me(asked).await,
        Operation::SubmitJob => jobs::submit(asked).await,
        Operation::ListJobs => jobs::list(asked).await,
        Operation::ReadJob => jobs::read(asked).await,
        Operation::WatchJob => events::watch(asked).await,
        Operation::CancelJob => jobs::cancel(asked).await,
        Operation::RetryJob => jobs::retry(asked).await,
        Operation::SubmitBatch => batches::submit(asked).await,
        Operation::ListBatches => batches::list(asked).await,
        Operation::ReadBatch => batches::read(asked).await,
        Operation::ListBatchItems => batches::items(asked).await,
        Operation::CancelBatch => batches::cancel(asked).await,
        Operation::ResumeBatch => batches::resume(asked).await,
        Operation::ListProposals => proposals::list(asked).await,
        Operation::ReadProposal => proposals::read(asked).await,
        Operation::ReadDiff => proposals::diff(asked).await,
        Operation::ReadRecord => proposals::record(asked).await,
        Operation::GiveFeedback => proposals::feedback(asked).await,
        Operation::ApproveProposal => proposals::approve(asked).await,
        Operation::ListRepositories => repositories::list(asked).await,
        Operation::AddRepository => repositories::add(asked).await,
        Operation::UploadArchive => archives::upload(asked).await,
        Operation::RemoveRepository => repositories::remove(asked).await,
        Operation::ListPrompts => signals::prompts(asked).await,
        Operation::ListModels => signals::models(asked).await,
        Operation::ListUsers => users::list(asked).await,
        Operation::AddUser => users::add(asked).await,
        Operation::ChangeUser => users::change(asked).await,
        Operation::ListKeys => keys::list(asked).await,
        Operation::CreateKey => keys::create(asked).await,
        Operation::RevokeKey => keys::revoke(asked).await,
        Operation::GrantKey => programs::grant(asked).await,
        Operation::ListSessions => sessions::list(asked).await,
        Operation::RevokeSession => sessions::revoke(asked).await,
        Operation::ListLimits => signals::limits(asked).await,
        Operation::SetLimit => signals::set_limit(asked).await,
        Operation::LiftLimit => signals::lift_limit(asked).await,
        Operation::ReadSpending => signals::spending(asked).await,
        Operation::ListWebhooks => webhooks::list(asked).await,
        Operation::AddWebhook => webhooks::add(asked).await,
        Operation::RemoveWebhook => webhooks::remove(asked).await,
        Operation::EnableWebhook => webhooks::enable(asked).await,
        Operation::RotateWebhook => webhooks::rotate(asked).await,
        Operation::ListDeliveries => webhooks::deliveries(asked).await,
        Operation::ReplayDelivery => webhooks::replay(asked).await,
        Operation::ReadAudit => audit::read(asked).await,
        Operation::VerifyAudit => audit::verify(asked).await,
        Operation::ExportAudit => audit::export(asked).await,
        Operation::ReadSignals => signals::read(asked).await,
    }
}

/// The limits of a request, as the IETF's draft of rate-limit headers writes them, and which of them are nearly used up.
pub(crate) fn rate_limits(usage: &[UsageRow]) -> Vec<(HeaderName, HeaderValue)> {
    let now = now_ms();
    let (mut policies, mut left, mut warnings) = (String::new(), String::new(), String::new());
    for (index, row) in usage.iter().enumerate() {
        if row.mark() > 0 && row.limit.unit != LimitUnit::Requests {
            let separator = if warnings.is_empty() { "" } else { ", " };
            let Limit {
                scope,
                unit,
                window_seconds,
                quota,
            } = &row.limit;
            let _ = write!(
                warnings,
                "{separator}{} % of {quota} {unit} in {window_seconds} s for {scope}",
                row.mark()
            );
        }
        let separator = if index == 0 { "" } else { ", " };
        let name = format!(
            "{}-{}-{}",
            row.limit.scope.to_string().replace(['"', '\\'], "'"),
            row.limit.unit,
            row.limit.window_seconds
        );
        let until = (row.resets_at_ms.saturating_sub(now) / 1000).max(0);
        // Writing to a `String` cannot fail.
        let _ = write!(
            policies,
            "{separator}\"{name}\";q={};w={}",
            row.limit.quota, row.limit.window_seconds
        );
        let _ = write!(left, "{separator}\"{name}\";r={};t={until}", row.remaining());
    }
    let headers = [
        ("ratelimit-policy", policies),
        ("ratelimit", left),
        ("x-tenon-limit-warning", warnings),
    ];
    let headers = headers.into_iter().filter(|(_, text)| !text.is_empty());
    headers
        .filter_map(|(name, text)| Some((HeaderName::from_static(name), HeaderValue::from_str(&text).ok()?)))
        .collect()
}
