//! hyper's `Timer` on the scheduler's timers.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use threadle_scheduler::{Expire, TimerHandle, arm_timer};

use crate::waiters::lock;

/// Gives hyper its sleeps. A sleep arms a timer when it is first polled, inside a runtime.
///
/// ```
/// use std::time::Duration;
/// use hyper::rt::Timer as _;
/// threadle::run(|| {
///     threadle::block_on(threadle::rt::Timer.sleep(Duration::from_millis(2)));
/// });
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct Timer;

impl hyper::rt::Timer for Timer {
    fn sleep(&self, duration: Duration) -> Pin<Box<dyn hyper::rt::Sleep>> {
        Box::pin(Sleep { deadline: crate::base::now().checked_add(duration), armed: None })
    }

    fn sleep_until(&self, deadline: Instant) -> Pin<Box<dyn hyper::rt::Sleep>> {
        Box::pin(Sleep { deadline: Some(deadline), armed: None })
    }

    fn reset(&self, sleep: &mut Pin<Box<dyn hyper::rt::Sleep>>, deadline: Instant) {
        match sleep.as_mut().downcast_mut_pin::<Sleep>() {
            // What is armed for an earlier instant is left to fire: connections move their deadline on with every request.
            Some(mut ours) => ours.deadline = Some(deadline),
            None => *sleep = self.sleep_until(deadline),
        }
    }
}

struct Sleep {
    /// `None`: beyond what the clock can count.
    deadline: Option<Instant>,
    armed: Option<Armed>,
}

/// A timer that has not been seen to fire. Cancelled when dropped.
struct Armed {
    at: Instant,
    alarm: Arc<Alarm>,
    timer: TimerHandle,
}

/// What the timer and the sleep share.
#[derive(Default)]
struct Alarm(Mutex<Ring>);

#[derive(Default)]
enum Ring {
    #[default]
    Silent,
    Wakes(Waker),
    Rung,
}

impl Expire for Alarm {
    fn expire(self: Arc<Self>, _now: Instant) {
        let before = std::mem::replace(&mut *lock(&self.0), Ring::Rung);
        if let Ring::Wakes(waker) = before {
            waker.wake();
        }
    }
}

impl Alarm {
    /// Leaves the waker; false: it has rung.
    fn leave(&self, waker: &Waker) -> bool {
        let mut ring = lock(&self.0);
        match &mut *ring {
            Ring::Rung => return false,
            Ring::Wakes(present) if present.will_wake(waker) => return true,
            Ring::Silent | Ring::Wakes(_) => {}
        }
        let former = std::mem::replace(&mut *ring, Ring::Wakes(waker.clone()));
        drop(ring);
        // Foreign code, so not under the lock.
        drop(former);
        true
    }
}

impl Drop for Armed {
    fn drop(&mut self) {
        self.timer.cancel();
    }
}

impl Future for Sleep {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let Some(deadline) = self.deadline else { return Poll::Pending };
        loop {
            if deadline <= crate::base::now() {
                self.armed = None;
                return Poll::Ready(());
            }
            if let Some(armed) = &self.armed
                && armed.at <= deadline
                && armed.alarm.leave(context.waker())
            {
                return Poll::Pending;
            }
            // None yet, or one for another instant, or one that rang early for a deadline that was moved on.
            let alarm = Arc::new(Alarm::default());
            let timer = arm_timer(deadline, Arc::clone(&alarm) as Arc<dyn Expire>);
            self.armed = Some(Armed { at: deadline, alarm, timer });
        }
    }
}

impl hyper::rt::Sleep for Sleep {}
