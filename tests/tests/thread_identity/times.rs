//! The calls of `time` and `context`, by whether they switch.

use std::sync::Arc;
use std::time::{Duration, Instant};

use threadle::{context, time};

use super::{Call, NonSwitching, alone, parked, wakes};

const FAR: Duration = Duration::from_secs(9);

pub(super) const NON_SWITCHING: &[NonSwitching] = &[
    ("time::now", 0, || alone(|| assert!(time::now() <= Instant::now()))),
    ("Context: background, with_.., done, err, deadline; Cancel", 0, || {
        alone(|| {
            let (request, cancel) = context::Context::background().with_value(7).with_timeout(FAR);
            let (part, _) = request.with_cancel();
            assert!(part.done().try_recv().is_err() && !part.is_done() && part.deadline().is_some());
            assert_eq!(part.without_cancel().value(), Some(&7));
            cancel.cancel_with("over");
            assert!(part.err().is_some() && part.cause().is_some());
        })
    }),
    ("Context::after_func, AfterFunc::stop", 0, || {
        alone(|| {
            let (context, _cancel) = context::Context::background().with_timeout(FAR);
            assert!(context.after_func(|| ()).stop());
        })
    }),
    ("Cancel::cancel with a function to call", 1, || {
        let (context, cancel) = context::Context::background().with_cancel();
        context.after_func(|| ());
        alone(move || cancel.cancel())
    }),
    ("Cancel::cancel with one that waits", 1, || {
        let (context, cancel) = context::Context::background().with_cancel();
        wakes(parked("chan receive", move || context.done().recv().is_err()), move || cancel.cancel())
    }),
    ("Timer, Ticker: after, receiver, reset, stop", 0, || {
        alone(|| {
            let (timer, ticker) = (time::Timer::after(Duration::ZERO), time::Ticker::new(Duration::from_secs(9)));
            assert!(timer.receiver().try_recv().is_ok() && ticker.receiver().try_recv().is_err());
            assert!(!timer.reset(Duration::from_secs(9)) && timer.stop());
            ticker.reset(Duration::from_secs(7));
            ticker.stop();
        })
    }),
    ("Timer: after_func, every, reset, stop", 0, || {
        alone(|| {
            let (once, always) = (time::Timer::after_func(FAR, || ()), time::every(FAR, || ()));
            assert!(once.reset(2 * FAR) && once.stop() && always.reset(FAR) && always.stop());
        })
    }),
    ("Timer::reset to one that waits", 1, || {
        let timer = Arc::new(time::Timer::after(FAR));
        let waiting = Arc::clone(&timer);
        wakes(parked("chan receive", move || waiting.recv()), move || assert!(timer.reset(Duration::ZERO)))
    }),
];

/// Calls that may switch, so made that most of them do.
pub(super) const SWITCHING: &[Call] = &[
    ("sleep", || time::sleep(Duration::from_micros(100))),
    ("sleep_until", || time::sleep_until(Instant::now() + Duration::from_micros(100))),
    ("sleep_with", || {
        time::sleep_with(&context::Context::background(), Duration::from_micros(100)).expect("it never ends");
    }),
    ("sleep_with, given up", || {
        let (context, _cancel) = context::Context::background().with_timeout(Duration::from_micros(100));
        assert!(time::sleep_with(&context, FAR).is_err());
    }),
    ("Timer::recv", || assert!(time::Timer::after(Duration::from_micros(100)).recv().is_ok())),
    ("Ticker::recv", || assert!(time::Ticker::new(Duration::from_micros(100)).recv().is_ok())),
];
