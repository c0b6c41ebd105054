//! How the monitor sleeps, in one word, so that those who give it something to do know whether, and how, to end that.
//!
//! ## By the alarm, while every P idles
//!
//! The soonest thing to look at is then the turn of somebody who has not begun yet, and most turns are over before it is worth a look. To wake
//! the monitor for each would cost a program that does a little now and then, a ticker say, as much as its own wake-ups. So it sleeps by
//! an [`Alarm`], and those who are awake anyway *move* that, at the price of a system call: who takes the first P sets it near, a
//! millisecond ahead; who finds the last one let go again sets it far, to where a process at rest is to be looked at. It runs out near
//! where a P was used for longer than that, and far where nothing has run for long.
//!
//! ```text
//! monitor                        an M takes a P                   an M finds all Ps idle
//! 1. alarm far; state = rests    1. idle Ps - 1 (by whoever       1. watches, and all idle?
//! 2. fence(SeqCst)                  gives it), fence(SeqCst)         state = rests (CAS)
//! 3. all idle, nothing left?     2. rests? state = watches (CAS)  2. if so: alarm far, fence(SeqCst)
//!    sleep                       3. if so: alarm near             3. rests no more, or a P in use?
//!                                                                    state = watches; alarm near
//! ```
//!
//! *Who only finds that it watches does nothing*, so two things are to be shown, each for the time when all who set the alarm are done.
//!
//! *It watches: the alarm is near.* Whoever made the state so sets the alarm near afterwards. If a far setting came after that, by one who had
//! made the state `rests` before, the kernel's order of the two shows him the new state in his step 3, and he sets it near. (Not the counts: the
//! P may idle again by then, and its M have found another one in use, by a taker who relies on what he found.)
//!
//! *A P is used: it watches.* Its taker saw that, or made it so. Had somebody made it `rests` since, then he, in his step 3, or the monitor in
//! its own, would have seen the P in use: his fence came after the taker's, or the taker would have seen his `rests`.
//!
//! A setting that comes too early, or from a sleep that is over, costs a look for nothing; a far one of a sleep that is over puts off what the
//! next one is for by `AT_REST_NS` at most. Who does not look whether all Ps idle leaves the alarm near, for a look a
//! millisecond later.
//!
//! *To end it*: state = awake, by a swap; then the alarm is set to run out now. Whoever has set it far looks at the state afterwards, as
//! above, and so sets it near; whoever has set it near looks, too, and where the state is "awake", sets it to run out now. Nor does the monitor
//! go to sleep over what is left to it alone (a goroutine without a stack, a P without a thread, an order):
//!
//! ```text
//! monitor                            something is left to the monitor
//! 1. state = rests                   1. what is left; or set the note
//! 2. fence(SeqCst)                   2. fence(SeqCst)
//! 3. something left? do not sleep    3. not awake? end the sleep
//! ```
//!
//! Who only wants another look for a deadlock (`Monitor::look_at_rest`) ends a *deep* sleep alone, one that would last until somebody ends it. Any
//! other is over before long, and that look comes behind it.
//!
//! ## On its note: a nap
//!
//! A nap ends by itself, and what is left to the monitor meanwhile waits that long. But nobody is woken for what lies in a `runnext`: it is
//! the monitor that sees to it while some P idles, and its longest nap is a hundred times the promise. While no P idles the slot is no matter:
//! nobody is free to run what lies there. So a nap that begins then is *at ease*, and a push leaves it alone; else a program that fills slots
//! all the time would have the monitor awake all the time, on a CPU that its Ms need (docs/decisions/0037). Who lets a P idle makes a plain nap
//! of it, which pushes end. Both are announced with care, to all who can make them wrong:
//!
//! ```text
//! monitor                                g comes into a runnext         a P is let go
//! 1. no P idle? state = at ease          1. runnext = g                 1. idle Ps + 1
//! 2. fence(SeqCst)                       2. light fence                 2. fence(SeqCst)
//! 3. still none? sleep                   3. neither awake nor at ease?  3. at ease? state = naps (CAS), heavy fence
//! 4. state = naps                           end the sleep               4. a runnext filled? as steps 2 and 3
//! 5. heavy fence                                                           of the push
//! 6. a P idle, and a ring or runnext
//!    filled? nap but shortly
//! ```
//!
//! Suppose that in the end the slot is filled, a P idles, and the monitor sleeps on.
//!
//! *It sleeps at ease.* It saw no idle P in its step 3, so its fence came before that of whoever let the P idle, who saw in his step 3 that it was at
//! ease, and it is that no more.
//!
//! *It naps.* The pusher did not see that. It was made so by the monitor's step 4, or by the step 3 of a release; a heavy fence followed, and behind it
//! a look that saw the slot. If it was the release's, that ended the nap. If it was the monitor's, it took the slot for harmless because it saw
//! no idle P. Hence its fence came before that of the release, and the pusher's before its own: the release saw the slot, and the nap, and ended it.
//!
//! If two let a P go, the one that finds it napping already may miss the slot; the other's look, behind his fence, does not. One kind of release
//! does none of this: that of a P for which there is no thread. It leaves that to the monitor, and so ends any sleep (`must_look`).
//!
//! The push is the hot side: its fence costs it nothing (`m/fence.rs`). The release pays for the heavy one once a nap, at most; on a thread
//! that is a locked goroutine's alone, which may have forbidden itself that system call, it ends the nap in its place. A nap of less than a
//! millisecond does without the monitor's fences, and may overlook a `runnext` for its length.
//!
//! A sleep that begins while every P idles, a nap or that by the alarm, does with an ordinary fence in the place of the heavy one, and a look at the
//! idle Ps behind it. Who pushes holds a P. It took that after the monitor's look, or the monitor would not have found every P idle;
//! whoever takes a P fences, so the fence came after the monitor's, and what follows it, the push with its look, sees the sleep.

use super::alarm::Alarm;
use crate::m::fence;
use crate::m::note::Note;
use crate::sync::atomic::{self, AtomicU8, Ordering::*};
use crate::sync::faulty;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// All Ps idle for so long, and nothing was run: nothing is going on. The alarm is never set farther by who moves it.
pub(super) const AT_REST_NS: u64 = 50_000_000;
/// Somebody may have to be found then to watch descriptors and timers (`UNWATCHED`).
const NEAR_NS: u64 = 1_000_000;
/// It has run out.
const NOW: u64 = 0;

const AWAKE: u8 = 0;
/// As `NAPS`, but no P idles: a slot that is filled is no matter.
const AT_EASE: u8 = 1;
/// On its note, for some time; to be cut short if there is something to look at soon.
const NAPS: u8 = 2;
/// By the alarm, which is far: all Ps idle.
const RESTS: u8 = 3;
/// By the alarm, which is near: a P was taken.
const WATCHES: u8 = 4;

/// See the module.
#[derive(Debug)]
pub(super) struct Doze {
    state: AtomicU8,
    note: Note,
    /// Made at the start; where there is no descriptor for it, naps must do until there is. The lock is never held over a setting.
    alarm: Mutex<Option<Arc<Alarm>>>,
}

/// How a sleep by the alarm was ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Slept {
    /// By somebody.
    Ended,
    /// It ran out, and no P had been taken since it was set far.
    AllIdle,
    /// It ran out near.
    Watching,
}

impl Doze {
    pub(super) fn new() -> Doze {
        Doze { state: AtomicU8::new(AWAKE), note: Note::new(), alarm: Mutex::new(None) }
    }

    // The monitor's own.

    /// A nap begins: steps 1 to 5, of a short one 1 and 4; the look at what lies there is the caller's, then comes `sleep`. `idle`: how many of the
    /// `procs` Ps idle.
    pub(super) fn nap(&self, long: bool, procs: u32, idle: impl Fn() -> u32) {
        if idle() == 0 {
            self.state.store(AT_EASE, Relaxed);
            if !long {
                return;
            }
            if !faulty!(EaseWithoutFence) {
                atomic::fence(SeqCst);
            }
            if idle() == 0 {
                return;
            }
        }
        self.state.store(NAPS, Relaxed);
        if !long || faulty!(NapWithoutFence) {
            return;
        }
        if !faulty!(IdleNapWithoutFence) {
            atomic::fence(SeqCst);
        }
        if idle() != procs {
            fence::heavy();
        }
    }

    /// True: somebody has ended it, or sleeping at all.
    pub(super) fn sleep(&self, timeout: Option<Duration>) -> bool {
        let woken = self.note.sleep(timeout);
        self.state.store(AWAKE, Relaxed);
        woken
    }

    /// # Errors
    ///
    /// Those of `timerfd_create`.
    pub(super) fn make_alarm(&self) -> io::Result<()> {
        if self.alarm().is_none() {
            // Nobody else makes one.
            let made = Arc::new(Alarm::new()?);
            *self.alarm.lock().unwrap_or_else(PoisonError::into_inner) = Some(made);
        }
        Ok(())
    }

    /// The monitor has ended: its descriptor goes, when who sets it just now is done with that.
    pub(super) fn close_alarm(&self) {
        let alarm = self.alarm.lock().unwrap_or_else(PoisonError::into_inner).take();
        drop(alarm);
    }

    /// Steps 1 and 2 of sleeping by the alarm, which runs out so far ahead; the look is the caller's, then comes `sleep_by_the_alarm`, or `rise`.
    pub(super) fn rest(&self, ahead: u64) {
        self.set_alarm(ahead);
        // Behind the setting, which is not to replace that of one who sees this.
        self.state.store(RESTS, Release);
        if !faulty!(DozeWithoutFence) {
            atomic::fence(SeqCst);
        }
    }

    pub(super) fn sleep_by_the_alarm(&self) {
        if !self.note.is_set()
            && let Some(alarm) = self.alarm()
        {
            alarm.sleep();
        }
    }

    /// Awake, of a sleep by the alarm.
    pub(super) fn rise(&self) -> Slept {
        let was = self.state.swap(AWAKE, AcqRel);
        if self.note.take() {
            return Slept::Ended;
        }
        match was {
            RESTS => Slept::AllIdle,
            WATCHES => Slept::Watching,
            _ => Slept::Ended,
        }
    }

    // Everybody else's.

    /// A P was taken: the fence, and step 2's look. True: `watch`.
    #[inline]
    pub(super) fn rests(&self) -> bool {
        if !faulty!(BusyWithoutFence) {
            atomic::fence(SeqCst);
        }
        self.state.load(Relaxed) == RESTS
    }

    /// Steps 2 and 3 of who takes a P.
    pub(super) fn watch(&self) {
        if self.state.compare_exchange(RESTS, WATCHES, AcqRel, Relaxed).is_ok() {
            self.near();
        }
    }

    /// Whether `rest_again` may have something to do. A hint.
    #[inline]
    pub(super) fn watches(&self) -> bool {
        self.state.load(Relaxed) == WATCHES
    }

    /// Who finds all Ps idle: all three steps.
    pub(super) fn rest_again(&self, ahead: u64, all_idle: impl Fn() -> bool) {
        if !all_idle() || self.state.compare_exchange(WATCHES, RESTS, AcqRel, Relaxed).is_err() {
            return;
        }
        self.set_alarm(ahead);
        if !faulty!(RestAgainWithoutFence) {
            atomic::fence(SeqCst);
        }
        let moved = self.state.load(Relaxed) != RESTS && !faulty!(RestAgainIgnoresOthers);
        if moved || (!all_idle() && !faulty!(RestAgainIgnoresTaker)) {
            // Where that fails it watches already, or is awake.
            let _made = self.state.compare_exchange(RESTS, WATCHES, AcqRel, Relaxed);
            self.near();
        }
    }

    fn near(&self) {
        self.set_alarm(NEAR_NS);
        if self.state.load(Relaxed) == AWAKE {
            self.set_alarm(NOW);
        }
    }

    /// Ends whatever it sleeps in, or its next sleep.
    pub(super) fn end(&self) {
        self.note.set();
        if !faulty!(EndWithoutFence) {
            atomic::fence(SeqCst);
        }
        if self.state.swap(AWAKE, AcqRel) >= RESTS {
            self.set_alarm(NOW);
        }
    }

    /// Something was left to the monitor alone: steps 2 and 3.
    pub(super) fn must_look(&self) {
        if !faulty!(LeftWithoutFence) {
            atomic::fence(SeqCst);
        }
        if self.state.load(Relaxed) != AWAKE {
            self.end_once();
        }
    }

    /// Something is to be looked at before long. One caller for each sleep pays for it.
    #[inline]
    pub(super) fn cut_short(&self) {
        if self.state.load(Relaxed) != AWAKE {
            self.end_once();
        }
    }

    /// A `runnext` was filled: steps 2 and 3 of the push.
    #[inline]
    pub(super) fn a_slot_is_filled(&self) {
        if !faulty!(PushWithoutFence) {
            fence::light();
        }
        if self.state.load(Relaxed) > AT_EASE {
            self.end_once();
        }
    }

    /// A P idles: step 3 of who lets it go, behind his fence. His look at the slots follows. `may_fence`: his thread may ask the kernel for the
    /// heavy fence; else the nap ends.
    #[inline]
    pub(super) fn a_p_idles(&self, may_fence: impl FnOnce() -> bool) {
        if self.state.load(Relaxed) == AT_EASE {
            self.be_on_guard(may_fence());
        }
    }

    #[cold]
    fn be_on_guard(&self, may_fence: bool) {
        if !may_fence {
            return self.end_once();
        }
        let made = self.state.compare_exchange(AT_EASE, NAPS, AcqRel, Relaxed).is_ok();
        if made && !faulty!(GuardWithoutFence) {
            fence::heavy();
        }
    }

    #[cold]
    fn end_once(&self) {
        let was = self.state.swap(AWAKE, AcqRel);
        if was != AWAKE {
            self.note.set();
        }
        if was >= RESTS {
            self.set_alarm(NOW);
        }
    }

    fn set_alarm(&self, ahead: u64) {
        if let Some(alarm) = self.alarm() {
            alarm.set(ahead);
        }
    }

    fn alarm(&self) -> Option<Arc<Alarm>> {
        self.alarm.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

#[cfg(all(test, loom))]
#[path = "doze_loom.rs"]
mod loom_tests;
