//! A fence whose whole cost is paid by one side.
//!
//! An owner that crosses into and out of user code a hundred million times a second must not pay a fence each time.
//! So it uses [`light`], which only keeps the compiler from reordering, and whoever wants to look at it uses
//! [`heavy`], which makes the kernel run a full barrier on every CPU that runs a thread of this process
//! (`membarrier(2)`, `PRIVATE_EXPEDITED`):
//!
//! ```text
//! owner                                   watcher
//! 1. store "I am in" (relaxed)            1. store the flag (relaxed)
//! 2. light()                              2. heavy()
//! 3. load the flag                        3. load "I am in"
//! ```
//!
//! The barrier falls somewhere into the owner's list. Before its step 1: the owner's step 3 comes after the barrier,
//! hence after the flag was stored, and reads it. After its step 1: the watcher's step 3 reads "I am in". So never do
//! both miss each other. Where the kernel lacks the call both sides are `fence(SeqCst)`, the ordinary form of the
//! same protocol. The method is that of Dice, Huang and Yang, *Asymmetric Dekker Synchronization* (2001), and of
//! folly's `asymmetric_thread_fence`.

use std::sync::OnceLock;
#[cfg(test)]
use std::sync::atomic::compiler_fence;
use std::sync::atomic::{AtomicBool, Ordering, fence};

const CMD_QUERY: libc::c_int = 0;
const CMD_PRIVATE_EXPEDITED: libc::c_int = 1 << 3;
const CMD_REGISTER_PRIVATE_EXPEDITED: libc::c_int = 1 << 4;

/// Set, once and for good, when the registration has succeeded. A [`light`] that does not see it yet is stronger than
/// needed, which does no harm.
static REGISTERED: AtomicBool = AtomicBool::new(false);

fn membarrier(command: libc::c_int) -> libc::c_long {
    // SAFETY: the three commands used here read and write no memory of the caller; one the kernel does not know it
    // refuses.
    unsafe { libc::syscall(libc::SYS_membarrier, command, 0, 0) }
}

/// Announces to the kernel that this process uses [`heavy`]. The first call does it; every call says whether the
/// kernel can.
pub(crate) fn register() -> bool {
    static REGISTRATION: OnceLock<bool> = OnceLock::new();
    *REGISTRATION.get_or_init(|| {
        let known = membarrier(CMD_QUERY);
        let wanted = libc::c_long::from(CMD_PRIVATE_EXPEDITED | CMD_REGISTER_PRIVATE_EXPEDITED);
        let registered = known >= 0 && known & wanted == wanted && membarrier(CMD_REGISTER_PRIVATE_EXPEDITED) == 0;
        REGISTERED.store(registered, Ordering::Release);
        registered
    })
}

/// Whether [`light`] costs nothing: [`register`] was called and succeeded.
#[inline]
pub(crate) fn available() -> bool {
    REGISTERED.load(Ordering::Relaxed)
}

/// The cheap half: orders what this thread did before against what it does after, as seen by a thread that runs
/// [`heavy`] between. The runtime's own light fence is `m::fence::light`, which is this one where it may be; here it serves the tests.
#[cfg(test)]
pub(crate) fn light() {
    if available() {
        compiler_fence(Ordering::SeqCst);
    } else {
        fence(Ordering::SeqCst);
    }
}

/// The dear half: 0.4 us when the other threads sleep, 7 to 13 us when they run.
///
/// `false`: the kernel refused (a filter installed after [`register`]). Then there was no barrier, and the caller
/// must not act on what it reads next.
#[must_use = "without the barrier nothing that is read afterwards may be relied upon"]
pub(crate) fn heavy() -> bool {
    fence(Ordering::SeqCst);
    !available() || membarrier(CMD_PRIVATE_EXPEDITED) == 0
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicUsize;
    use std::thread;

    use super::*;

    #[test]
    fn registering_twice_says_the_same() {
        let first = register();
        assert_eq!(register(), first);
        assert_eq!(available(), first);
        assert!(heavy());
        light();
    }

    /// Lets both sides into a round at the same moment, as nearly as can be.
    fn meet(mine: &AtomicUsize, other: &AtomicUsize, round: usize) {
        mine.store(round, Ordering::Release);
        let mut spins = 0_usize;
        while other.load(Ordering::Acquire) < round {
            spins += 1;
            if spins.is_multiple_of(1_000) { thread::yield_now() } else { std::hint::spin_loop() }
        }
    }

    /// The protocol of the module's description, over and over: never may both sides miss each other.
    #[test]
    fn light_and_heavy_never_miss_each_other() {
        const ROUNDS: usize = 20_000;
        register();
        let [owner_at, watcher_at, inside, flag] = &[const { CachePadded(AtomicUsize::new(0)) }; 4];
        let (owner_saw, watcher_saw) = thread::scope(|scope| {
            let owner = scope.spawn(|| {
                let round = |round| {
                    meet(&owner_at.0, &watcher_at.0, round);
                    inside.0.store(round, Ordering::Relaxed);
                    light();
                    flag.0.load(Ordering::Relaxed) >= round
                };
                (1..=ROUNDS).map(round).collect::<Vec<_>>()
            });
            let round = |round| {
                meet(&watcher_at.0, &owner_at.0, round);
                flag.0.store(round, Ordering::Relaxed);
                let done = heavy();
                let saw = inside.0.load(Ordering::Relaxed) >= round;
                (done, saw)
            };
            let watcher: Vec<_> = (1..=ROUNDS).map(round).collect();
            (owner.join().expect("the owner ends well"), watcher)
        });
        for (round, (owner, (done, watcher))) in owner_saw.into_iter().zip(watcher_saw).enumerate() {
            assert!(done, "no barrier in round {round}");
            assert!(owner || watcher, "both sides missed each other in round {round}");
        }
    }

    /// A cache line of its own: sides that share one see each other's stores too soon.
    #[repr(align(128))]
    struct CachePadded(AtomicUsize);
}
