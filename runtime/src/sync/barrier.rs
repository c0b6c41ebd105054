//! Meeting in a number.

use std::cell::Cell;
use std::fmt;
use std::time::{Duration, Instant};

use crate::base::{Mutex, Parking, Reason, checkpoint, lock};
use crate::wait::{GaveUp, Limit, wait};
use crate::waiters::{OnLeave, WaitList, Waiter};

/// Lets a number of goroutines or threads wait for each other, again and again: the last one to come lets all of them go.
///
/// Who has arrived counts, also if its runtime ends while it waits.
///
/// ```
/// use std::sync::Arc;
/// use threadle::sync::{Barrier, WaitGroup};
///
/// threadle::run(|| {
///     let (group, barrier) = (WaitGroup::new(), Arc::new(Barrier::new(3)));
///     for n in 0..3 {
///         let barrier = Arc::clone(&barrier);
///         group.go(move || {
///             println!("{n} before");
///             barrier.wait();
///             println!("{n} after all of them");
///         });
///     }
///     group.wait();
/// });
/// ```
pub struct Barrier {
    parties: usize,
    state: Mutex<State>,
}

struct State {
    arrived: usize,
    /// Of the meetings. A waiter that finds it changed has been let go, whoever took its node out of the list.
    meeting: u64,
    waiters: WaitList<()>,
}

/// What [`Barrier::wait`] says.
///
/// ```
/// use std::sync::Arc;
/// use threadle::{go, sync::Barrier};
/// threadle::run(|| {
///     let barrier = Arc::new(Barrier::new(3));
///     let meet = || go({ let barrier = barrier.clone(); move || barrier.wait().is_leader() });
///     let leaders = [meet(), meet(), meet()].into_iter().filter_map(|one| one.join().ok().filter(|leads| *leads));
///     assert_eq!(leaders.count(), 1);
/// });
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct BarrierWaitResult(bool);

impl BarrierWaitResult {
    /// Whether this one came last. True for exactly one of each meeting. Switches: no.
    ///
    /// ```
    /// assert!(threadle::sync::Barrier::new(1).wait().is_leader());
    /// ```
    pub fn is_leader(&self) -> bool {
        self.0
    }
}

impl Barrier {
    /// A barrier at which so many meet. With 0, as with 1, nobody waits. Switches: no.
    ///
    /// ```
    /// static BARRIER: threadle::sync::Barrier = threadle::sync::Barrier::new(1);
    /// BARRIER.wait();
    /// ```
    pub const fn new(parties: usize) -> Self {
        let state = State { arrived: 0, meeting: 0, waiters: WaitList::new() };
        Barrier { parties, state: Mutex::new(state) }
    }

    /// Waits until all have come. What they did before is seen after it.
    ///
    /// Switches: yes.
    ///
    /// ```
    /// let barrier = threadle::sync::Barrier::new(2);
    /// let leaders = std::thread::scope(|threads| {
    ///     let other = threads.spawn(|| barrier.wait().is_leader());
    ///     [barrier.wait().is_leader(), other.join().unwrap()]
    /// });
    /// assert!(leaders[0] != leaders[1]);
    /// ```
    #[track_caller]
    pub fn wait(&self) -> BarrierWaitResult {
        match self.wait_within(Limit::NONE) {
            Ok(result) => result,
            Err(_) => unreachable!("nothing ends this wait but the last one to come"),
        }
    }

    /// As [`wait`](Self::wait), for at most so long: `None` when the time is over, and it is as if the caller had never come.
    ///
    /// Switches: yes.
    ///
    /// ```
    /// let barrier = threadle::sync::Barrier::new(2);
    /// assert!(barrier.wait_timeout(std::time::Duration::from_millis(1)).is_none());
    /// ```
    #[track_caller]
    pub fn wait_timeout(&self, timeout: Duration) -> Option<BarrierWaitResult> {
        self.wait_within(Limit::after(timeout)).ok()
    }

    /// As [`wait`](Self::wait), until `deadline` at most: `None` when it has passed, and it is as if the caller had never come.
    ///
    /// Switches: yes.
    ///
    /// ```
    /// let barrier = threadle::sync::Barrier::new(1);
    /// assert!(barrier.wait_deadline(std::time::Instant::now()).is_some());
    /// ```
    #[track_caller]
    pub fn wait_deadline(&self, deadline: Instant) -> Option<BarrierWaitResult> {
        self.wait_within(Limit::at(deadline)).ok()
    }

    #[track_caller]
    pub(crate) fn wait_within(&self, limit: Limit<'_>) -> Result<BarrierWaitResult, GaveUp> {
        let mut state = lock(&self.state);
        if state.arrived + 1 >= self.parties {
            state.arrived = 0;
            state.meeting += 1;
            let woken = state.waiters.claim_all();
            drop(state);
            drop(woken);
            checkpoint();
            return Ok(BarrierWaitResult(true));
        }
        let parking = Parking::open(Reason::BarrierWait);
        let node = Waiter::new(parking.ticket(), ());
        state.arrived += 1;
        let meeting = state.meeting;
        // SAFETY: the node is new; it stays in this frame until it is claimed, or `leave` removes it.
        unsafe { state.waiters.push_back(&node) };
        drop(state);
        let leave = || {
            // SAFETY: linked into this list or into none.
            let _was_in: bool = unsafe { lock(&self.state).waiters.remove(&node) };
        };
        // Not part of leaving: who is abandoned with its runtime has come all the same, and the others need not wait for one more.
        let met = Cell::new(true);
        let take_back = || {
            let mut state = lock(&self.state);
            met.set(state.meeting != meeting);
            if !met.get() {
                state.arrived -= 1;
            }
        };
        let came = OnLeave::new(&take_back);
        // All are woken: there is nothing to pass on.
        match wait(parking, &node, limit, leave, || ()) {
            Ok(()) => came.disarm(),
            Err(gave_up) => {
                drop(came);
                if !met.get() {
                    return Err(gave_up);
                }
            }
        }
        Ok(BarrierWaitResult(false))
    }
}

impl fmt::Debug for Barrier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Barrier").field("parties", &self.parties).field("arrived", &lock(&self.state).arrived).finish()
    }
}
