//! Running a future to its end on a goroutine or a plain thread.
//!
//! # How it waits
//!
//! The waker is a counted cell with a [`Notice`](notice::Notice) in it: a word, and the ticket of the poller's park. A ticket names one park and is
//! worth nothing after it, so a waker may be kept, cloned and woken for ever and from any thread without reaching a goroutine that has
//! moved on.
//!
//! | the poller | a waker |
//! |---|---|
//! | 1. word = `IDLE` | 1. makes the future ready |
//! | 2. polls: pending | 2. **swap: word = `NOTIFIED`** |
//! | 3. opens a park, puts its ticket into the cell | 3. if it replaced `PARKED`: wakes the ticket in the cell |
//! | 4. **CAS: `IDLE` → `PARKED`**; refused: closes the park, from 1 | |
//! | 5. waits for the ticket; from 1 | |
//!
//! One of the two bold steps comes first. The swap: the CAS is refused, and the poller polls again. The CAS: the swap replaces `PARKED` and the
//! ticket is woken, exactly once, because later wakers replace `NOTIFIED`. The poller writes the cell again only after that wake, hence after
//! the waker has read it. (`loom_notice.rs` is the model; with a load and a store in place of the CAS it fails.)
//!
//! # No user frame across the park, no move inside a poll
//!
//! Async code counts on staying on its thread within one poll: `tracing`, `scoped-tls` and executors keep things in thread-locals there. So
//! `poll` is called through a function pointer that the compiler cannot see through, no frame of the future's lives while the
//! goroutine is parked, and a call that has to wait *inside* a poll holds its thread.

mod notice;

use std::future::Future;
use std::hint::black_box;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};

use threadle_scheduler::{Parking, Reason, Ticket, checkpoint, in_place};

use self::notice::Notice;

struct Notified(Notice<Ticket>);

impl Wake for Notified {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        if let Some(ticket) = self.0.notify() {
            ticket.wake();
        }
    }
}

/// Runs `future` to its end: parks the calling goroutine, or plain OS thread, while it is pending.
///
/// Any future will do that brings its own means of waking; one that asks for a reactor (of tokio, say) needs that reactor to run somewhere.
/// A call *inside* the future that has to wait (a channel's `recv`, a sleep of this crate) holds its thread, though not its P: use the
/// async way there, or `go` and await the handle.
///
/// Switches: yes, between polls.
///
/// # Panics
/// With the future's panic.
///
/// ```
/// let value = threadle::block_on(async { 6 * 7 });
/// assert_eq!(value, 42);
///
/// threadle::run(|| {
///     let handle = threadle::go(|| "from a goroutine");
///     assert_eq!(threadle::block_on(handle).unwrap(), "from a goroutine");
/// });
/// ```
#[track_caller]
pub fn block_on<F: Future>(future: F) -> F::Output {
    let mut future = pin!(future);
    let notified = Arc::new(Notified(Notice::new()));
    let waker = Waker::from(Arc::clone(&notified));
    let poll = black_box(poll::<F> as fn(Pin<&mut F>, &mut Context<'_>) -> Poll<F::Output>);
    loop {
        notified.0.begin_poll();
        if let Poll::Ready(output) = in_place(|| poll(future.as_mut(), &mut Context::from_waker(&waker))) {
            return output;
        }
        let parking = Parking::open(Reason::BlockOn);
        if notified.0.park(parking.ticket()) {
            parking.wait();
        } else {
            drop(parking);
            checkpoint();
        }
    }
}

#[inline(never)]
fn poll<F: Future>(future: Pin<&mut F>, context: &mut Context<'_>) -> Poll<F::Output> {
    future.poll(context)
}
