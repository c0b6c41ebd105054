//! Timers and tickers: what Go's own tests check of them, and exactness.

mod support;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use support::{Place, Random, Task, everywhere, in_runtimes, watchdog};
use threadle::chan::{self, TryRecvError};
use threadle::context::Context;
use threadle::testing::Run;
use threadle::time::{Ticker, Timer, every, now, sleep, sleep_with};

const FAR: Duration = Duration::from_secs(3600);
const MILLI: Duration = Duration::from_millis(1);

#[test]
fn a_timer_fires_at_its_instant_or_later() {
    everywhere("fires", |_| {
        for micros in [0, 1, 100, 3_000] {
            let (start, after) = (Instant::now(), Duration::from_micros(micros));
            let timer = Timer::after(after);
            let at = timer.recv().unwrap();
            assert!(at >= start + after && at <= Instant::now());
            assert_eq!(timer.receiver().try_recv(), Err(TryRecvError::Empty), "there was but one message");
        }
    });
}

#[test]
fn what_was_due_and_is_stopped_is_not_received() {
    everywhere("stop", |_| {
        let timer = Timer::after(Duration::ZERO);
        assert_eq!(timer.receiver().len(), 1);
        assert!(timer.stop(), "nobody had received it");
        assert_eq!(timer.receiver().len(), 0);
        assert_eq!(timer.receiver().try_recv(), Err(TryRecvError::Empty));
        assert!(!timer.stop());
        assert!(!timer.reset(Duration::ZERO));
        assert!(timer.recv().is_ok());
        assert!(!timer.stop());

        let ticker = Ticker::new(MILLI);
        sleep(3 * MILLI);
        ticker.stop();
        assert_eq!(ticker.receiver().try_recv(), Err(TryRecvError::Empty));
        ticker.reset(FAR);
        assert_eq!(ticker.receiver().try_recv(), Err(TryRecvError::Empty));
        ticker.reset(MILLI);
        assert!(ticker.recv().is_ok());
    });
}

/// One that has parked in `recv`: the test goes on when it surely waits, as far as can be seen from outside.
fn waiting(place: Place, timer: &Arc<Timer>) -> Task<Instant> {
    let (timer, started) = (Arc::clone(timer), Arc::new(AtomicBool::new(false)));
    let waiter = {
        let started = Arc::clone(&started);
        place.spawn(move || {
            started.store(true, Ordering::Release);
            timer.recv().unwrap()
        })
    };
    place.until(|| started.load(Ordering::Acquire));
    sleep(MILLI);
    waiter
}

#[test]
fn a_reset_reaches_those_who_wait_already() {
    everywhere("reset while waiting", |place| {
        // Earlier.
        let timer = Arc::new(Timer::after(FAR));
        let waiter = waiting(place, &timer);
        assert!(timer.reset(MILLI));
        waiter.join();
        // After a stop, several; each message is received by one.
        let timer = Arc::new(Timer::after(FAR));
        assert!(timer.stop());
        let waiters = [waiting(place, &timer), waiting(place, &timer)];
        while !waiters.iter().all(Task::is_finished) {
            timer.reset(Duration::ZERO);
            sleep(MILLI);
        }
        for waiter in waiters {
            waiter.join();
        }
        // Later: what it waited for does not come at its old time. Again where the machine stood still until that had come.
        loop {
            let timer = Arc::new(Timer::after(20 * MILLI));
            let waiter = waiting(place, &timer);
            let set = Instant::now();
            let in_time = timer.reset(60 * MILLI);
            let received = waiter.join();
            if in_time {
                assert!(received >= set + 60 * MILLI);
                break;
            }
        }
    });
}

#[test]
fn a_ticker_keeps_its_grid_and_skips_what_was_missed() {
    everywhere("ticker", |_| {
        let period = 2 * MILLI;
        let ticker = Ticker::new(period);
        let first = ticker.recv().unwrap();
        sleep(5 * period);
        let before = Instant::now();
        let late = ticker.recv().unwrap();
        let then = Instant::now();
        let next = ticker.recv().unwrap();
        for tick in [late, next] {
            assert_eq!((tick - first).as_nanos() % period.as_nanos(), 0, "off the grid");
        }
        assert!(late > first && late < before, "a missed one comes late");
        // Set when the late one was taken, between `before` and `then`, to the first on the grid that was still to come.
        assert!(next > before && next <= then + period, "those behind it are skipped");
    });
}

#[test]
fn two_receivers_of_a_ticker_share_the_ticks() {
    everywhere("shared ticks", |place| {
        let ticker = Ticker::new(MILLI);
        let takers: Vec<_> = (0..3)
            .map(|_| {
                let ticks = ticker.receiver();
                place.spawn(move || ticks.iter().take(5).collect::<Vec<_>>())
            })
            .collect();
        drop(ticker);
        let mut all: Vec<_> = takers.into_iter().flat_map(Task::join).collect();
        all.sort();
        let count = all.len();
        all.dedup();
        assert_eq!((all.len(), count), (15, 15), "a tick was received twice");
    });
}

#[test]
fn a_function_is_called_once_and_again_after_a_reset() {
    in_runtimes("after_func", |_| {
        let (sender, calls) = chan::unbounded();
        let timer = Timer::after_func(MILLI, move || sender.send(Instant::now()).unwrap());
        calls.recv().unwrap();
        assert_eq!(calls.try_recv(), Err(TryRecvError::Empty));
        let set = Instant::now();
        assert!(!timer.reset(2 * MILLI), "it had been called");
        assert!(calls.recv().unwrap() >= set + 2 * MILLI);
        assert!(!timer.stop());
        timer.reset(FAR);
        assert!(timer.reset(MILLI), "it had been going to");
        calls.recv().unwrap();
        timer.reset(FAR);
        assert!(timer.stop());
        assert!(!timer.stop());
        assert_eq!(calls.try_recv(), Err(TryRecvError::Empty));
        assert!(timer.recv().is_err(), "there is nothing to receive");
    });
}

/// Go's TestStopResult: a stop that says true, and the call, exclude each other, whatever the delay.
#[test]
fn stop_says_true_exactly_if_nothing_is_called() {
    in_runtimes("stop result", |place| {
        for round in 0..300 {
            let calls = Arc::new(AtomicUsize::new(0));
            let counter = Arc::clone(&calls);
            let timer = Timer::after_func(Duration::from_micros(round % 100), move || {
                counter.fetch_add(1, Ordering::SeqCst);
            });
            for _ in 0..round % 7 {
                place.pause();
            }
            if timer.stop() {
                place.pause();
                assert_eq!(calls.load(Ordering::SeqCst), 0, "called although stopped");
            } else {
                place.until(|| calls.load(Ordering::SeqCst) == 1);
            }
        }
    });
}

#[test]
fn stopped_from_everywhere_one_stop_says_true() {
    in_runtimes("many stops", |place| {
        for round in 0..50 {
            let called = Arc::new(AtomicUsize::new(0));
            let counter = Arc::clone(&called);
            let delay = Duration::from_micros(20 * (round % 5));
            let timer = Arc::new(Timer::after_func(delay, move || {
                counter.fetch_add(1, Ordering::SeqCst);
            }));
            let stops: Vec<_> = (0..4)
                .map(|_| {
                    let timer = Arc::clone(&timer);
                    place.spawn(move || timer.stop())
                })
                .collect();
            let stopped = stops.into_iter().map(Task::join).filter(|stopped| *stopped).count();
            if stopped == 0 {
                place.until(|| called.load(Ordering::SeqCst) == 1);
            }
            assert_eq!(stopped + called.load(Ordering::SeqCst), 1);
        }
    });
}

/// 10 000 timers, ten of whose functions sleep for a second, in virtual time, where lateness is not the machine's: a function that was made
/// to wait for a slow one would be late by that second.
#[test]
fn a_slow_function_delays_no_other() {
    const TIMERS: usize = 10_000;
    fn body() {
        let (called, slow) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let worst = Arc::new(AtomicU64::new(0));
        let begun = now();
        for n in 0..TIMERS {
            let (called, slow, worst) = (Arc::clone(&called), Arc::clone(&slow), Arc::clone(&worst));
            let delay = Duration::from_micros(n as u64);
            Timer::after_func(delay, move || {
                worst.fetch_max((now() - (begun + delay)).as_nanos() as u64, Ordering::SeqCst);
                if n.is_multiple_of(1000) {
                    sleep(Duration::from_secs(1));
                    slow.fetch_add(1, Ordering::SeqCst);
                } else {
                    called.fetch_add(1, Ordering::SeqCst);
                }
            });
        }
        sleep(Duration::from_millis(500));
        assert_eq!((called.load(Ordering::SeqCst), slow.load(Ordering::SeqCst)), (TIMERS - 10, 0));
        // A tick of the wheel is 66 us.
        assert!(worst.load(Ordering::SeqCst) < 1_000_000, "one was called {worst:?} ns late");
        sleep(Duration::from_secs(1));
        assert_eq!(slow.load(Ordering::SeqCst), 10);
    }
    let run = Run::new().procs(2).watchdog(Duration::from_secs(120));
    run.clone().virtual_time(body);
    // SAFETY: the body holds nothing that is bound to its thread over a switching call, and names no thread-local.
    unsafe { run.virtual_time_migrating(body) };
}

/// The same by the real clock, by order alone: the slow ones do not end before all others were called.
#[test]
fn functions_that_wait_for_others_delay_none() {
    in_runtimes("slow functions", |place| {
        const TIMERS: usize = 10_000;
        let (called, slow) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let (gate, shut) = chan::bounded::<()>(0);
        for n in 0..TIMERS {
            let (called, slow, shut) = (Arc::clone(&called), Arc::clone(&slow), shut.clone());
            Timer::after_func(Duration::from_micros(n as u64), move || {
                if n.is_multiple_of(1000) {
                    assert!(shut.recv().is_err());
                    slow.fetch_add(1, Ordering::SeqCst);
                } else {
                    called.fetch_add(1, Ordering::SeqCst);
                }
            });
        }
        place.until(|| called.load(Ordering::SeqCst) == TIMERS - 10);
        assert_eq!(slow.load(Ordering::SeqCst), 0);
        drop(gate);
        place.until(|| slow.load(Ordering::SeqCst) == 10);
    });
}

#[test]
fn runs_of_one_timer_never_overlap() {
    in_runtimes("no overlap", |place| {
        let (running, calls) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
        let timer = {
            let (running, calls) = (Arc::clone(&running), Arc::clone(&calls));
            every(Duration::from_micros(200), move || {
                assert!(!running.swap(true, Ordering::SeqCst), "two runs at a time");
                sleep(MILLI);
                running.store(false, Ordering::SeqCst);
                calls.fetch_add(1, Ordering::SeqCst);
            })
        };
        while calls.load(Ordering::SeqCst) < 10 {
            // Also a reset amidst a run starts none beside it.
            timer.reset(Duration::ZERO);
            sleep(Duration::from_micros(300));
        }
        assert!(timer.stop(), "it goes on until it is stopped");
        let stopped = calls.load(Ordering::SeqCst);
        sleep(5 * MILLI);
        place.until(|| !running.load(Ordering::SeqCst));
        let after = calls.load(Ordering::SeqCst);
        assert!(after <= stopped + 1, "one was under way, and more were called after the stop");
        assert!(!timer.reset(MILLI), "it had been stopped");
        while calls.load(Ordering::SeqCst) < after + 2 {
            sleep(MILLI);
        }
        timer.stop();
    });
}

/// The goroutine of a call that came due waits behind others, on the one processor, when the timer is stopped, or put off: it must not call.
#[test]
fn a_call_that_is_still_in_a_queue_can_be_called_off() {
    let _watchdog = watchdog("called off");
    threadle::Builder::new()
        .procs(1)
        .run(|| {
            for round in 0..50 {
                let lost = processors_lost();
                let calls = Arc::new(AtomicUsize::new(0));
                let counter = Arc::clone(&calls);
                let timer = every(MILLI, move || _ = counter.fetch_add(1, Ordering::SeqCst));
                drop(threadle::go(|| spin(3 * MILLI)));
                // The spinner runs, and the timer comes due behind it; or the other way round.
                threadle::yield_now();
                let off = if round % 2 == 0 { timer.stop() } else { timer.reset(FAR) };
                assert!(off, "it goes on until it is stopped");
                let before = calls.load(Ordering::SeqCst);
                sleep(3 * MILLI);
                // On a machine that kept a thread from running one may have been under way, on another, when it was called off.
                let under_way = usize::from(processors_lost() > lost);
                let after = calls.load(Ordering::SeqCst);
                assert!(after <= before + under_way, "called after it was called off, in round {round}");
                timer.stop();
            }
        })
        .unwrap();
}

/// How often anybody of this runtime was taken the processor from so far.
fn processors_lost() -> u64 {
    let metrics = threadle::metrics();
    metrics.detached + metrics.retaken
}

fn spin(duration: Duration) {
    let begun = Instant::now();
    while begun.elapsed() < duration {
        std::hint::spin_loop();
    }
}

#[test]
fn a_function_that_panics_ends_its_timer_and_no_other() {
    let _watchdog = watchdog("panicking function");
    threadle::run(|| {
        let calls = Arc::new(AtomicUsize::new(0));
        let counter = Arc::clone(&calls);
        let bad = every(MILLI, move || {
            counter.fetch_add(1, Ordering::SeqCst);
            panic!("on purpose, from a timer's function");
        });
        let (sender, beats) = chan::unbounded();
        let good = every(MILLI, move || sender.send(()).unwrap_or(()));
        while calls.load(Ordering::SeqCst) == 0 {
            sleep(MILLI);
        }
        assert_eq!(beats.iter().take(10).count(), 10);
        assert_eq!(calls.load(Ordering::SeqCst), 1);
        // The panic may still be on its way out.
        while bad.reset(FAR) {
            sleep(MILLI);
        }
        assert!(!bad.stop() && !bad.reset(Duration::ZERO), "it is over");
        assert_eq!(beats.iter().take(5).count(), 5);
        assert_eq!(calls.load(Ordering::SeqCst), 1);
        good.stop();
    });
}

#[test]
fn the_function_is_dropped_with_the_last_of_handle_and_entry() {
    in_runtimes("dropped function", |_| {
        let kept = Arc::new(());
        let timer = {
            let kept = Arc::clone(&kept);
            Timer::after_func(FAR, move || drop(Arc::clone(&kept)))
        };
        assert_eq!(Arc::strong_count(&kept), 2);
        assert!(timer.stop());
        drop(timer);
        assert_eq!(Arc::strong_count(&kept), 1, "stopped and dropped, and yet alive");
        // Dropped unstopped it goes on.
        let (sender, called) = chan::bounded(1);
        drop(Timer::after_func(MILLI, move || sender.send(()).unwrap()));
        assert!(called.recv().is_ok());
        assert!(called.recv().is_err(), "the function went after its call");
    });
}

#[test]
fn a_timer_that_calls_belongs_to_its_runtime() {
    let _watchdog = watchdog("runtimes");
    let kept = Arc::new(());
    let (to_outside, from_inside) = std::sync::mpsc::channel();
    let (sender, calls) = chan::unbounded();
    let other = threadle::run(|| {
        let (held, sender) = (Arc::clone(&kept), sender.clone());
        let timer = Arc::new(Timer::after_func(FAR, move || {
            let _held = &held;
            sender.send(threadle::num_goroutines()).unwrap();
        }));
        // Reset from a plain thread and from another runtime, while its own sleeps: it runs in its own.
        let by_thread = Arc::clone(&timer);
        let thread = std::thread::spawn(move || assert!(by_thread.reset(MILLI)));
        assert!(calls.recv().unwrap() > 0, "not in a runtime");
        // The handle goes with the thread.
        threadle::blocking(|| thread.join()).unwrap();
        let by_other = Arc::clone(&timer);
        let thread = std::thread::spawn(move || threadle::run(move || by_other.reset(MILLI)));
        assert!(calls.recv().unwrap() > 0);
        threadle::blocking(|| thread.join()).unwrap();
        // A call has told before it is over, and one that the end of its runtime finds under way keeps the function for good.
        while threadle::num_goroutines() > 1 {
            threadle::yield_now();
        }
        let last = Timer::after_func(FAR, || unreachable!("its runtime has ended"));
        timer.reset(FAR);
        to_outside.send(last).unwrap();
        timer
    });
    // Its runtime has ended: it keeps nothing but what the handle does, and never calls again.
    let last = from_inside.recv().unwrap();
    assert!(!other.reset(Duration::ZERO) && !last.reset(Duration::ZERO), "nothing had been going to happen");
    assert!(!other.stop() && !last.stop());
    sleep(5 * MILLI);
    assert!(calls.try_recv().is_err());
    drop((other, last));
    assert_eq!(Arc::strong_count(&kept), 1, "the function outlives runtime and handle");
}

#[test]
fn a_receiver_outlives_its_timer_and_its_runtime() {
    let (receiver, timer, ticker) = threadle::run(|| {
        let timer = Timer::after(FAR);
        (Timer::after(MILLI).receiver(), timer, Ticker::new(FAR))
    });
    assert!(receiver.recv().is_ok());
    assert!(timer.reset(MILLI));
    assert!(timer.recv().is_ok());
    ticker.reset(MILLI);
    threadle::run(|| assert!(ticker.recv().is_ok()));
}

#[test]
fn durations_at_both_ends_of_the_clock() {
    in_runtimes("extremes", |_| {
        for endless in [Duration::MAX, Duration::from_secs(u64::MAX / 4)] {
            let timer = Timer::after(endless);
            assert!(timer.receiver().recv_timeout(Duration::from_micros(10)).is_err());
            timer.reset(Duration::ZERO);
            assert!(timer.recv().is_ok());
            let ticker = Ticker::new(endless);
            assert!(ticker.receiver().try_recv().is_err());
            let never = Timer::after_func(endless, || unreachable!("centuries early"));
            never.stop();
            every(endless, || unreachable!("centuries early")).stop();
        }
    });
}

#[test]
#[should_panic(expected = "must not be zero")]
fn a_ticker_needs_a_period() {
    let _ticker = Ticker::new(Duration::ZERO);
}

#[test]
#[should_panic(expected = "must not be zero")]
fn calls_need_a_period() {
    threadle::run(|| every(Duration::ZERO, || ()));
}

#[test]
#[should_panic(expected = "needs a running threadle runtime")]
fn a_timer_that_calls_needs_a_runtime() {
    Timer::after_func(FAR, || ());
}

/// Everything at once on a few timers. What is checked: after a stop or reset has returned, nothing is received or called that was due
/// before it, and nobody is left waiting.
#[test]
fn soak() {
    let seeds = std::sync::Mutex::new(Random::new("timer soak"));
    in_runtimes("timer soak", |place| {
        let end = Instant::now() + Duration::from_millis(400);
        let timer = Arc::new(Timer::after(MILLI));
        let over = Arc::new(AtomicBool::new(false));
        let (stop_sender, stopped) = chan::bounded::<()>(0);
        // Receives until told; each message lies in the past, and they come in no order but each once.
        let receivers: Vec<_> = (0..3)
            .map(|_| {
                let (timer, over) = (timer.receiver(), Arc::clone(&over));
                place.spawn(move || {
                    let mut count = 0_usize;
                    while !over.load(Ordering::Acquire) {
                        if let Ok(at) = timer.recv_timeout(5 * MILLI) {
                            assert!(at <= Instant::now(), "early");
                            count += 1;
                        }
                    }
                    count
                })
            })
            .collect();
        // The only one that resets this timer: so it can tell what is stale.
        let owner = {
            let mut random = seeds.lock().unwrap().fork();
            // A goroutine in every place: a timer that calls needs a runtime.
            Task::Goroutine(threadle::go(move || {
                let calls = Arc::new(AtomicUsize::new(0));
                let counter = Arc::clone(&calls);
                let called = Timer::after_func(FAR, move || {
                    counter.fetch_add(1, Ordering::SeqCst);
                });
                // Every instant that was set is either prevented, of which stop and reset tell, or there is one call for it.
                let (mut set, mut prevented) = (1, 0);
                while Instant::now() < end {
                    prevented += usize::from(called.stop());
                    set += 1;
                    prevented += usize::from(called.reset(Duration::from_micros(random.below(200))));
                    match random.below(3) {
                        0 => place.until(|| calls.load(Ordering::SeqCst) == set - prevented),
                        1 => sleep(Duration::from_micros(random.below(200))),
                        _ => {}
                    }
                    match random.below(3) {
                        0 => timer.stop(),
                        _ => timer.reset(Duration::from_micros(random.below(300))),
                    };
                }
                place.until(|| calls.load(Ordering::SeqCst) == set - prevented);
                drop(stop_sender);
                timer
            }))
        };
        assert!(stopped.recv().is_err());
        let timer = owner.join();
        over.store(true, Ordering::Release);
        let received: usize = receivers.into_iter().map(Task::join).sum();
        assert!(received > 0);
        timer.stop();
    });
}

/// Hours in no time: timers of either kind, tickers, and the deadlines of contexts.
#[test]
fn in_virtual_time_they_come_exactly() {
    let _watchdog = watchdog("virtual time");
    const HOUR: Duration = Duration::from_secs(3600);
    threadle::testing::virtual_time(|| {
        let start = now();
        assert_eq!(Timer::after(HOUR).recv(), Ok(start + HOUR));
        assert_eq!(now(), start + HOUR);
        let ticker = Ticker::new(HOUR);
        assert_eq!([ticker.recv(), ticker.recv()], [Ok(start + 2 * HOUR), Ok(start + 3 * HOUR)]);
        let (sender, calls) = chan::unbounded();
        let timer = every(HOUR, move || sender.send(now()).unwrap());
        assert!(calls.iter().take(3).eq((4..7).map(|hours| start + hours * HOUR)));
        timer.reset(HOUR / 2);
        assert_eq!(calls.recv(), Ok(start + 6 * HOUR + HOUR / 2));
        assert!(timer.stop());
        let (context, _) = Context::background().with_timeout(HOUR);
        let before = now();
        assert!(sleep_with(&context, 2 * HOUR).unwrap_err().is_timeout());
        assert_eq!(now(), before + HOUR);
        let (context, cancel) = Context::background().with_timeout(2 * HOUR);
        let called = Timer::after_func(HOUR, move || cancel.cancel());
        assert!(context.done().recv().is_err());
        assert!(context.err().unwrap().is_cancelled());
        assert_eq!(now(), before + 2 * HOUR);
        assert!(!called.stop());
    });
}
