//! What bound mode does not protect: a goroutine stays on its thread, and others take turns with it there. What relies on nobody coming in
//! between goes wrong, and `no_switch` around it finds the place. docs/soundness.md tells what to do instead: its table has a line for each
//! of these, in this order.
//!
//! On one processor, each step told to the other goroutine by a channel: so both are on one thread, and the order is the same every time.
#![expect(clippy::disallowed_macros, reason = "thread-locals of others are what this is about")]

use std::cell::{Cell, RefCell};
use std::panic::catch_unwind;
use std::sync::atomic::{AtomicBool, AtomicI32, AtomicU32, Ordering::SeqCst};
use std::sync::{Arc, Mutex, TryLockError, mpsc};
use std::time::{Duration, Instant};
use std::{hint, io, ptr, thread};

use scoped_tls::scoped_thread_local;
use threadle::{Builder, chan, go, no_switch, scope, time, yield_now};
use threadle_tests::{Mode, Watchdog, child, system};

/// Two goroutines of one thread that take turns.
struct Turns {
    go_on: chan::Sender<()>,
    wait: chan::Receiver<()>,
}

impl Turns {
    fn pair() -> (Turns, Turns) {
        let ((to_one, one), (to_two, two)) = (chan::bounded(1), chan::bounded(1));
        (Turns { go_on: to_two, wait: one }, Turns { go_on: to_one, wait: two })
    }

    /// It is the other's turn, and then ours again.
    fn pass(&self) {
        self.go_on.send(()).expect("the other one is there");
        self.wait.recv().expect("the other one goes on");
    }
}

/// Runs both, bound, on one thread; the first begins.
fn take_turns<A: Send + 'static, B: Send + 'static>(first: fn(&Turns) -> A, second: fn(&Turns) -> B) -> (A, B) {
    let _watchdog = Watchdog::new(60);
    loop {
        let ((first, its_thread), (second, the_others)) = Mode::Bound.run(Builder::new().procs(1), || {
            let (one, two) = Turns::pair();
            let second = go(move || {
                two.wait.recv().expect("the first begins");
                let result = second(&two);
                // It may have ended by now.
                let _gone = two.go_on.send(());
                (result, system::thread_id())
            });
            let first = go(move || {
                let result = first(&one);
                let _gone = one.go_on.send(());
                (result, system::thread_id())
            });
            (first.join().expect("its checks hold"), second.join().expect("its checks hold"))
        });
        // Where the machine kept one from running for a slice, the other began elsewhere.
        if its_thread == the_others {
            return (first, second);
        }
    }
}

/// A thread-local of std's whose initialiser waits. Whoever comes meanwhile finds it empty and makes a value of its own, and that one is
/// replaced, where it lies, when the first comes back.
#[test]
fn a_thread_local_whose_initialiser_waits_is_replaced_under_who_made_it_meanwhile() {
    static MADE: AtomicU32 = AtomicU32::new(0);
    struct Value(u32);
    impl Drop for Value {
        fn drop(&mut self) {
            if self.0 == 2 {
                SECOND_IS_GONE.store(true, SeqCst);
            }
        }
    }
    static SECOND_IS_GONE: AtomicBool = AtomicBool::new(false);
    thread_local! {
        static TURNS: RefCell<Option<Turns>> = const { RefCell::new(None) };
        static VALUE: Value = {
            let number = MADE.fetch_add(1, SeqCst) + 1;
            // The first to come opens a file, say, or asks for a lock.
            let turns = if number == 1 { TURNS.take() } else { None };
            if let Some(turns) = turns {
                turns.pass();
                TURNS.set(Some(turns));
            }
            Value(number)
        };
    }
    fn look() -> (usize, u32) {
        VALUE.with(|value| (ptr::from_ref(value).addr(), value.0))
    }
    let run = || {
        take_turns(
            |turns| {
                MADE.store(0, SeqCst);
                SECOND_IS_GONE.store(false, SeqCst);
                let (to, from) = (turns.go_on.clone(), turns.wait.clone());
                TURNS.set(Some(Turns { go_on: to, wait: from }));
                look()
            },
            |turns| {
                // What it sees now it sees in no borrow that would last over the turn of the other: with one, it would be left with a
                // reference to a value that was dropped in its place.
                let before = look();
                let was_gone = SECOND_IS_GONE.load(SeqCst);
                turns.pass();
                (before, look(), was_gone, SECOND_IS_GONE.load(SeqCst))
            },
        )
    };
    let ((place, number), (before, after, was_gone, is_gone)) = run();
    assert_eq!((number, before.1, after.1), (1, 2, 1), "the second one's own value, and then the first one's");
    assert_eq!((before.0, after.0), (place, place), "all at one place");
    assert_eq!((was_gone, is_gone), (false, true), "the value that the second one might have borrowed");
}

scoped_thread_local!(static CONTEXT: u32);

/// A variable that is set for a time, on a thread: here, for a time that another goroutine's falls into.
#[test]
fn a_scope_of_a_thread_local_is_seen_by_others_and_sees_theirs() {
    let (first, second) = take_turns(
        |turns| {
            CONTEXT.set(&1, || {
                turns.pass();
                // Not 1: the other one is inside its own scope.
                let seen = CONTEXT.with(|context| *context);
                turns.pass();
                seen
            })
        },
        |turns| {
            let is_set = CONTEXT.is_set();
            CONTEXT.set(&2, || turns.pass());
            is_set
        },
    );
    assert_eq!(first, 2, "what the first one sees in its own scope");
    assert!(second, "the second one had set nothing yet");
}

/// Whoever leaves last puts back what it has found, a pointer to a variable of the other's, whose frame is gone: to look at it would be
/// undefined behaviour out of safe code. It is only asked whether it is there.
#[test]
fn a_scope_of_a_thread_local_that_is_left_too_late_leaves_a_pointer_to_a_frame_that_is_gone() {
    let (first, second) = take_turns(
        |turns| {
            let variable = 1;
            CONTEXT.set(&variable, || turns.pass());
            CONTEXT.is_set()
        },
        |turns| {
            CONTEXT.set(&2, || turns.pass());
            CONTEXT.is_set()
        },
    );
    assert_eq!((first, second), (false, true), "is it set, when each has left its scope");
}

/// The same in miniature, with guards: std's own `panic_count`, span guards and enter guards are of this kind.
#[test]
fn guards_that_restore_what_was_before_restore_it_in_the_wrong_order() {
    thread_local!(static DEPTH: Cell<u32> = const { Cell::new(0) });
    struct Enter(u32);
    impl Enter {
        fn new() -> Enter {
            Enter(DEPTH.replace(DEPTH.get() + 1))
        }
    }
    impl Drop for Enter {
        fn drop(&mut self) {
            DEPTH.set(self.0);
        }
    }
    let (first, second) = take_turns(
        |turns| {
            let guard = Enter::new();
            turns.pass();
            drop(guard);
            turns.pass();
            DEPTH.get()
        },
        |turns| {
            let guard = Enter::new();
            turns.pass();
            drop(guard);
            DEPTH.get()
        },
    );
    // Both have left, and one is still inside, for good.
    assert_eq!((first, second), (1, 1));
}

/// A span that is entered with a guard is the current one of every goroutine of the thread.
#[test]
fn a_span_that_is_entered_over_a_wait_is_entered_by_all() {
    tracing::subscriber::set_global_default(tracing_subscriber::registry()).expect("the only one of this process");
    let (first, second) = take_turns(
        |turns| {
            let span = tracing::info_span!("first");
            let entered = span.enter();
            turns.pass();
            drop(entered);
            span.id()
        },
        |turns| {
            let here = tracing::Span::current().id();
            turns.pass();
            here
        },
    );
    assert!(first.is_some());
    assert_eq!(first, second, "the second has entered nothing");
}

/// Safe, and a panic: what is borrowed for writing is the thread's, not the goroutine's.
#[test]
fn a_cell_of_the_thread_that_is_borrowed_over_a_wait_is_borrowed_for_all() {
    thread_local!(static LOG: RefCell<Vec<u32>> = const { RefCell::new(Vec::new()) });
    let (_, second) = take_turns(
        |turns| {
            LOG.with_borrow_mut(|log| {
                turns.pass();
                log.push(1);
            });
        },
        |turns| {
            let free = LOG.with(|log| log.try_borrow_mut().is_ok());
            turns.pass();
            free
        },
    );
    assert!(!second, "nobody of this goroutine has borrowed it");
}

/// How long one goroutine tries for a lock of std that another of its thread holds over a wait. It would wait for it with the thread that the
/// other one needs in order to unlock it.
fn tries_for_a_lock_of_std(mode: Mode) -> Option<Duration> {
    const PATIENCE: Duration = Duration::from_secs(3);
    loop {
        let (holders, (takers, after)) = mode.run(Builder::new().procs(1), || {
            let holder = go(|| {
                let mutex = Arc::new(Mutex::new(()));
                // Migrating, this guard may be unlocked by another thread than locked it, which std does not allow in general, but its
                // mutex on Linux, a futex, does not notice.
                let guard = mutex.lock().expect("nobody panics");
                let tried = Arc::clone(&mutex);
                let taker = go(move || {
                    let begun = Instant::now();
                    // In place of `lock`, which would never come back.
                    while matches!(tried.try_lock(), Err(TryLockError::WouldBlock)) {
                        if begun.elapsed() > PATIENCE {
                            return (system::thread_id(), None);
                        }
                        hint::spin_loop();
                    }
                    (system::thread_id(), Some(begun.elapsed()))
                });
                let here = system::thread_id();
                yield_now();
                drop(guard);
                (here, taker)
            });
            let (here, taker) = holder.join().expect("it only yields");
            (here, taker.join().expect("it only tries"))
        });
        if holders == takers {
            return after;
        }
    }
}

#[test]
fn a_lock_of_std_held_over_a_wait_keeps_others_of_the_thread_and_so_itself() {
    child::in_children(
        "a_lock_of_std_held_over_a_wait_keeps_others_of_the_thread_and_so_itself",
        |_| {},
        |mode| match tries_for_a_lock_of_std(mode) {
            None => println!("never 1"),
            Some(after) => println!("never 0\nafter {}", after.as_secs_f64()),
        },
        |mode, end| match mode {
            // And it is told, with the line that spawned the one that waits.
            Mode::Bound => {
                assert_eq!(end.succeeded().number("never"), 1.0, "{mode}: it got the lock");
                end.complained_of("holds up").complained_of("unprotected.rs");
            }
            Mode::Migrating => {
                assert_eq!(end.succeeded().number("never"), 0.0, "{mode}: it did not get the lock");
                println!("{mode}: it got the lock after {} s", end.number("after"));
            }
        },
    );
}

/// A lock that its thread may take again, as those of the standard streams: the thread is what holds it, so it keeps out no goroutine of the
/// thread.
#[test]
fn a_lock_that_a_thread_may_take_twice_keeps_no_goroutine_of_it_out() {
    static HOLDS: AtomicI32 = AtomicI32::new(0);
    let ((), second) = take_turns(
        |turns| {
            let locked = io::stdout().lock();
            HOLDS.store(system::thread_id(), SeqCst);
            turns.pass();
            drop(locked);
        },
        |turns| {
            if HOLDS.load(SeqCst) != system::thread_id() {
                // It began elsewhere, where the lock does keep it out: another try comes.
                return true;
            }
            // It is locked, as another thread finds.
            let (done, taken) = mpsc::channel();
            let another = thread::spawn(move || {
                drop(io::stdout().lock());
                // Nobody may have waited so long.
                let _late = done.send(());
            });
            let another_gets_in = taken.recv_timeout(Duration::from_millis(50)).is_ok();
            // Were this one kept out as well, this would be the end: the holder needs this thread in order to go on.
            drop(io::stdout().lock());
            turns.pass();
            another.join().expect("it gets in when the holder is out");
            another_gets_in
        },
    );
    assert!(!second, "another thread is kept out meanwhile");
}

/// A wait of some kind or other: what `no_switch` is to find, and what it says of it. None could end before it has begun, however slow the
/// machine.
type Wait = (&'static str, fn());

const LONG: Duration = Duration::from_secs(3_600);

const WAITS: &[Wait] = &[
    ("chan receive", || {
        let (_open, receive) = chan::bounded::<()>(0);
        receive.recv_timeout(LONG).expect_err("nobody sends");
    }),
    ("chan send", || {
        let (send, _open) = chan::bounded::<()>(0);
        send.send_timeout((), LONG).expect_err("nobody receives");
    }),
    ("select", || {
        let (_open, receive) = chan::bounded::<()>(0);
        threadle::select! {
            recv(receive) -> got => unreachable!("{got:?}"),
            default(LONG) => {}
        }
    }),
    ("sleep", || time::sleep(LONG)),
    ("sync.Mutex.lock", || {
        let mutex = threadle::sync::Mutex::new(());
        let _guard = mutex.lock();
        assert!(mutex.lock_timeout(LONG).is_none());
    }),
    ("sync.WaitGroup.wait", || {
        let group = threadle::sync::WaitGroup::new();
        group.add(1);
        assert!(!group.wait_timeout(LONG));
    }),
    ("join", || {
        let (_open, waits) = chan::bounded::<()>(0);
        drop(go(move || waits.recv()).join());
    }),
    ("scope", || scope(|_| ())),
    ("blocking call", || drop(threadle::fs::metadata("/"))),
    ("IO wait", || {
        let listener = threadle::net::TcpListener::bind("127.0.0.1:0").expect("a port is free");
        listener.set_deadline(Some(Instant::now() + LONG));
        listener.accept().expect_err("nobody comes");
    }),
    ("block_on", || threadle::block_on(std::future::pending())),
    ("yield_now", || {
        yield_now();
    }),
];

/// `no_switch` around what must not be held over a wait finds the wait, whichever it is, at the place where it is.
#[test]
fn no_switch_finds_each_of_them() {
    thread_local!(static LOG: RefCell<Vec<u32>> = const { RefCell::new(Vec::new()) });
    let _watchdog = Watchdog::new(60);
    type Holder = (&'static str, fn(fn()));
    let holders: &[Holder] = &[
        ("an initialiser", |wait| {
            thread_local! {
                static CALLED: Cell<fn()> = const { Cell::new(|| ()) };
                static VALUE: RefCell<Option<u32>> = RefCell::new({ CALLED.get()(); None });
            }
            CALLED.set(wait);
            // A panic leaves it as empty as it was; once it is there, this is the wait.
            VALUE.with(|_| CALLED.get()());
        }),
        ("a scope of a thread-local", |wait| CONTEXT.set(&1, wait)),
        ("a span", |wait| {
            let span = tracing::info_span!("entered");
            let _entered = span.enter();
            wait();
        }),
        ("a lock of std", |wait| {
            let mutex = Mutex::new(());
            let _guard = mutex.lock();
            wait();
        }),
        ("a borrow of a thread-local", |wait| LOG.with_borrow_mut(|_| wait())),
        ("a lock that may be taken twice", |wait| {
            let _locked = io::stdout().lock();
            wait();
        }),
    ];
    for mode in Mode::BOTH {
        mode.run(Builder::new().procs(1), || {
            for (name, hold) in holders {
                for (reason, wait) in WAITS {
                    let caught = catch_unwind(|| no_switch(|| hold(*wait)));
                    let payload = caught.expect_err("it is found");
                    let text = payload.downcast_ref::<String>().expect("a text");
                    assert!(text.contains(&format!("({reason})")), "{mode}, {name}, {reason}: {text}");
                }
                // What does not wait passes.
                no_switch(|| hold(|| assert!(chan::never::<()>().try_recv().is_err())));
            }
        });
    }
}
