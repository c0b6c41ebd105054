//! The lease: may this M touch its P? The essay is `README.md` beside this file.

use super::fence;
use crate::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering::*};
use crate::sync::{Mutex, faulty, lock};
use std::fmt;

/// In `attention`. Set while a revocation is being decided, and as long as the M has no P. Set by the monitor and by
/// `surrender`, under the verdict lock; cleared by `grant` and by the verdict "inside", under the same lock.
const REVOKED: u32 = 1 << 0;
/// In `attention`. The goroutine should give way at its next switching call. Set by the monitor; cleared by `grant` and
/// by the owner. No lock: a request that comes late hits the next goroutine, which then gives way once for nothing.
const PREEMPT: u32 = 1 << 1;

/// In `call`. An announced call is open; the other bits are its number. An even word says that the next call has that
/// number.
const CALL: u64 = 1;

/// In `holder`: the M has no P.
const NOBODY: u32 = u32::MAX;

/// What an M knows of its right to a P, and what the monitor needs to take it away. One per M, reused with it.
///
/// "Owner" below is the thread of that M, and only it may call the methods of the first block.
pub(crate) struct Lease {
    /// The owner is inside the runtime, or in an announced call. Written by the owner, by plain stores.
    in_runtime: AtomicBool,
    /// [`REVOKED`], [`PREEMPT`]. Plainly read at every crossing; changed by read-modify-writes only, which are rare.
    attention: AtomicU32,
    /// The announced call: see [`CALL`]. Opened by the owner's store, closed by a swap of the owner or of the monitor.
    call: AtomicU64,
    /// Index of the P, or [`NOBODY`]. Written under `verdict`.
    holder: AtomicU32,
    /// Held while the holder changes, and from the flag to the decision of a revocation.
    verdict: Mutex<()>,
}

/// What came of a revocation.
#[must_use]
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Revoke {
    /// The caller has the P now, as if it had taken it from the idle list.
    Taken,
    /// The M is inside the runtime, or in an announced call, and keeps its P.
    Inside,
    /// The M does not hold that P.
    NotHolder,
}

/// An announced call, open. Goes back into [`Lease::end_call`].
#[must_use = "the call stays open"]
#[derive(Debug)]
pub(crate) struct Call(u64);

/// Which call the monitor saw. No two calls of an M have the same.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct CallSeq(u64);

/// For the owner.
impl Lease {
    /// Without a P: `enter` answers `false` until the first `grant`.
    pub(crate) fn new() -> Self {
        Self {
            in_runtime: AtomicBool::new(false),
            attention: AtomicU32::new(REVOKED),
            call: AtomicU64::new(0),
            holder: AtomicU32::new(NOBODY),
            verdict: Mutex::new(()),
        }
    }

    /// A P was given to this M. It is inside the runtime from here on.
    pub(crate) fn grant(&self, p: u32) {
        debug_assert_ne!(p, NOBODY);
        let _verdict = lock(&self.verdict);
        debug_assert_eq!(self.holder.load(Relaxed), NOBODY, "an M has one P at a time");
        self.holder.store(p, Relaxed);
        // Before the holder can be seen by a revocation, which needs the lock.
        self.in_runtime.store(true, Relaxed);
        self.attention.store(0, Relaxed);
    }

    /// From user code into the runtime. `true`: the P is this M's until [`exit`](Self::exit). `false`: it has none; it
    /// counts as outside, and the answer stays the same until a [`grant`](Self::grant).
    #[inline]
    pub(crate) fn enter(&self) -> bool {
        debug_assert!(!self.inside(), "the runtime is entered from outside");
        self.in_runtime.store(true, Relaxed);
        if !faulty!(LeaseNoLightFence) {
            fence::light();
        }
        // Relaxed: what the clearing of the flag published is only that the M keeps what it had.
        if self.attention.load(Relaxed) & REVOKED == 0 { true } else { self.enter_slow() }
    }

    #[cold]
    fn enter_slow(&self) -> bool {
        // Outside again while we wait, so that "inside" is only ever said by one who may be there, or is about to look.
        self.in_runtime.store(false, Release);
        if faulty!(LeaseFlagIsVerdict) {
            return false;
        }
        let _verdict = (!faulty!(LeaseVerdictUnlocked)).then(|| lock(&self.verdict));
        let mine = self.holder.load(Relaxed) != NOBODY;
        if mine {
            // Under the lock: the next revocation looks after it.
            self.in_runtime.store(true, Relaxed);
        }
        mine
    }

    /// Back to user code. From here on touch nothing of the P.
    #[inline]
    pub(crate) fn exit(&self) {
        debug_assert!(self.inside(), "the runtime is left from inside");
        // Release: whoever takes the P has seen this store, and so everything done to the P before.
        self.in_runtime.store(false, if faulty!(LeaseExitRelaxed) { Relaxed } else { Release });
    }

    /// Gives the P up, from inside. The caller passes it on; for the lease the M is outside, without one.
    pub(crate) fn surrender(&self) -> u32 {
        debug_assert!(self.inside(), "a P is given up from inside");
        let _verdict = lock(&self.verdict);
        let p = self.holder.load(Relaxed);
        debug_assert_ne!(p, NOBODY, "a P is given up by its holder");
        self.lose();
        self.in_runtime.store(false, Relaxed);
        p
    }

    /// Which P: exact for the owner while inside, a hint for everybody else.
    #[inline]
    pub(crate) fn p(&self) -> Option<u32> {
        let p = self.holder.load(Relaxed);
        (p != NOBODY).then_some(p)
    }

    /// Whether the owner is inside the runtime: exact for the owner, a hint for everybody else.
    #[inline]
    pub(crate) fn inside(&self) -> bool {
        self.in_runtime.load(Relaxed)
    }

    /// Announces a call that may block, from inside, with a P. Until [`end_call`](Self::end_call) touch nothing of the
    /// P. Calls do not nest.
    #[inline]
    pub(crate) fn begin_call(&self) -> Call {
        debug_assert!(self.inside() && self.p().is_some(), "a call is announced by who holds a P");
        if faulty!(CallLeavesRuntime) {
            self.in_runtime.store(false, Release);
        }
        let word = self.call.load(Relaxed);
        debug_assert!(word & CALL == 0, "announced calls do not nest");
        // Release: whoever takes the P does it by a swap on this word.
        self.call.store(word | CALL, if faulty!(CallOpenedRelaxed) { Relaxed } else { Release });
        Call(word | CALL)
    }

    /// The call is over. `true`: the P is still this M's, which is inside. `false`: as `enter() == false`.
    #[inline]
    pub(crate) fn end_call(&self, Call(open): Call) -> bool {
        if faulty!(CallEndsByStore) {
            self.call.store(after(open), Relaxed);
            self.in_runtime.store(true, Relaxed);
            return true;
        }
        // Relaxed: while it was not taken nobody touched the P.
        if self.call.compare_exchange(open, after(open), Relaxed, Relaxed).is_ok() {
            if faulty!(CallLeavesRuntime) {
                self.in_runtime.store(true, Relaxed);
            }
            return true;
        }
        self.end_call_slow()
    }

    #[cold]
    fn end_call_slow(&self) -> bool {
        // The taker is not through before it unlocks.
        let _verdict = lock(&self.verdict);
        debug_assert_eq!(self.holder.load(Relaxed), NOBODY, "a call is only closed by another with the P taken");
        self.in_runtime.store(false, Relaxed);
        false
    }

    /// Nobody wants anything of the owner: the P is its own and it need not give way.
    #[inline]
    pub(crate) fn undisturbed(&self) -> bool {
        self.attention.load(Relaxed) == 0
    }

    /// Whether the monitor wants the goroutine to give way.
    #[inline]
    pub(crate) fn preempt_requested(&self) -> bool {
        self.attention.load(Relaxed) & PREEMPT != 0
    }

    /// Forgets the request: another goroutine, or a new slice, begins.
    #[inline]
    pub(crate) fn clear_preempt(&self) {
        if self.preempt_requested() {
            self.attention.fetch_and(!PREEMPT, Relaxed);
        }
    }
}

/// For the monitor, and whoever else may take a P away. Several may try at once.
impl Lease {
    /// Asks the goroutine to give way at its next switching call.
    pub(crate) fn request_preempt(&self) {
        self.attention.fetch_or(PREEMPT, Relaxed);
    }

    /// Takes `p` away from an M in user code. Costs the kernel's barrier, [`fence::heavy`].
    pub(crate) fn revoke(&self, p: u32) -> Revoke {
        let _verdict = lock(&self.verdict);
        if self.holder.load(Relaxed) != p && !faulty!(LeaseAnyHolder) {
            return Revoke::NotHolder;
        }
        self.attention.fetch_or(REVOKED, Relaxed);
        if !faulty!(LeaseNoHeavyFence) {
            fence::heavy();
        }
        // Acquire: pairs with the release in `exit`.
        if self.in_runtime.load(Acquire) {
            self.attention.fetch_and(!REVOKED, Relaxed);
            return Revoke::Inside;
        }
        self.lose();
        Revoke::Taken
    }

    /// Which announced call is open, if any: a hint, to be given to [`take_call`](Self::take_call) once it was seen
    /// long enough.
    #[inline]
    pub(crate) fn call_seen(&self) -> Option<CallSeq> {
        let word = self.call.load(Relaxed);
        (word & CALL != 0).then_some(CallSeq(word))
    }

    /// Takes `p` away from an M in that very call. `true`: the caller has the P now.
    pub(crate) fn take_call(&self, p: u32, CallSeq(open): CallSeq) -> bool {
        let _verdict = lock(&self.verdict);
        if self.holder.load(Relaxed) != p {
            return false;
        }
        if faulty!(CallTakenByStore) {
            self.call.store(after(open), Relaxed);
        // Acquire: pairs with the release in `begin_call`.
        } else if self.call.compare_exchange(open, after(open), Acquire, Relaxed).is_err() {
            return false;
        }
        self.lose();
        true
    }

    /// Whether the M seems to run user code with a P: a hint. In an announced call it does not.
    #[inline]
    pub(crate) fn in_user_code(&self) -> bool {
        self.p().is_some() && !self.inside()
    }

    /// Under the verdict lock: the M has no P any more, and `enter` is to say so.
    fn lose(&self) {
        self.holder.store(NOBODY, Relaxed);
        self.attention.fetch_or(REVOKED, Relaxed);
    }
}

/// The word once the call is over, whoever closed it: the next call has a number of its own.
#[inline]
fn after(open: u64) -> u64 {
    open.wrapping_add(1)
}

impl fmt::Debug for Lease {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let attention = self.attention.load(Relaxed);
        f.debug_struct("Lease")
            .field("p", &self.p())
            .field("inside", &self.inside())
            .field("revoked", &(attention & REVOKED != 0))
            .field("preempt", &(attention & PREEMPT != 0))
            .field("call", &self.call_seen())
            .finish()
    }
}

#[cfg(all(test, loom))]
#[path = "lease_loom.rs"]
mod loom_tests;
#[cfg(all(test, not(loom)))]
#[path = "lease_tests.rs"]
mod tests;
