//! Every request as a span, under the one that its caller sent.

use axum::extract::{MatchedPath, Request};
use axum::http::{HeaderMap, Method};
use axum::middleware::Next;
use axum::response::Response;
use tracing::field::Empty;
use tracing::{Instrument as _, Span, info_span};

use crate::tally::{UNCOUNTED, UNKNOWN};

/// Answers a request within its span. Its path and its query are what a caller typed: they stand in none.
pub(crate) async fn traced(request: Request, next: Next) -> Response {
    let route = request.extensions().get::<MatchedPath>().cloned();
    let route = route.as_ref().map_or(UNKNOWN, MatchedPath::as_str);
    if UNCOUNTED.contains(&route) {
        return next.run(request).await;
    }
    let span = span(method(request.method()), route);
    tenon_traces::adopt(&span, traceparent(request.headers()));
    let response = next.run(request).instrument(span.clone()).await;
    let status = response.status();
    span.record("http.response.status_code", i64::from(status.as_u16()));
    let id = response.headers().get("x-tenon-request-id");
    if let Some(id) = id.and_then(|id| id.to_str().ok()) {
        span.record("tenon.gateway.request.id", id);
    }
    if status.is_server_error() {
        tell_failure(&span, status.as_str());
    }
    response
}

fn span(method: &'static str, route: &str) -> Span {
    info_span!(
        "request",
        "otel.name" = format!("{method} {route}"),
        "otel.kind" = "server",
        "otel.status_code" = Empty,
        "http.request.method" = method,
        "http.route" = route,
        "http.response.status_code" = Empty,
        "error.type" = Empty,
        "tenon.gateway.request.id" = Empty,
        "tenon.gateway.request.model" = Empty,
        "tenon.gateway.response.model" = Empty,
        "tenon.gateway.streamed" = Empty,
        "tenon.gateway.cancelled" = Empty,
        "tenon.gateway.cache" = Empty,
    )
}

/// Says in a span that its request failed, and how.
pub(crate) fn tell_failure(span: &Span, kind: &str) {
    span.record("error.type", kind);
    span.record("otel.status_code", "ERROR");
}

fn traceparent(headers: &HeaderMap) -> Option<&str> {
    headers.get(tenon_traces::HEADER)?.to_str().ok()
}

/// The method, if it is one that is known: a caller may send any word.
fn method(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::DELETE => "DELETE",
        Method::HEAD => "HEAD",
        Method::OPTIONS => "OPTIONS",
        Method::PATCH => "PATCH",
        _ => "_OTHER",
    }
}
