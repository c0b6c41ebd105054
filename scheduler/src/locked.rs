//! Goroutines that have a thread to themselves.
//!
//! A goroutine is *locked* either for life (`SpawnOptions::locked`), on a thread that is made for it, or from `lock_os_thread` until the
//! matching `unlock_os_thread`, on the thread it happens to run on. Both come to the same: the M is **exclusive**. It is the goroutine's
//! home in either mode, runs no other, and what others must run does not lie behind it (README, section 3).
//!
//! | | for life | by `lock_os_thread` |
//! |---|---|---|
//! | begins | where a thread can be made for it; else it waits, and after a second ends as `NoStack` | at once, or not at all |
//! | bound, others have started on the thread | cannot be | an error: they could go nowhere else |
//! | ends | with the goroutine | with as many unlocks as locks, or with the goroutine |
//! | the thread then | ends | after the last unlock serves everybody again; if the goroutine ended locked, it ends |
//!
//! The last line is Go's rule, and its reason: a goroutine that ends locked may have left its thread in a state in which nobody else's code
//! should run (another namespace, another user), while one that unlocks says thereby that it has put things right. For the same reason
//! no thread is made *by* an exclusive M: `runtime/threads.rs`.
//!
//! An M becomes exclusive, or common again, only on its own thread, while it runs the goroutine. Then it is on no list of `idle.rs`, and
//! comes onto one only later and under the lock: whoever finds it there sees what it is. Its `next`, `ready` and inbox hold goroutines that
//! are at home on it, so they are empty where the lock succeeds. What the ring of its P holds was announced in the belief that this M would
//! come to it: it is announced again, and the P given away at the next turn (`give_way`). A seat is given up as before a sleep: fence, look
//! for work, wake somebody (README, section 3).

use crate::m::{M, current};
use crate::observe::name_of;
use std::fmt::Display;
use std::io;
use std::panic::Location;
use std::sync::atomic::{Ordering::SeqCst, fence};

/// Ties the calling goroutine to the thread it runs on, which runs no other until as many calls of [`unlock_os_thread`]. Does not switch.
/// A plain thread has itself to itself: there it does nothing.
///
/// # Errors
/// Where the thread is not the goroutine's to have: `ResourceBusy` if other started goroutines are at home on it (bound mode), `Unsupported`
/// inside [`blocking`](crate::blocking), in a waker or a callback, `QuotaExceeded` after 2^32 - 2 locks. The text says where, and what to do.
#[track_caller]
pub fn lock_os_thread() -> io::Result<()> {
    let at = Location::caller();
    let Some(m) = current::m() else {
        return match current::scheduler() {
            None => Ok(()),
            Some(_) => Err(refusal(io::ErrorKind::Unsupported, at, IN_A_CALL)),
        };
    };
    let Some(g) = m.goroutine() else {
        return Err(refusal(io::ErrorKind::Unsupported, at, IN_A_CALL));
    };
    let others = m.at_home_beside_the_running();
    if others > 0 {
        let why = format!(
            "{}: {others} more started goroutine{} can run on this thread only: lock it before others start there, or spawn the goroutine with \
             a thread of its own, by GoBuilder::new().locked()",
            name_of(Some(g)),
            if others == 1 { "" } else { "s" }
        );
        return Err(refusal(io::ErrorKind::ResourceBusy, at, why));
    }
    match g.add_lock() {
        None => {
            let why = format!("{} has locked its thread without unlocking it too often", name_of(Some(g)));
            return Err(refusal(io::ErrorKind::QuotaExceeded, at, why));
        }
        Some(first) => {
            if first {
                m.become_exclusive(g);
                give_the_others_up(m);
            }
        }
    }
    Ok(())
}

/// Takes one [`lock_os_thread`] back; after the last the thread serves everybody again. Does not switch.
///
/// Without a lock, on a goroutine that was spawned with a thread of its own, and wherever `lock_os_thread` fails or has nothing to do, it does
/// nothing.
pub fn unlock_os_thread() {
    if let Some(m) = current::m()
        && let Some(g) = m.goroutine()
        && g.remove_lock()
    {
        m.become_common(g);
    }
}

const IN_A_CALL: &str =
    "the thread of an announced call, a waker or a callback is not the goroutine's: lock it before, outside `blocking`";

fn refusal(kind: io::ErrorKind, at: &Location<'_>, why: impl Display) -> io::Error {
    io::Error::new(kind, format!("lock_os_thread at {at}: {why}"))
}

/// The M that has become exclusive may have been counted on for what is queued, here or, by its seat, elsewhere.
fn give_the_others_up(m: &'static M) {
    m.give_seat_back();
    fence(SeqCst);
    let queued_here = m.with_p(|p| !p.ring.is_empty()).unwrap_or(false);
    if queued_here || m.scheduler().any_work() {
        m.scheduler().wake_if_wanted();
    }
}
