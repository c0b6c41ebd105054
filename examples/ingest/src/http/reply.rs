//! Answers: a status and a line of JSON.

use bytes::Bytes;
use http::header::{ALLOW, CONNECTION, CONTENT_TYPE, RETRY_AFTER};
use http::{HeaderValue, Response, StatusCode};
use http_body_util::Full;
use serde::Serialize;

use crate::payload::BadBody;

/// What the service answers with.
pub type Reply = Response<Full<Bytes>>;

fn json(status: StatusCode, body: impl Into<Bytes>) -> Reply {
    let mut reply = Response::new(Full::new(body.into()));
    *reply.status_mut() = status;
    reply.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    reply
}

fn error(status: StatusCode, what: &impl Serialize) -> Reply {
    // Strings and numbers: there is nothing that could fail to serialize.
    json(status, serde_json::to_vec(what).unwrap_or_default())
}

#[derive(Serialize)]
struct Plain<'a> {
    error: &'a str,
}

/// 200: that many payloads were stored (or queued).
pub fn accepted(payloads: usize, word: &'static str) -> Reply {
    match (payloads, word) {
        (1, "stored") => json(StatusCode::OK, Bytes::from_static(b"{\"stored\":1}\n")),
        _ => json(StatusCode::OK, format!("{{\"{word}\":{payloads}}}\n")),
    }
}

/// 200, or 503 while shutting down.
pub fn health(stopping: bool, queued: usize) -> Reply {
    let (status, word) = if stopping { (StatusCode::SERVICE_UNAVAILABLE, "stopping") } else { (StatusCode::OK, "ok") };
    let body = format!("{{\"status\":\"{word}\",\"queued\":{queued}}}\n");
    json(status, body)
}

/// 400 with the place of the fault.
pub fn bad_body(bad: &BadBody) -> Reply {
    #[derive(Serialize)]
    struct Located<'a> {
        error: &'a str,
        line: usize,
        column: usize,
        path: &'a str,
    }

    let located = Located { error: &bad.reason, line: bad.line, column: bad.column, path: &bad.path };
    error(StatusCode::BAD_REQUEST, &located)
}

/// 404.
pub fn not_found() -> Reply {
    let what = Plain { error: "not found; payloads are POSTed to /" };
    error(StatusCode::NOT_FOUND, &what)
}

/// 405 with the methods that are allowed.
pub fn not_allowed(methods: &'static str) -> Reply {
    let what = Plain { error: "method not allowed" };
    let mut reply = error(StatusCode::METHOD_NOT_ALLOWED, &what);
    reply.headers_mut().insert(ALLOW, HeaderValue::from_static(methods));
    reply
}

/// 408: the body did not come in time.
pub fn too_slow() -> Reply {
    let what = Plain { error: "the body took too long" };
    closing(error(StatusCode::REQUEST_TIMEOUT, &what))
}

/// 413 with the limit.
pub fn too_large(limit: usize) -> Reply {
    #[derive(Serialize)]
    struct Limited<'a> {
        error: &'a str,
        limit: usize,
    }

    let limited = Limited { error: "the body is too large", limit };
    closing(error(StatusCode::PAYLOAD_TOO_LARGE, &limited))
}

/// The rest of the body will not be read: no other request can follow.
fn closing(mut reply: Reply) -> Reply {
    reply.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    reply
}

/// 503 with when to come again.
pub fn unavailable(why: &str) -> Reply {
    let mut reply = error(StatusCode::SERVICE_UNAVAILABLE, &Plain { error: why });
    reply.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("1"));
    reply
}

/// 500: a handler panicked.
pub fn broken() -> Reply {
    let what = Plain { error: "internal error" };
    error(StatusCode::INTERNAL_SERVER_ERROR, &what)
}
