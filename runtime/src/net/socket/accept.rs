//! Taking connections from a listener's queue.
//!
//! Three kinds of failure are not the caller's business. A connection that was given up while it was queued is passed over, as is one whose
//! network failed meanwhile: Linux hands the new connection's pending error to `accept` (its manual says to treat those as "try again"). And when
//! there are no descriptors or no memory left, the connection stays in the queue, where no event tells of it a second time: the call pauses,
//! longer each time up to half a second, until somebody has closed something. A loop that got the error would spin, or, having taken it for the
//! end, leave the port deaf; so it is told on stderr, once for each listener.

use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use socket2::SockAddr;
use threadle_scheduler::io::{Direction, connection_accepted, expect_runtime};

use super::{Handle, calls};
use crate::context::Watch;
use crate::net::unix;
use crate::polled::Attempt;

const FIRST_PAUSE: Duration = Duration::from_millis(5);
const LAST_PAUSE: Duration = Duration::from_millis(500);

/// Whether a listener has complained of a shortage.
#[derive(Debug, Default)]
pub(in crate::net) struct Shortage(AtomicBool);

impl Shortage {
    fn say(&self, listener: &Handle, error: &io::Error) {
        use std::io::Write as _;

        if self.0.swap(true, Ordering::Relaxed) {
            return;
        }
        let address = listener.file().local_addr().ok();
        let address = address.and_then(|address| match address.as_socket() {
            Some(address) => Some(address.to_string()),
            None => unix::to_std(&address).ok().map(|address| format!("{address:?}")),
        });
        let address = address.as_deref().unwrap_or("a listener");
        // There is nobody left to tell if stderr is gone.
        let _nobody_listens = writeln!(
            std::io::stderr(),
            "threadle: cannot accept on {address}: {error}; connections wait in its queue until that is over. This is said once."
        );
    }
}

impl Handle {
    /// The next connection, non-blocking, and its address. Panics outside a runtime before it takes one: there is nobody it could belong to.
    #[track_caller]
    pub(in crate::net) fn accept(
        &self,
        shortage: &Shortage,
        watch: Option<&Watch<'_>>,
    ) -> io::Result<(socket2::Socket, SockAddr)> {
        expect_runtime();
        let mut pause = FIRST_PAUSE;
        let accepted = self.socket().attempts(Direction::Read, watch, |file| {
            loop {
                match calls::accept_nonblocking(file) {
                    Err(error) if was_given_up(&error) => {}
                    Err(error) if is_shortage(&error) => {
                        shortage.say(self, &error);
                        let now = pause;
                        pause = (pause * 2).min(LAST_PAUSE);
                        return Attempt::Pause(now);
                    }
                    result => return result.into(),
                }
            }
        })?;
        connection_accepted();
        Ok(accepted)
    }
}

fn was_given_up(error: &io::Error) -> bool {
    matches!(
        error.raw_os_error(),
        Some(
            libc::ECONNABORTED
                | libc::EPROTO
                | libc::ENETDOWN
                | libc::ENOPROTOOPT
                | libc::EHOSTDOWN
                | libc::ENONET
                | libc::EHOSTUNREACH
                | libc::ENETUNREACH
        )
    )
}

fn is_shortage(error: &io::Error) -> bool {
    matches!(error.raw_os_error(), Some(libc::EMFILE | libc::ENFILE | libc::ENOBUFS | libc::ENOMEM))
}
