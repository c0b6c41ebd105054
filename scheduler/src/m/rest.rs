//! What an M does without a P: sleep on its note, sleep in the poll, or wait for a P in the queue.

use super::M;
use crate::injector::BATCH;
use crate::limits::clock;
use crate::runtime::Mode;
use crate::timers::NEVER;
use std::time::Duration;
use threadle_netpoll::{Polled, Sleep};

/// An M that nobody needed for so long ends, if there are others to spare.
const LONG: Duration = Duration::from_secs(10);

impl M {
    /// Returns with a P (true), or when the thread is to end.
    pub(super) fn rest(&'static self) -> bool {
        if self.own().queued.replace(false) {
            return self.await_assigned();
        }
        let scheduler = self.scheduler();
        loop {
            if scheduler.stopping() {
                self.give_seat_back();
                return false;
            }
            if self.take_assigned() {
                return true;
            }
            if self.own_work_waits() {
                return self.want_p();
            }
            if self.is_exclusive() && !self.is_home() {
                // The goroutine it was made for has ended.
                return false;
            }
            self.leave_seat();
            self.give_spares_back();
            match scheduler.idle().sleep(self) {
                Ok(()) => {}
                Err(Some(p)) => {
                    self.take_p(p);
                    return true;
                }
                Err(None) => return self.await_assigned(),
            }
            if let Some(p) = scheduler.last_to_rest(self) {
                self.take_p(p);
                self.batch(self.p(), || scheduler.pass_time());
                return true;
            }
            match self.sleep_or_poll() {
                Slept::Assigned => return true,
                Slept::Look => {}
                Slept::End => return false,
            }
        }
    }

    fn own_work_waits(&self) -> bool {
        use crate::idle::Sleeper;
        self.has_own_work()
    }

    fn want_p(&'static self) -> bool {
        match self.scheduler().idle().take_p_or_wait(self) {
            Some(p) => {
                self.take_p(p);
                true
            }
            None => self.await_assigned(),
        }
    }

    /// In the queue of waiting Ms: sleeps until it is given a P. False: the runtime ended first.
    #[must_use]
    pub(super) fn await_assigned(&'static self) -> bool {
        while !self.take_assigned() {
            if self.scheduler().stopping() {
                return false;
            }
            self.slumber.sleep(None);
        }
        true
    }

    /// On the list of sleepers.
    fn sleep_or_poll(&'static self) -> Slept {
        let scheduler = self.scheduler();
        if !self.is_exclusive() && !self.leaves_the_poll_to_others() {
            let polled = self.poll_blocking();
            if polled != Slept::End {
                return polled;
            }
        }
        // Somebody else polls, or will.
        scheduler.may_all_rest();
        let spare = scheduler.has_spare_threads() && !self.is_exclusive();
        let timely = self.slumber.sleep((spare && !self.is_home()).then_some(LONG));
        if self.take_assigned() {
            return Slept::Assigned;
        }
        if scheduler.idle().wake_myself(self) {
            if !timely && !self.is_home() && !scheduler.stopping() {
                return Slept::End;
            }
            return Slept::Look;
        }
        // Somebody took it off the list: it has a P, or is in the queue for one.
        self.assigned_or_look()
    }

    /// Those who use a P poll now and then, and whoever lets one idle ends in the poll. Who slept there while no P idles would be woken for
    /// every event and could run none; likewise who sleeps there beside a busy home whose goroutines the events are for: let that one poll.
    fn leaves_the_poll_to_others(&self) -> bool {
        let scheduler = self.scheduler();
        let idle = scheduler.idle().counts().idle();
        let own = self.own();
        let armed = own.armed.replace(false);
        let for_others = own.polled_for_others.replace(false) && !armed;
        idle == 0 || (for_others && idle < scheduler.procs())
    }

    fn assigned_or_look(&'static self) -> Slept {
        // Where the runtime ends, `rest` looks and says so.
        if self.await_assigned() { Slept::Assigned } else { Slept::Look }
    }

    /// `End`: somebody else polls.
    fn poll_blocking(&'static self) -> Slept {
        let scheduler = self.scheduler();
        let mut events = self.own().events.borrow_mut();
        self.slumber.begin_poll();
        let polled = scheduler.poller().poll_blocking(&mut events, || {
            if self.slumber.noted() || self.is_assigned() || scheduler.stopping() {
                return Sleep::Not;
            }
            scheduler.may_all_rest();
            match scheduler.earliest_timer() {
                NEVER => Sleep::Forever,
                when if scheduler.quiet_state().clock.is_virtual() => {
                    if when > scheduler.now_ns() {
                        Sleep::Forever
                    } else {
                        Sleep::Not
                    }
                }
                when => Sleep::Until(clock::to_instant(when)),
            }
        });
        self.slumber.end_poll();
        match polled {
            Ok(Polled::NotMine) => return Slept::End,
            Ok(Polled::Done { .. }) => {}
            Err(error) => crate::poll::broken(&error),
        }
        // Who gave it a P, or broke the sleep for another reason, set the note as well; it means nothing from here on.
        let listed = scheduler.idle().wake_myself(self);
        let now = scheduler.now_ns();
        let due = scheduler.earliest_timer() <= now;
        if listed
            && (due || !events.is_empty())
            && let Some(p) = scheduler.idle().take_p()
        {
            self.take_p(p);
        }
        if self.lease.inside() || (!listed && self.take_assigned()) {
            let p = self.p();
            p.counters.polls.bump();
            p.counters.poll_events.add(events.len() as u64);
            let mut brought = !events.is_empty();
            self.batch(p, || {
                crate::poll::wake_ready(&mut events);
                let fired = self.fire_all_due(p, now);
                p.counters.timers_fired.add(fired as u64);
                brought |= fired > 0;
            });
            self.own().polled_for_others.set(brought && p.ring.is_empty() && !self.own_work_waits());
            return Slept::Assigned;
        }
        // No P is free. What became ready goes where the others look; due timers must not wait until their busy P gets to them. But amid a storm
        // of fresh goroutines they had better (`due.rs`); a P that never comes by is taken after a slice, since they are due.
        crate::poll::wake_ready(&mut events);
        if scheduler.mode() == Mode::Bound || scheduler.injector().len() < BATCH {
            scheduler.fire_due_timers(now);
        }
        drop(events);
        if listed {
            return Slept::Look;
        }
        self.assigned_or_look()
    }

    /// The runtime has ended while a goroutine of this thread is in the middle of something: its stack, and the thread-locals it may have
    /// borrowed, must stay. The thread sleeps for good.
    #[expect(clippy::disallowed_methods, reason = "the thread is never to do anything again")]
    pub(crate) fn end_of_the_runtime(&self) -> ! {
        if let Some(g) = self.running() {
            // SAFETY: this thread is on its stack, and never leaves this loop.
            unsafe { crate::scope::leaves(g) };
        }
        self.leaves();
        self.give_spares_back();
        self.scheduler().m_sleeps_for_good(self);
        loop {
            std::thread::park();
        }
    }
}

#[derive(PartialEq, Eq)]
enum Slept {
    /// It has a P.
    Assigned,
    /// It is awake, without one.
    Look,
    /// It slept for long and nobody needed it.
    End,
}
