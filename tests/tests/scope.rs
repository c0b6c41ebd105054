//! Goroutines that borrow: a scope comes back when, and only when, all of its goroutines are over, whatever becomes of their handles.
//!
//! What is decided here is what can be seen from outside. That nothing else can be written is decided by the compiler (the `compile_fail`
//! examples of `threadle::scope`), and that the count itself is right by the models of `scheduler/src/g/children_loom.rs`.

#[path = "scope/ending.rs"]
mod ending;

use std::cell::Cell;
use std::mem;
use std::panic::{self, AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::Once;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering::SeqCst};
use std::time::Duration;

use threadle::{GoBuilder, block_on, blocking, chan, go, no_switch, scope, time, yield_now};
use threadle_tests::pressure::under_pressure;
use threadle_tests::{Mode, Seed, Watchdog, both_modes, system};

/// Of the panics that tests make: no text on stderr.
fn quiet_panic(payload: &'static str) -> ! {
    resume_unwind(Box::new(payload))
}

/// The panics of scopes themselves are expected here by the hundred: they are not printed.
fn hush() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let loud = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            if !info.payload_as_str().is_some_and(|text| text.starts_with("a scoped goroutine")) {
                loud(info);
            }
        }));
    });
}

/// What `f` panics with.
fn panic_of<T: 'static>(f: impl FnOnce()) -> T {
    let payload = catch_unwind(AssertUnwindSafe(f)).expect_err("it panics");
    *payload.downcast().expect("what it is to panic with")
}

fn naps() {
    time::sleep(Duration::from_millis(2));
    yield_now();
}

#[test]
fn what_is_around_it_is_read_and_written() {
    both_modes(2, |_| {
        let mut numbers: Vec<u64> = (0..1_000).collect();
        let factor = Cell::new(3).get();
        scope(|s| {
            for part in numbers.chunks_mut(10) {
                s.go(|| {
                    for number in part {
                        *number *= factor;
                        if number.is_multiple_of(7) {
                            yield_now();
                        }
                    }
                });
            }
        });
        assert!(numbers.iter().enumerate().all(|(i, number)| *number == 3 * i as u64));
    });
}

#[test]
fn results_may_borrow_and_handles_may_be_joined_by_others() {
    both_modes(2, |_| {
        let text = String::from("one two three");
        let longest = scope(|s| {
            let words: Vec<_> = text.split(' ').map(|word| s.go(move || (naps(), word).1)).collect();
            let joiner =
                s.go(move || words.into_iter().map(|word| word.join().expect("it only naps")).max_by_key(|w| w.len()));
            joiner.join().expect("it only joins")
        });
        assert_eq!(longest, Some("three"));
    });
}

#[test]
fn a_goroutine_starts_others_in_the_scope_of_its_own() {
    fn tree<'scope>(s: &'scope threadle::Scope<'scope, '_>, depth: u32, over: &'scope AtomicUsize) {
        for _ in 0..if depth == 0 { 0 } else { 3 } {
            s.go(move || {
                yield_now();
                tree(s, depth - 1, over);
                over.fetch_add(1, SeqCst);
            });
        }
    }
    both_modes(2, |_| {
        let over = AtomicUsize::new(0);
        scope(|s| tree(s, 6, &over));
        assert_eq!(over.into_inner(), (1..=6).map(|level| 3_usize.pow(level)).sum());
    });
}

#[test]
fn scopes_nest() {
    fn sum(numbers: &[u64]) -> u64 {
        if numbers.len() < 8 {
            return numbers.iter().sum();
        }
        let (left, right) = numbers.split_at(numbers.len() / 2);
        scope(|s| {
            let right = s.go(|| sum(right));
            sum(left) + right.join().expect("it only adds")
        })
    }
    both_modes(2, |_| {
        let numbers: Vec<u64> = (0..5_000).collect();
        assert_eq!(sum(&numbers), 4_999 * 5_000 / 2);
    });
}

/// What is done with a handle.
const FATES: [fn(threadle::ScopedJoinHandle<'_, ()>); 3] =
    [|handle| drop(handle), |handle| mem::forget(handle), |handle| drop(handle.join())];

#[test]
fn starting_asking_and_dropping_do_not_switch() {
    both_modes(2, |_| {
        under_pressure(|| {
            for _ in 0..50 {
                scope(|s| {
                    let thread = system::thread_id();
                    no_switch(|| {
                        let one = s.go(|| ());
                        let another = GoBuilder::new().go_scoped(s, yield_now);
                        assert_ne!(one.id(), another.id());
                        let _over = one.is_finished();
                        drop(one);
                        mem::forget(another);
                    });
                    assert_eq!(system::thread_id(), thread, "it has changed the thread");
                });
            }
        });
    });
}

#[test]
fn it_waits_whatever_becomes_of_the_handles() {
    both_modes(2, |_| {
        for fate in FATES {
            let over = AtomicUsize::new(0);
            scope(|s| {
                for _ in 0..10 {
                    fate(s.go(|| {
                        naps();
                        over.fetch_add(1, SeqCst);
                    }));
                }
            });
            assert_eq!(over.into_inner(), 10);
        }
    });
}

/// Counts its drop in what it borrows.
struct Borrows<'a>(&'a AtomicUsize);

impl Drop for Borrows<'_> {
    fn drop(&mut self) {
        // Long enough that a scope that did not wait for it would be gone.
        naps();
        self.0.fetch_add(1, SeqCst);
    }
}

#[test]
fn results_that_nobody_takes_are_dropped_before_it_returns() {
    both_modes(2, |_| {
        for early in [true, false] {
            let dropped = AtomicUsize::new(0);
            scope(|s| {
                for _ in 0..10 {
                    let handle = s.go(|| {
                        naps();
                        Borrows(&dropped)
                    });
                    while !early && !handle.is_finished() {
                        yield_now();
                    }
                    drop(handle);
                }
            });
            assert_eq!(dropped.into_inner(), 10, "dropped before the end: {early}");
        }
    });
}

/// Unlike thread-locals of std's scoped threads.
#[test]
fn what_belongs_to_a_goroutine_is_gone_before_it_returns() {
    static GONE: AtomicUsize = AtomicUsize::new(0);
    struct Slow;
    impl Drop for Slow {
        fn drop(&mut self) {
            naps();
            GONE.fetch_add(1, SeqCst);
        }
    }
    threadle::local!(static SLOW: Slow = Slow);
    both_modes(2, |_| {
        let before = GONE.load(SeqCst);
        scope(|s| (0..10).for_each(|_| drop(s.go(|| SLOW.with(|_| yield_now())))));
        assert_eq!(GONE.load(SeqCst) - before, 10);
    });
}

#[test]
fn a_panic_that_nobody_has_asked_about_is_the_scopes() {
    hush();
    both_modes(2, |_| {
        for (fate, expected) in FATES.into_iter().zip([true, true, false]) {
            let over = AtomicBool::new(false);
            let outcome = catch_unwind(AssertUnwindSafe(|| {
                scope(|s| {
                    fate(s.go(|| {
                        yield_now();
                        quiet_panic("its own")
                    }));
                    s.go(|| {
                        naps();
                        over.store(true, SeqCst);
                    });
                    "the result"
                })
            }));
            assert!(over.into_inner(), "it has not waited for the other one");
            match outcome {
                Ok(result) => assert_eq!((result, expected), ("the result", false)),
                Err(payload) => {
                    let text = payload.downcast_ref::<String>().expect("the scope's own");
                    assert!(text.starts_with("a scoped goroutine panicked (1 of this scope)"), "{text}");
                    assert!(expected);
                }
            }
        }
    });
}

#[test]
fn a_panic_around_them_waits_for_them_and_comes_first() {
    both_modes(2, |_| {
        let over = AtomicUsize::new(0);
        let payload: &str = panic_of(|| {
            scope(|s| {
                for _ in 0..10 {
                    s.go(|| {
                        naps();
                        over.fetch_add(1, SeqCst);
                    });
                }
                s.go(|| quiet_panic("theirs"));
                quiet_panic("its own")
            })
        });
        assert_eq!((payload, over.into_inner()), ("its own", 10));
    });
}

#[test]
fn leaving_early_waits_for_them() {
    fn first_of(over: &AtomicUsize, texts: &[&str]) -> Result<u32, std::num::ParseIntError> {
        scope(|s| {
            for text in texts {
                s.go(|| {
                    naps();
                    over.fetch_add(1, SeqCst);
                });
                let number = text.parse()?;
                if number > 0 {
                    return Ok(number);
                }
            }
            Ok(0)
        })
    }
    both_modes(2, |_| {
        let over = AtomicUsize::new(0);
        assert_eq!(first_of(&over, &["0", "7", "x"]), Ok(7));
        assert!(first_of(&over, &["0", "x", "7"]).is_err());
        assert_eq!(over.into_inner(), 4);
    });
}

/// Each place in which a wait is of another kind.
#[test]
fn it_waits_wherever_it_is() {
    fn a_scope() {
        let over = AtomicUsize::new(0);
        scope(|s| {
            for _ in 0..3 {
                s.go(|| {
                    naps();
                    over.fetch_add(1, SeqCst);
                });
            }
        });
        assert_eq!(over.into_inner(), 3);
    }
    struct ScopeInDrop;
    impl Drop for ScopeInDrop {
        fn drop(&mut self) {
            a_scope();
        }
    }
    both_modes(2, |mode| {
        a_scope();
        blocking(a_scope);
        block_on(async { a_scope() });
        GoBuilder::new().locked().go(a_scope).join().expect("as anywhere");
        // While it unwinds it must not leave its thread.
        let unwinds = go(|| {
            let _scope = ScopeInDrop;
            quiet_panic("through the scope")
        });
        assert!(unwinds.join().is_err_and(|error| error.is_panic()));
        // In a runtime of its own, started from a plain thread that has none.
        std::thread::scope(|threads| {
            let thread = threads.spawn(|| mode.run(threadle::Builder::new().procs(1), a_scope));
            blocking(|| thread.join()).expect("as anywhere");
        });
    });
}

#[test]
fn on_a_plain_thread_there_is_nobody_to_run_them() {
    assert_eq!(scope(|_| 7), 7);
    let payload = catch_unwind(|| scope(|s| drop(s.go(|| ())))).expect_err("outside a runtime");
    let text = payload.downcast_ref::<String>().expect("it says why");
    assert!(text.contains("needs a running threadle runtime"), "{text}");
}

/// A wait that could neither be made nor given up must not come, so the scope does not begin.
#[test]
fn no_switch_finds_it_before_anything_has_begun() {
    both_modes(2, |_| {
        let begun = Cell::new(false);
        let caught = catch_unwind(AssertUnwindSafe(|| no_switch(|| scope(|_| begun.set(true)))));
        assert!(caught.is_err() && !begun.get());
        // What is inside is not forbidden to wait, and the scope does wait.
        let over = AtomicBool::new(false);
        scope(|s| {
            let handle = s.go(|| {
                naps();
                over.store(true, SeqCst);
            });
            assert!(catch_unwind(AssertUnwindSafe(|| no_switch(|| handle.join()))).is_err());
        });
        assert!(over.into_inner());
    });
}

#[test]
fn one_that_gets_no_stack_is_told_or_fails_the_scope() {
    hush();
    both_modes(2, |_| {
        let dropped = AtomicUsize::new(0);
        let with_no_stack = || GoBuilder::new().stack_size(1 << 46);
        scope(|s| {
            let borrows = Borrows(&dropped);
            let error = with_no_stack().go_scoped(s, move || drop(borrows)).join().expect_err("there is no such stack");
            assert!(error.is_no_stack(), "{error}");
        });
        let text: String = panic_of(|| {
            scope(|s| {
                let borrows = Borrows(&dropped);
                with_no_stack().go_scoped(s, move || drop(borrows));
            })
        });
        assert!(text.starts_with("a scoped goroutine never got a stack to run on (1 of this scope)"), "{text}");
        assert_eq!(dropped.into_inner(), 2);
    });
}

/// One scope for very many, one after the other: what is over is given back, though the scope goes on.
#[test]
fn what_is_over_is_given_back_while_the_scope_goes_on() {
    both_modes(2, |mode| {
        let over = AtomicU64::new(0);
        let most = scope(|s| {
            let mut most = 0;
            for number in 1..=20_000 {
                s.go(|| over.fetch_add(1, SeqCst));
                if number % 100 == 0 {
                    while over.load(SeqCst) < number {
                        yield_now();
                    }
                    most = most.max(threadle::num_goroutines());
                }
            }
            most
        });
        assert!(most < 1_000, "{mode}: {most} goroutines at a time");
    });
}

/// A life in a scope: its own goroutines, and what they do with each other.
fn live<'scope>(s: &'scope threadle::Scope<'scope, '_>, depth: u64, over: &'scope AtomicU64, mut seed: Seed) -> u64 {
    let mut started = 0;
    for _ in 0..seed.below(4) {
        let mut of_child = seed.split();
        let panics = of_child.below(8) == 0;
        let inner = of_child.below(4) == 0;
        started += 1;
        let handle = s.go(move || {
            let started = match depth {
                0 => 0,
                // In a scope of its own, on its own frame.
                _ if inner => {
                    let own = AtomicU64::new(0);
                    let counted = catch_unwind(AssertUnwindSafe(|| {
                        scope(|s| live(s, depth - 1, &own, of_child.split()));
                    }));
                    drop(counted);
                    yield_now();
                    own.into_inner()
                }
                _ => live(s, depth - 1, over, of_child.split()),
            };
            match of_child.below(6) {
                0 => time::sleep(Duration::from_micros(of_child.below(300))),
                1 => blocking(std::hint::spin_loop),
                2 => yield_now(),
                _ => {}
            }
            over.fetch_add(1, SeqCst);
            if panics {
                quiet_panic("now and then");
            }
            started
        });
        match seed.below(4) {
            0 => drop(handle),
            1 => mem::forget(handle),
            2 => {
                assert_eq!(handle.join().is_err(), panics, "another goroutine's end");
            }
            _ => {
                s.go(move || {
                    drop(handle.join());
                    over.fetch_add(1, SeqCst);
                });
                started += 1;
            }
        }
    }
    started
}

#[test]
fn many_random_scopes_at_once() {
    hush();
    let seed = std::sync::Mutex::new(Seed::announced());
    both_modes(3, |mode| {
        let (say, hear) = chan::unbounded();
        for _ in 0..200 {
            let (say, seed) = (say.clone(), seed.lock().expect("no panic").split());
            drop(go(move || {
                // How many have begun is not known from outside; that none is left is.
                let (over, running) = (AtomicU64::new(0), AtomicU64::new(0));
                let outcome = catch_unwind(AssertUnwindSafe(|| {
                    scope(|s| {
                        s.go(|| running.fetch_add(1, SeqCst));
                        live(s, 4, &over, seed)
                    })
                }));
                let seen = over.load(SeqCst);
                time::sleep(Duration::from_micros(500));
                assert_eq!((over.load(SeqCst), running.into_inner()), (seen, 1), "somebody was not over");
                say.send((seen, outcome.is_err())).expect("main listens");
            }));
        }
        drop(say);
        let outcomes: Vec<_> = hear.iter().collect();
        assert_eq!(outcomes.len(), 200, "{mode}: a scope has failed");
        println!("{mode}: {} goroutines", outcomes.iter().map(|(over, _)| over).sum::<u64>());
        assert!(outcomes.iter().any(|(_, panicked)| *panicked) && outcomes.iter().any(|(_, panicked)| !panicked));
    });
}

/// A goroutine of one runtime holds a scope whose goroutines are those of another.
#[test]
fn its_goroutines_may_be_another_runtimes() {
    let _watchdog = Watchdog::new(60);
    for (outer, inner) in [(Mode::Bound, Mode::Migrating), (Mode::Migrating, Mode::Bound)] {
        outer.run(threadle::Builder::new().procs(1), || {
            let mut sums = [0, 0];
            scope(|s| {
                let (low, high) = sums.split_at_mut(1);
                s.go(|| low[0] = 1);
                inner.run(threadle::Builder::new().procs(1), || {
                    s.go(|| high[0] = 2).join().expect("it only writes");
                });
            });
            assert_eq!(sums, [1, 2]);
        });
    }
}
