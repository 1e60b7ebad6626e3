//! What a worker shows of itself: whether it lives, whether it takes jobs, and what it counts.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use axum::{Json, Router};
use serde_json::{Value, json};
use tenon_signals::Metrics;
use tenon_store::Database;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::access::Access;
use crate::dialect::Dialect;

/// The vital signs of a process that answers no requests otherwise.
pub struct Vitals {
    metrics: Metrics,
    database: Database,
    access: Access,
    is_ready: AtomicBool,
}

impl Vitals {
    /// Shows `metrics` to those whom `access` names. It is not ready before [`Self::make_ready`].
    pub fn new(metrics: Metrics, database: Database, access: Access) -> Arc<Self> {
        Arc::new(Self {
            metrics,
            database,
            access,
            is_ready: AtomicBool::new(false),
        })
    }

    /// Says whether jobs are taken.
    pub fn make_ready(&self, is_ready: bool) {
        self.metrics.ready(is_ready);
        self.is_ready.store(is_ready, Ordering::Relaxed);
    }

    /// Shows them until `stop`.
    ///
    /// # Errors
    /// When the listener fails.
    pub async fn serve(
        self: Arc<Self>,
        listener: TcpListener,
        stop: CancellationToken,
    ) -> std::io::Result<()> {
        let app = Router::new()
            .route("/health/live", get(StatusCode::OK))
            .route("/health/ready", get(ready))
            .route("/metrics", get(metrics))
            .with_state(self);
        tokio::select! {
            served = axum::serve(listener, app) => served,
            // A scrape that is cut off is made again.
            () = stop.cancelled() => Ok(()),
        }
    }
}

async fn ready(State(vitals): State<Arc<Vitals>>) -> (StatusCode, Json<Value>) {
    let database = vitals.database.ping().await.is_ok();
    let jobs = vitals.is_ready.load(Ordering::Relaxed);
    readiness(&[("database", database), ("jobs", jobs)])
}

/// Ready when every part is.
pub(crate) fn readiness(parts: &[(&str, bool)]) -> (StatusCode, Json<Value>) {
    let is_ready = parts.iter().all(|(_, is_ready)| *is_ready);
    let status = match is_ready {
        true => StatusCode::OK,
        false => StatusCode::SERVICE_UNAVAILABLE,
    };
    let parts = parts
        .iter()
        .map(|(name, is_ready)| ((*name).to_owned(), Value::from(*is_ready)));
    let parts: serde_json::Map<String, Value> = parts.collect();
    (status, Json(json!({ "ready": is_ready, "parts": parts })))
}

async fn metrics(State(vitals): State<Arc<Vitals>>, headers: HeaderMap) -> Response {
    if let Err(failure) = vitals.access.scope(&headers) {
        return failure.response(Dialect::OpenAi);
    }
    measure(&vitals.metrics);
    scrape(&vitals.metrics)
}

/// All that was counted.
pub(crate) fn scrape(metrics: &Metrics) -> Response {
    let content_type = [(header::CONTENT_TYPE, tenon_signals::CONTENT_TYPE)];
    (StatusCode::OK, content_type, metrics.encode()).into_response()
}

/// Measures the process itself.
pub(crate) fn measure(metrics: &Metrics) {
    if let Some((resident, descriptors)) = process() {
        metrics.process(resident, descriptors);
    }
}

/// How much memory is resident, in bytes, and how many files are open.
fn process() -> Option<(u64, u64)> {
    let pages = std::fs::read_to_string("/proc/self/statm").ok()?;
    let resident: u64 = pages.split_whitespace().nth(1)?.parse().ok()?;
    let descriptors = std::fs::read_dir("/proc/self/fd").ok()?.count();
    Some((resident * PAGE, u64::try_from(descriptors).unwrap_or(u64::MAX)))
}

/// Linux on the machines that Tenon is built for.
const PAGE: u64 = 4096;
