use axum::Json;
use axum::body::Body;
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use serde::Serialize;

use super::asked::Permit;

/// The answer to a request that is permitted.
pub(super) struct Answer(Response);

impl Answer {
    /// One JSON value.
    pub fn json<T: Serialize>(_: &Permit, status: StatusCode, value: &T) -> Self {
        Self((status, Json(value)).into_response())
    }

    /// Nothing but the status.
    pub fn nothing(_: &Permit, status: StatusCode) -> Self {
        Self(status.into_response())
    }

    /// A body of another kind.
    pub fn body(_: &Permit, media_type: &'static str, body: Body) -> Self {
        let mut response = body.into_response();
        response
            .headers_mut()
            .insert("content-type", HeaderValue::from_static(media_type));
        Self(response)
    }

    /// Whoever asks goes there instead.
    pub fn redirect(_: &Permit, location: &str) -> Self {
        Self(StatusCode::SEE_OTHER.into_response()).with_header(header::LOCATION, location)
    }

    /// The same with one more cookie.
    pub fn with_cookie(mut self, cookie: &str) -> Self {
        if let Ok(value) = HeaderValue::from_str(cookie) {
            self.0.headers_mut().append(header::SET_COOKIE, value);
        }
        self
    }

    /// The same with one more header; a value that fits in none is left out.
    pub fn with_header(mut self, name: HeaderName, value: &str) -> Self {
        if let Ok(value) = HeaderValue::from_str(value) {
            self.0.headers_mut().insert(name, value);
        }
        self
    }

    pub fn into_response(self) -> Response {
        self.0
    }
}
