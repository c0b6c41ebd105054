//! Models of a timer that calls (R21): firing against stop and reset, and reset against the end of a run; with variants that must fail.
//! Run by `ci/loom.sh`.

#[path = "plan.rs"]
mod plan;

use loom::sync::{Arc, Mutex};
use loom::thread;
use plan::{NEVER, Plan};

/// Stands in for the wheel: when it will ask.
type Wheel = Mutex<Option<u64>>;

struct Timer {
    plan: Mutex<Plan<()>>,
    wheel: Wheel,
}

impl Timer {
    fn new(at: u64) -> Arc<Timer> {
        Arc::new(Timer { plan: Mutex::new(Plan::new(at, 0, ())), wheel: Mutex::new(Some(at)) })
    }

    /// The wheel hands out what is due at `now`.
    fn pop(&self, now: u64) -> bool {
        self.wheel.lock().unwrap().take_if(|at| *at <= now).is_some()
    }

    /// As `Callback::expire`: whether a goroutine is sent.
    fn expire(&self, now: u64) -> bool {
        self.pop(now) && self.plan.lock().unwrap().due(now)
    }

    /// As `Callback::expire`, and `Callback::run` on the goroutine: how often the function is called.
    fn fire(&self, now: u64) -> usize {
        if !self.expire(now) {
            return 0;
        }
        let mut plan = self.plan.lock().unwrap();
        if plan.fire(now).is_some() {
            return 1;
        }
        if let Some(at) = plan.next() {
            *self.wheel.lock().unwrap() = Some(at);
        }
        0
    }

    /// As `Callback::set`.
    fn set(&self, at: u64) -> bool {
        let mut plan = self.plan.lock().unwrap();
        let before = plan.set(at);
        *self.wheel.lock().unwrap() = plan.may_fire().then_some(at);
        before != NEVER
    }

    /// As `Callback::ran`.
    fn ran(&self) {
        let mut plan = self.plan.lock().unwrap();
        if let Some(at) = plan.put_back(()) {
            *self.wheel.lock().unwrap() = Some(at);
        }
    }
}

#[test]
fn stopped_or_called() {
    loom::model(|| {
        let timer = Timer::new(5);
        let firing = {
            let timer = Arc::clone(&timer);
            thread::spawn(move || timer.fire(6))
        };
        let stopped = timer.set(NEVER);
        assert_eq!(firing.join().unwrap() + usize::from(stopped), 1, "stop says {stopped}");
        assert_eq!(timer.fire(100), 0, "called after the stop");
    });
}

/// The same where what the wheel hands out is called without asking: it was under way when the stop came.
#[test]
#[should_panic(expected = "stop says")]
fn unasked_it_is_called_although_stopped() {
    loom::model(|| {
        let timer = Timer::new(5);
        let firing = {
            let timer = Arc::clone(&timer);
            thread::spawn(move || usize::from(timer.pop(6)))
        };
        let stopped = timer.set(NEVER);
        assert_eq!(firing.join().unwrap() + usize::from(stopped), 1, "stop says {stopped}");
    });
}

/// The same where the goroutine that was sent calls without asking again: it waited in a queue when the stop came.
#[test]
#[should_panic(expected = "stop says")]
fn sent_it_is_called_although_stopped() {
    loom::model(|| {
        let timer = Timer::new(5);
        let firing = {
            let timer = Arc::clone(&timer);
            thread::spawn(move || usize::from(timer.expire(6)))
        };
        let stopped = timer.set(NEVER);
        assert_eq!(firing.join().unwrap() + usize::from(stopped), 1, "stop says {stopped}");
    });
}

/// Reset from 5 to 20 while the wheel asks at 6: called for the one or not, and for the other in any case, not before 20.
#[test]
fn reset_calls_once_more_and_not_before() {
    loom::model(|| {
        let timer = Timer::new(5);
        let firing = {
            let timer = Arc::clone(&timer);
            thread::spawn(move || {
                let called = timer.fire(6);
                if called > 0 {
                    timer.ran();
                }
                called
            })
        };
        let in_time = timer.set(20);
        let early = timer.fire(19);
        let first = firing.join().unwrap();
        assert_eq!(early, 0, "called before the new instant");
        assert_eq!(first + usize::from(in_time), 1, "reset says {in_time}");
        assert_eq!(timer.fire(20), 1, "the call that was reset to 20 is lost");
    });
}

/// The same where the end of a run does not look at what was planned meanwhile.
#[test]
#[should_panic(expected = "is lost")]
fn unheeded_a_reset_during_the_run_is_lost() {
    loom::model(|| {
        let timer = Timer::new(5);
        let firing = {
            let timer = Arc::clone(&timer);
            thread::spawn(move || {
                if timer.fire(6) > 0 {
                    timer.plan.lock().unwrap().put_back(());
                }
            })
        };
        timer.set(20);
        firing.join().unwrap();
        assert_eq!(timer.fire(20), 1, "the call that was reset to 20 is lost");
    });
}
