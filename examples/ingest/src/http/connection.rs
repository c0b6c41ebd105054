//! One connection: hyper's future on a goroutine, and its end.

use std::future::{Future, poll_fn};
use std::io::{self, Read};
use std::net::Shutdown;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use std::task::Poll;
use std::time::{Duration, Instant};

use hyper::server::conn::http1;
use hyper::service::service_fn;
use threadle::net::TcpStream;
use threadle::rt::Timer;

use super::handler::Handler;

/// Where a connection is, for the order to stop.
///
/// Only the connection's own goroutine looks at it; atomics because hyper's
/// service function borrows it beside the connection.
#[derive(Debug, Default)]
pub(super) struct Phase {
    at: AtomicU8,
    refused_body: AtomicBool,
}

/// No request was ever whole: nothing is lost by cutting it.
const FRESH: u8 = 0;
/// A head has come, its body not yet: half-sent.
const READING: u8 = 1;
/// A handler has the request: it is to be answered.
const HANDLING: u8 = 2;
/// Answered; perhaps not yet written out. The next head may be half-sent.
const ANSWERED: u8 = 3;

impl Phase {
    pub(super) fn reading(&self) {
        self.at.store(READING, Ordering::Relaxed);
    }

    pub(super) fn handling(&self) {
        self.at.store(HANDLING, Ordering::Relaxed);
    }

    pub(super) fn answered(&self) {
        self.at.store(ANSWERED, Ordering::Relaxed);
    }

    /// The answer goes out while the client may still be sending.
    pub(super) fn refused_body(&self) {
        self.refused_body.store(true, Ordering::Relaxed);
    }

    fn may_be_cut(&self) -> bool {
        matches!(self.at.load(Ordering::Relaxed), FRESH | READING)
    }
}

/// A connection's goroutine: serves requests until the client leaves, breaks
/// HTTP, or the service stops.
pub(super) fn serve(stream: TcpStream, handler: &Arc<Handler>) {
    let phase = Phase::default();
    let service = service_fn(|request| Arc::clone(handler).answer(request, &phase));
    let mut connection = pin!(
        http1::Builder::new()
            .timer(Timer)
            .header_read_timeout(handler.config.read_timeout)
            // Answers are small: copied into one buffer they go out by one plain write.
            .writev(false)
            // A client may close its sending side and still wait for the answer.
            .half_close(true)
            .serve_connection(stream.clone(), service)
    );
    let mut ordered = Some(handler.stop.ordered());
    threadle::block_on(poll_fn(|cx| {
        if let Some(order) = &mut ordered
            && std::pin::Pin::new(order).poll(cx).is_ready()
        {
            ordered = None;
            if phase.may_be_cut() {
                return Poll::Ready(());
            }
            connection.as_mut().graceful_shutdown();
        }
        // An error is the client's: it left, or did not speak HTTP, in which
        // case hyper has answered 400.
        connection.as_mut().poll(cx).map(|_served| ())
    }));
    if phase.refused_body.load(Ordering::Relaxed) {
        linger(&stream);
    }
}

/// Reads on for a moment after refusing a body: closing a socket with unread
/// bytes resets it, and the client might never see the answer.
fn linger(stream: &TcpStream) {
    const MOST: usize = 64 << 20;
    let deadline = Instant::now() + Duration::from_secs(2);
    let discard = || -> io::Result<()> {
        stream.shutdown(Shutdown::Write)?;
        stream.set_read_deadline(Some(deadline));
        let mut buffer = [0; 4096];
        let mut left = MOST;
        while left > 0 {
            match (&*stream).read(&mut buffer)? {
                0 => break,
                read => left = left.saturating_sub(read),
            }
        }
        Ok(())
    };
    // Whatever goes wrong, the stream is closed next.
    let _closed_anyway = discard();
}
