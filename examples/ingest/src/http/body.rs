//! Collecting a request's body, within limits of size and time.

use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::task::Poll;
use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt;
use hyper::body::{Body, Incoming};
use hyper::rt::Timer as _;
use threadle::rt::Timer;

/// Why there is no whole body.
#[derive(Debug)]
pub enum Unfinished {
    /// Larger than the limit.
    TooLarge,
    /// The time was over.
    TooSlow,
    /// The connection broke, or the chunks were malformed.
    Broken(hyper::Error),
}

/// Collects a body of at most `limit` bytes within `patience`.
///
/// # Errors
///
/// [`Unfinished`]. A declared length above the limit is refused before any of
/// it is read, so that a client that expects `100 Continue` never sends it.
pub async fn collect(mut body: Incoming, limit: usize, patience: Duration) -> Result<Bytes, Unfinished> {
    if body.size_hint().lower() > limit as u64 {
        return Err(Unfinished::TooLarge);
    }
    let mut whole = BytesMut::new();
    let mut sleep = None;
    while let Some(frame) = next_frame(&mut body, &mut sleep, patience).await? {
        let Ok(data) = frame.into_data() else {
            continue; // trailers
        };
        if whole.len() + data.len() > limit {
            return Err(Unfinished::TooLarge);
        }
        if whole.is_empty() {
            if body.is_end_stream() {
                return Ok(data); // the common case: no copy
            }
            let expected = usize::try_from(body.size_hint().lower()).unwrap_or(limit);
            whole.reserve(data.len() + expected.min(limit));
        }
        whole.extend_from_slice(&data);
    }
    Ok(whole.freeze())
}

type Sleep = Pin<Box<dyn hyper::rt::Sleep>>;

/// The next frame. The sleep is for the whole body; it is made when the body
/// first has to be waited for, which most never do.
async fn next_frame(
    body: &mut Incoming,
    sleep: &mut Option<Sleep>,
    patience: Duration,
) -> Result<Option<hyper::body::Frame<Bytes>>, Unfinished> {
    let mut frame = pin!(body.frame());
    poll_fn(|cx| {
        if let Poll::Ready(frame) = frame.as_mut().poll(cx) {
            return Poll::Ready(frame.transpose().map_err(Unfinished::Broken));
        }
        let sleep = sleep.get_or_insert_with(|| Timer.sleep_until(Instant::now() + patience));
        sleep.as_mut().poll(cx).map(|()| Err(Unfinished::TooSlow))
    })
    .await
}
