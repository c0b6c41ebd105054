//! One shot, and calls without end.

use std::fmt;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::callback::{Callback, NEVER};
use super::latent::Latent;
use threadle_scheduler::clock::in_ns;

use crate::chan::{self, Alarm, Receiver, RecvError};

/// A single event in the future: a message to be received ([`after`](Self::after)) or a call ([`after_func`](Self::after_func)).
///
/// It can be stopped and set anew, both *exactly*: once [`stop`](Self::stop) or [`reset`](Self::reset) has returned, nothing that was to
/// come before is received, and no call begins that was to begin before. The [module](crate::time) says what becomes of a timer outside
/// a runtime, after its runtime, and when it is dropped.
///
/// ```
/// use std::time::{Duration, Instant};
/// use threadle::time::Timer;
///
/// let start = Instant::now();
/// let timer = Timer::after(Duration::from_millis(2));
/// assert!(timer.recv().unwrap() >= start + Duration::from_millis(2));
/// ```
pub struct Timer {
    kind: Kind,
}

enum Kind {
    Received(Latent<Alarm>),
    Calls(Arc<Callback>),
}

impl Timer {
    /// A timer that is received from: one message, the instant it came due, after `duration`. A duration beyond what the clock can count
    /// never ends.
    ///
    /// Switches: no. Works everywhere, allocates nothing before somebody asks for a [receiver](Self::receiver), and costs the scheduler nothing
    /// unless somebody waits for it.
    ///
    /// ```
    /// use std::time::Duration;
    /// let timer = threadle::time::Timer::after(Duration::from_millis(1));
    /// assert!(timer.recv().is_ok());
    /// ```
    #[must_use = "nobody can receive from it"]
    pub fn after(duration: Duration) -> Timer {
        Timer { kind: Kind::Received(Latent::new(Alarm::instant(in_ns(duration)))) }
    }

    /// A timer that calls `f` after `duration`, on a goroutine of its own: a slow `f` delays nobody. Set anew by [`reset`](Self::reset) it
    /// calls again, though never twice at a time: what comes due while `f` runs waits for its end. A panic of `f` is reported as that of
    /// every goroutine nobody joins, and ends the timer. Dropping the timer does not stop it.
    ///
    /// Switches: no.
    ///
    /// # Panics
    /// Outside a runtime, as [`go`](crate::go) does.
    ///
    /// ```
    /// use std::time::Duration;
    /// use threadle::{chan, time::Timer};
    ///
    /// threadle::run(|| {
    ///     let (sender, called) = chan::bounded(1);
    ///     Timer::after_func(Duration::from_millis(1), move || sender.send("now").unwrap());
    ///     assert_eq!(called.recv(), Ok("now"));
    /// });
    /// ```
    #[track_caller]
    pub fn after_func(duration: Duration, mut f: impl FnMut() + Send + 'static) -> Timer {
        let f = move || {
            f();
            ControlFlow::Continue(())
        };
        Timer { kind: Kind::Calls(Callback::new(in_ns(duration), Duration::ZERO, f)) }
    }

    /// Waits for the message and receives it: the instant at which it came due. While the timer is stopped, or after its message was
    /// received, that is until it has been [`reset`](Self::reset) and comes due again.
    ///
    /// Switches: yes.
    ///
    /// # Errors
    /// This timer [calls a function](Self::after_func), so that there is nothing to receive.
    ///
    /// ```
    /// use std::time::Duration;
    /// use threadle::time::Timer;
    /// assert!(Timer::after(Duration::ZERO).recv().is_ok());
    /// threadle::run(|| assert!(Timer::after_func(Duration::ZERO, || ()).recv().is_err()));
    /// ```
    #[track_caller]
    pub fn recv(&self) -> Result<Instant, RecvError> {
        self.receiver().recv()
    }

    /// A receiver of this timer's messages, for `select!`; all of them receive from the one timer, and also after it was dropped.
    ///
    /// Switches: no.
    ///
    /// ```
    /// use std::time::Duration;
    /// let timer = threadle::time::Timer::after(Duration::from_secs(60));
    /// assert!(timer.receiver().recv_timeout(Duration::from_millis(1)).is_err());
    /// ```
    pub fn receiver(&self) -> Receiver<Instant> {
        match &self.kind {
            Kind::Received(latent) => Receiver::from_source(latent.share(Alarm::at) as _),
            Kind::Calls(_) => chan::bounded(0).1,
        }
    }

    /// Has the timer fire after `duration` from now, and not when it was to fire before. True: it had been going to; false: it had fired,
    /// or been stopped. Nothing is allocated.
    ///
    /// Switches: no. Does nothing, and says false, where a timer that calls a function will never call it again: that has panicked, the pool of
    /// [`every_on`](super::every_on) was closed, or the runtime it was made in has ended.
    ///
    /// ```
    /// use std::time::Duration;
    /// let timer = threadle::time::Timer::after(Duration::from_secs(60));
    /// assert!(timer.reset(Duration::from_millis(1)));
    /// assert!(timer.recv().is_ok());
    /// assert!(!timer.reset(Duration::from_millis(1)));
    /// assert!(timer.recv().is_ok());
    /// ```
    pub fn reset(&self, duration: Duration) -> bool {
        self.set(in_ns(duration))
    }

    /// Stops the timer. True: it had been going to fire, and will not. False: its message was received, its call has begun (and may go on),
    /// or it was stopped before. One that [calls without end](every) had been going to call unless it was stopped, its function has panicked, or
    /// its runtime or pool has ended.
    ///
    /// Switches: no.
    ///
    /// ```
    /// use std::time::Duration;
    /// let timer = threadle::time::Timer::after(Duration::ZERO);
    /// // It is due, but nobody has received it; and now nobody will.
    /// assert!(timer.stop());
    /// assert!(timer.receiver().try_recv().is_err());
    /// assert!(!timer.stop());
    /// ```
    pub fn stop(&self) -> bool {
        self.set(NEVER)
    }

    fn set(&self, at: u64) -> bool {
        match &self.kind {
            Kind::Received(latent) => match latent.set(Alarm::instant(at)) {
                Ok(before) => before != Alarm::NEVER,
                Err(alarm) => alarm.set_ns(at),
            },
            Kind::Calls(callback) => callback.set(at),
        }
    }
}

/// Calls `f` every `period` until the timer is stopped, each time on a goroutine of its own: a slow `f` delays nobody else. It never runs
/// twice at a time: a call that comes due meanwhile begins when `f` is back, and those missed behind it are skipped. A panic of `f` is
/// reported as that of every goroutine nobody joins, and ends the calls. [`reset`](Timer::reset) moves the next call, from which the
/// period goes on. Dropping the timer does not stop it; the end of the runtime does.
///
/// Switches: no.
///
/// # Panics
/// If `period` is zero; outside a runtime, as [`go`](crate::go) does.
///
/// ```
/// use std::time::Duration;
/// use threadle::{chan, time};
///
/// threadle::run(|| {
///     let (sender, beats) = chan::unbounded();
///     let heart = time::every(Duration::from_millis(1), move || sender.send("beat").unwrap_or(()));
///     assert_eq!(beats.iter().take(3).count(), 3);
///     heart.stop();
/// });
/// ```
#[track_caller]
pub fn every(period: Duration, mut f: impl FnMut() + Send + 'static) -> Timer {
    calls_until(period, move || {
        f();
        ControlFlow::Continue(())
    })
}

/// As [`every`], until `f` breaks off.
#[track_caller]
pub(super) fn calls_until(period: Duration, f: impl FnMut() -> ControlFlow<()> + Send + 'static) -> Timer {
    assert!(!period.is_zero(), "the period of calls must not be zero");
    Timer { kind: Kind::Calls(Callback::new(in_ns(period), period, f)) }
}

impl fmt::Debug for Timer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.kind {
            Kind::Received(latent) => match latent.look() {
                Ok(at) => f.debug_tuple("Timer").field(&at).finish(),
                Err(alarm) => f.debug_tuple("Timer").field(alarm).finish(),
            },
            Kind::Calls(callback) => f.debug_tuple("Timer").field(callback).finish(),
        }
    }
}
