//! `local!`: whose values they are, when they come and when they go.

#![expect(clippy::disallowed_macros, reason = "one test is about std's thread-locals beside ours")]

use std::cell::{Cell, RefCell};
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use threadle::{Builder, blocking, chan, go, local, time, yield_now};
use threadle_tests::{Mode, Seed, Watchdog, both_modes, child};

/// What was noted, in order; shared by the values of one test.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<String>>>);

impl Log {
    fn note(&self, what: impl Into<String>) {
        self.0.lock().expect("nobody panics in it").push(what.into());
    }

    fn all(&self) -> Vec<String> {
        self.0.lock().expect("nobody panics in it").clone()
    }
}

/// Notes its end.
struct Noted(Log, &'static str);

impl Drop for Noted {
    fn drop(&mut self) {
        self.0.note(self.1);
    }
}

#[test]
fn each_goroutine_and_each_thread_has_its_own() {
    local!(static NUMBER: Cell<u64> = const { Cell::new(7) });
    NUMBER.set(1);
    both_modes(2, |_| {
        assert_eq!(NUMBER.get(), 7, "main's own");
        let each = |number| {
            move || {
                assert_eq!(NUMBER.replace(number), 7);
                for _ in 0..100 {
                    yield_now();
                    assert_eq!(NUMBER.replace(NUMBER.get() + 1), NUMBER.get() - 1);
                }
                NUMBER.get()
            }
        };
        let handles: Vec<_> = (0..100).map(|number| (number, go(each(number * 1000)))).collect();
        for (number, handle) in handles {
            assert_eq!(handle.join().expect("its own number"), number * 1000 + 100);
        }
        assert_eq!(NUMBER.get(), 7);
    });
    assert_eq!(thread::spawn(|| NUMBER.get()).join().expect("it only looks"), 7);
    assert_eq!(NUMBER.get(), 1, "this thread's own");
}

/// The address that `with` has shown is right whatever happens meanwhile: the goroutine moves, the table grows.
#[test]
fn a_value_stays_where_it_is_over_switches_and_growth() {
    local! {
        static FIRST: Cell<usize> = const { Cell::new(0) };
        static A: Cell<usize> = const { Cell::new(0) };
        static B: RefCell<Vec<usize>> = const { RefCell::new(Vec::new()) };
        static C: String = "c".repeat(100);
    }
    both_modes(4, |_| {
        let one = |number: usize| {
            move || {
                FIRST.with(|first| {
                    for round in 0..200 {
                        first.set(number + round);
                        yield_now();
                        if round == 50 {
                            A.set(number);
                            B.with_borrow_mut(|list| list.extend(0..number));
                            assert_eq!(C.with(String::len), 100);
                        }
                        assert_eq!(FIRST.get(), number + round);
                        assert!(FIRST.with(|again| std::ptr::eq(again, first)));
                    }
                });
                assert_eq!((A.get(), B.with_borrow(Vec::len)), (number, number));
            }
        };
        let handles: Vec<_> = (0..50).map(|number| go(one(number))).collect();
        handles.into_iter().for_each(|handle| handle.join().expect("its values are as it left them"));
    });
}

#[test]
fn values_are_dropped_last_made_first_before_the_join() {
    local! {
        static LOG: RefCell<Log> = RefCell::new(Log::default());
        static ONE: RefCell<Option<Noted>> = const { RefCell::new(None) };
        static TWO: RefCell<Option<Noted>> = const { RefCell::new(None) };
        static THREE: RefCell<Option<Noted>> = const { RefCell::new(None) };
    }
    both_modes(2, |_| {
        for panics in [false, true] {
            let log = Log::default();
            let noted = |what| Some(Noted(log.clone(), what));
            let (one, two, three, result) = (noted("one"), noted("two"), noted("three"), noted("result"));
            let handle = go(move || {
                TWO.set(two);
                THREE.set(three);
                ONE.set(one);
                yield_now();
                if panics {
                    std::panic::resume_unwind(Box::new("on its way"));
                }
                result
            });
            match handle.join() {
                Ok(result) => {
                    assert_eq!(log.all(), ["one", "three", "two"]);
                    drop(result);
                }
                // What the closure held ended when it unwound.
                Err(error) => assert!(error.is_panic()),
            }
            assert_eq!(log.all().iter().filter(|what| *what != "result").collect::<Vec<_>>(), ["one", "three", "two"]);
        }
        // Nobody joins: the result goes first, as that of a std thread does.
        let log = Log::default();
        let (end, ended) = chan::bounded::<()>(1);
        drop(go({
            let log = log.clone();
            move || {
                LOG.set(log.clone());
                ONE.set(Some(Noted(log.clone(), "local")));
                (Noted(log, "result"), end)
            }
        }));
        ended.recv().expect_err("dropped with the result");
        while log.all().len() < 2 {
            yield_now();
        }
        assert_eq!(log.all(), ["result", "local"]);
    });
}

/// A Drop is code like any other: it waits, it starts goroutines, it uses other locals, also new ones, but not its own value.
#[test]
fn a_drop_may_wait_and_use_other_locals() {
    struct Last(Log, chan::Receiver<u8>);
    impl Drop for Last {
        fn drop(&mut self) {
            self.0.note(format!("got {:?}", self.1.recv()));
            go(|| ()).join().expect("it only ends");
            self.0.note(format!("own {:?}", LAST.try_with(|_| ())));
            self.0.note(format!("earlier {}", EARLIER.with(|noted| noted.1)));
            LATE.with(|late| self.0.note(format!("late {}", late.1)));
        }
    }
    local! {
        static LOG: RefCell<Log> = RefCell::new(Log::default());
        static EARLIER: Noted = Noted(LOG.with_borrow(Log::clone), "earlier ends");
        static LATE: Noted = Noted(LOG.with_borrow(Log::clone), "late ends");
        static LAST: RefCell<Option<Last>> = const { RefCell::new(None) };
    }
    both_modes(2, |_| {
        let log = Log::default();
        let (send, receive) = chan::bounded(0);
        let handle = go({
            let log = log.clone();
            move || {
                LOG.set(log.clone());
                EARLIER.with(|_| ());
                LAST.set(Some(Last(log, receive)));
            }
        });
        send.send(5).expect("the Drop receives");
        handle.join().expect("its closure has ended well");
        assert_eq!(
            log.all(),
            [
                "got Ok(5)",
                "own Err(AccessError)",
                "earlier earlier ends",
                "late late ends",
                "late ends",
                "earlier ends"
            ]
        );
    });
}

/// As std: what the inner use made is replaced by what the outer one makes.
#[test]
fn an_initialiser_may_use_its_own_local() {
    static MADE: AtomicUsize = AtomicUsize::new(0);
    static DROPPED: AtomicUsize = AtomicUsize::new(0);
    struct Counted(usize);
    impl Drop for Counted {
        fn drop(&mut self) {
            DROPPED.fetch_add(1, SeqCst);
        }
    }
    local! {
        static TURNS: Cell<u8> = const { Cell::new(0) };
        static SELF_MADE: Counted = {
            TURNS.set(TURNS.get() + 1);
            if TURNS.get() < 5 {
                yield_now();
                SELF_MADE.with(|inner| assert!(inner.0 > 0));
            }
            Counted(MADE.fetch_add(1, SeqCst) + 1)
        };
    }
    both_modes(2, |_| {
        let (made, dropped) = (MADE.load(SeqCst), DROPPED.load(SeqCst));
        go(move || {
            assert_eq!(SELF_MADE.with(|counted| counted.0), made + 5, "the outermost is the last to be made");
            assert_eq!(DROPPED.load(SeqCst), dropped + 4);
        })
        .join()
        .expect("recursion that ends is fine");
        assert_eq!(DROPPED.load(SeqCst), dropped + 5);
    });
}

#[test]
fn an_initialiser_that_panics_is_asked_again() {
    local! {
        static TRIES: Cell<u8> = const { Cell::new(0) };
        static SECOND_TIME: u8 = {
            TRIES.set(TRIES.get() + 1);
            assert_eq!(TRIES.get(), 2, "the first time");
            40
        };
    }
    both_modes(1, |_| {
        let first = std::panic::catch_unwind(|| SECOND_TIME.with(|_| ()));
        assert!(first.is_err());
        assert_eq!(SECOND_TIME.with(|value| *value), 40);
    });
}

/// A goroutine's memory serves the next one: nothing of the one before is there.
#[test]
fn recycled_goroutines_begin_without_values() {
    local!(static USED: Cell<bool> = const { Cell::new(false) });
    both_modes(2, |mode| {
        let mut seed = Seed::announced();
        for round in 0..20 {
            let handles: Vec<_> = (0..100)
                .map(|_| seed.below(2) == 0)
                .map(|yields| {
                    go(move || {
                        assert!(!USED.replace(true), "{mode}, round {round}");
                        if yields {
                            yield_now();
                        }
                        assert!(USED.get());
                    })
                })
                .collect();
            handles.into_iter().for_each(|handle| handle.join().expect("it began without"));
        }
    });
}

/// To the runtime the closure of an announced call is on a plain thread, whichever it is.
#[test]
fn an_announced_call_sees_the_locals_of_its_thread() {
    local!(static MINE: Cell<bool> = const { Cell::new(false) });
    both_modes(1, |_| {
        let one = || {
            MINE.set(true);
            for _ in 0..20 {
                assert!(!blocking(|| MINE.get()));
                yield_now();
                assert!(MINE.get());
            }
        };
        // Alone, where it may run in place, and with others at home on the thread.
        one();
        let handles: Vec<_> = (0..5).map(|_| go(one)).collect();
        handles.into_iter().for_each(|handle| handle.join().expect("the rule holds"));
    });
}

#[test]
fn an_abandoned_goroutines_values_are_leaked() {
    local!(static HELD: RefCell<Option<Arc<()>>> = const { RefCell::new(None) });
    for mode in Mode::BOTH {
        let _watchdog = Watchdog::new(60);
        let value = Arc::new(());
        mode.run(Builder::new().procs(1), || {
            let (held, holds) = chan::bounded(0);
            let value = value.clone();
            go(move || {
                HELD.set(Some(value));
                held.send(()).expect("main listens");
                time::sleep(Duration::MAX);
            });
            holds.recv().expect("it holds it");
        });
        assert_eq!(Arc::strong_count(&value), 2, "{mode}");
    }
}

/// A thread's values end with it, beside those of std, and a Drop of std's own may look at them.
#[test]
fn a_plain_threads_values_end_with_it() {
    struct Looks(Log);
    impl Drop for Looks {
        fn drop(&mut self) {
            // Before or after: either way it is told.
            self.0.note(match VALUE.try_with(|_| ()) {
                Ok(()) => "still there",
                Err(_) => "gone",
            });
        }
    }
    thread_local!(static LOOKS: RefCell<Option<Looks>> = const { RefCell::new(None) });
    local!(static VALUE: RefCell<Option<Noted>> = const { RefCell::new(None) });
    for std_first in [true, false] {
        let log = Log::default();
        thread::scope(|scope| {
            scope.spawn(|| {
                if std_first {
                    LOOKS.set(Some(Looks(log.clone())));
                }
                VALUE.set(Some(Noted(log.clone(), "ended")));
                LOOKS.set(Some(Looks(log.clone())));
            });
        });
        // A scope's thread may still be at its locals.
        let _watchdog = Watchdog::new(60);
        let notes = if std_first { 3 } else { 2 };
        while log.all().len() < notes {
            thread::yield_now();
        }
        assert_eq!(log.all().iter().filter(|what| *what == "ended").count(), 1, "{:?}", log.all());
    }
}

/// As std's: nobody is left to whom the panic could be given.
#[test]
fn a_drop_that_panics_ends_the_process() {
    struct Panics;
    impl Drop for Panics {
        fn drop(&mut self) {
            panic!("in a local's Drop");
        }
    }
    local!(static PANICS: Panics = const { Panics });
    child::in_children(
        "a_drop_that_panics_ends_the_process",
        |_| {},
        |mode| {
            mode.run(Builder::new().procs(1), || {
                drop(go(|| PANICS.with(|_| ())).join());
            });
        },
        |_, end| {
            end.died_of(libc::SIGABRT).complained_of("in a local's Drop").complained_of("panicked in its Drop");
        },
    );
}
