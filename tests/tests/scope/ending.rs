//! A runtime ends before the goroutines of a scope: its caller never leaves the frame that they borrow from while one may run.

use std::future::poll_fn;
use std::hint;
use std::io::{self, BufRead, BufReader};
use std::os::fd::AsRawFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::task::Poll;
use std::thread;
use std::time::{Duration, Instant};

use threadle::sync::Semaphore;
use threadle::{Builder, GoBuilder, block_on, blocking, chan, go, scope, yield_now};
use threadle_tests::{Mode, child};

const ALIVE: usize = 0x600d_f8a3e;
/// Goroutines of each scope.
const EACH: usize = 3;

/// What is seen of one runtime; goroutines that were let go may look at it later.
#[derive(Default)]
struct Round {
    /// Frames that were left before the goroutines that borrow from them were over.
    left_early: AtomicUsize,
    begun: AtomicUsize,
    over: AtomicUsize,
    released: AtomicBool,
}

/// What is borrowed; dead, it is overwritten.
struct Frame {
    alive: AtomicUsize,
    round: &'static Round,
}

impl Frame {
    fn use_it(&self) {
        assert_eq!(self.alive.load(SeqCst), ALIVE, "the frame is gone");
    }
}

impl Drop for Frame {
    fn drop(&mut self) {
        self.alive.store(0, SeqCst);
        if self.round.over.load(SeqCst) < EACH {
            self.round.left_early.fetch_add(1, SeqCst);
        }
    }
}

/// How a goroutine of a scope is caught by the end.
type Child = (&'static str, fn(&Frame));

const CHILDREN: &[Child] = &[
    ("parked", |frame| {
        let (_send, receive) = chan::bounded::<u8>(0);
        receive.recv().expect_err("nobody sends");
        frame.use_it();
    }),
    ("spins", |frame| {
        while !frame.round.released.load(SeqCst) {
            frame.use_it();
            hint::spin_loop();
        }
        frame.use_it();
    }),
    ("spins, then switches", |frame| {
        while !frame.round.released.load(SeqCst) {
            hint::spin_loop();
        }
        frame.use_it();
        yield_now();
        frame.use_it();
    }),
    ("calls", |frame| {
        blocking(|| {
            while !frame.round.released.load(SeqCst) {
                hint::spin_loop();
            }
        });
        frame.use_it();
    }),
];

/// Where the scope's caller is.
type Parent = (&'static str, fn(&(dyn Fn() + Sync)));

const PARENTS: &[Parent] = &[("a goroutine", |body| body()), ("in a call", |body| blocking(body))];

/// How many frames were left while a goroutine of theirs was not over.
fn end_of_a_runtime(mode: Mode, parent: fn(&(dyn Fn() + Sync)), (name, child): Child) -> usize {
    let round: &'static Round = Box::leak(Box::default());
    mode.run(Builder::new().procs(2), || {
        drop(go(move || {
            parent(&|| {
                let frame = Frame { alive: AtomicUsize::new(ALIVE), round };
                scope(|s| {
                    for _ in 0..EACH {
                        s.go(|| {
                            round.begun.fetch_add(1, SeqCst);
                            child(&frame);
                            round.over.fetch_add(1, SeqCst);
                        });
                    }
                });
                frame.use_it();
            });
        }));
        // Not by a wait: bound, the ones that spin may keep this thread.
        while round.begun.load(SeqCst) == 0 {
            hint::spin_loop();
        }
    });
    round.released.store(true, SeqCst);
    // Those in user code come to their ends meanwhile, or to a switching call, which they do not survive.
    let patience = Instant::now() + Duration::from_millis(150);
    while round.over.load(SeqCst) < EACH && Instant::now() < patience {
        thread::yield_now();
    }
    let (left, over) = (round.left_early.load(SeqCst), round.over.load(SeqCst));
    println!("{mode}, {name}: {} begun, {over} over, {left} frames left before that", round.begun.load(SeqCst));
    left
}

#[test]
fn its_caller_does_not_go_on_while_a_goroutine_may_run() {
    child::in_children(
        "ending::its_caller_does_not_go_on_while_a_goroutine_may_run",
        |_| {},
        |mode| {
            for (where_it_is, parent) in PARENTS {
                for child in CHILDREN {
                    let left = end_of_a_runtime(mode, *parent, *child);
                    assert_eq!(left, 0, "{mode}, {where_it_is}, {}: the frame was left", child.0);
                }
            }
        },
        |_, end| {
            println!("{}", end.succeeded().stdout);
            end.kept_quiet_about("panicked");
        },
    );
}

/// A join of one that was abandoned does not come back either: what it would say ("abandoned") is no end.
#[test]
fn a_scoped_join_does_not_come_back_from_an_abandoned_goroutine() {
    child::in_children(
        "ending::a_scoped_join_does_not_come_back_from_an_abandoned_goroutine",
        |_| {},
        |mode| {
            static CAME_BACK: AtomicBool = AtomicBool::new(false);
            static JOINS: AtomicBool = AtomicBool::new(false);
            // The joiner's own runtime goes on; that of the other has ended.
            mode.run(Builder::new().procs(2), || {
                drop(go(move || {
                    scope(|s| {
                        let handle = blocking(|| {
                            mode.run(Builder::new().procs(1), || {
                                s.go(|| {
                                    let (_send, receive) = chan::bounded::<u8>(0);
                                    receive.recv().expect_err("nobody sends");
                                })
                            })
                        });
                        JOINS.store(true, SeqCst);
                        drop(handle.join());
                        CAME_BACK.store(true, SeqCst);
                    });
                    CAME_BACK.store(true, SeqCst);
                }));
                while !JOINS.load(SeqCst) {
                    yield_now();
                }
                threadle::time::sleep(Duration::from_millis(100));
                assert!(!CAME_BACK.load(SeqCst), "it came back while its runtime lived");
            });
            assert!(!CAME_BACK.load(SeqCst), "it came back at the end of its runtime");
        },
        |_, end| {
            end.succeeded();
        },
    );
}

/// What is told between a runtime that ends and those that it leaves behind.
#[derive(Default)]
struct Leaving {
    /// The runtime may end.
    begun: AtomicBool,
    /// It has: `run` has returned.
    over: AtomicBool,
}

impl Leaving {
    fn begin(&self) {
        self.begun.store(true, SeqCst);
    }

    /// Until the runtime has let it go.
    fn keep_the_thread(&self) {
        self.begin();
        while !self.over.load(SeqCst) {
            hint::spin_loop();
        }
    }
}

/// How a goroutine is left behind by a runtime that is inside its scope.
type Left = (&'static str, fn(Arc<Leaving>));

const LEFT: &[Left] = &[
    ("parked", |leaving| {
        let (_send, receive) = chan::bounded::<u8>(0);
        leaving.begin();
        receive.recv().expect_err("nobody sends");
    }),
    ("waits in place", |leaving| {
        let (_send, receive) = chan::bounded::<u8>(0);
        leaving.begin();
        block_on(poll_fn(|_| Poll::Ready(receive.recv()))).expect_err("nobody sends");
    }),
    ("gives way after the end", |leaving| {
        leaving.keep_the_thread();
        yield_now();
    }),
    ("parks after the end", |leaving| {
        leaving.keep_the_thread();
        threadle::time::sleep(Duration::from_secs(9));
    }),
    ("has given way to one that is over after the end", |leaving| {
        static FIRST: AtomicBool = AtomicBool::new(true);
        if FIRST.swap(false, SeqCst) {
            loop {
                yield_now();
            }
        }
        leaving.keep_the_thread();
    }),
    ("was woken behind one that is over after the end", |leaving| {
        static FIRST: AtomicBool = AtomicBool::new(true);
        static GIVEN: Semaphore = Semaphore::new(0);
        if FIRST.swap(false, SeqCst) {
            let _one = GIVEN.acquire(1);
            // Elsewhere it may have its turn yet.
            drop(GIVEN.acquire(1));
        }
        // Not by its own thread: bound, into the inbox of that.
        thread::spawn(|| GIVEN.add(1)).join().expect("it only adds");
        leaving.keep_the_thread();
    }),
];

/// What this process says on stderr from here on, line by line.
fn own_stderr() -> impl Iterator<Item = String> {
    let (reader, writer) = io::pipe().expect("there are descriptors");
    // SAFETY: both are open, and nothing but messages goes through the second.
    assert_eq!(unsafe { libc::dup2(writer.as_raw_fd(), libc::STDERR_FILENO) }, libc::STDERR_FILENO);
    BufReader::new(reader).lines().map(|line| line.expect("text")).inspect(|line| println!("{line}"))
}

/// A plain thread whose scope is around `run` waits for good, and nothing else shows why: so it is said, with both lines, once.
#[test]
fn a_plain_threads_scope_that_never_returns_is_told() {
    static CAME_BACK: AtomicUsize = AtomicUsize::new(0);
    child::in_children(
        "ending::a_plain_threads_scope_that_never_returns_is_told",
        |_| {},
        |mode| {
            let stderr = own_stderr();
            for (_, left) in LEFT {
                thread::spawn(move || {
                    let leaving = Arc::new(Leaving::default());
                    scope(|s| {
                        mode.run(Builder::new().procs(2), || {
                            for _ in 0..2 {
                                let leaving = Arc::clone(&leaving);
                                s.go(move || left(leaving));
                            }
                            while !leaving.begun.load(SeqCst) {
                                hint::spin_loop();
                            }
                        });
                        leaving.over.store(true, SeqCst);
                    });
                    CAME_BACK.fetch_add(1, SeqCst);
                });
            }
            let told: Vec<_> = stderr.filter(|line| line.contains("never returns")).take(LEFT.len()).collect();
            for (i, line) in told.iter().enumerate() {
                let (scope, goroutine) = line.split_once(" never returns: goroutine ").expect("both of them");
                assert!(
                    scope.contains("scope/ending.rs:") && goroutine.contains("spawned at tests/tests/scope/ending.rs:"),
                    "{line}"
                );
                assert!(line.contains("Builder::drain"), "no advice: {line}");
                assert!(i == 0 || told[0].contains(scope), "all are of one line of this program: {told:#?}");
            }
            assert_eq!(CAME_BACK.load(SeqCst), 0);
        },
        |_, end| {
            end.succeeded();
        },
    );
}

/// The same of goroutines that never began: their closures are dropped, and they are never over.
#[test]
fn one_that_never_began_is_told_too() {
    child::in_children(
        "ending::one_that_never_began_is_told_too",
        |_| {},
        |mode| {
            let mut stderr = own_stderr();
            thread::spawn(move || {
                // On one processor, which main keeps. (Where it is taken from it, and some begin, they are left all the same.)
                scope(|s| {
                    mode.run(Builder::new().procs(1), || {
                        for _ in 0..1_000 {
                            GoBuilder::new().name("fresh").go_scoped(s, || _ = chan::never::<()>().recv());
                        }
                    });
                });
            });
            let told = stderr.find(|line| line.contains("never returns")).expect("stderr stays open");
            assert!(told.contains("\"fresh\", spawned at"), "{told}");
        },
        |_, end| {
            end.succeeded();
        },
    );
}

/// Where the scope's caller ends with the same runtime nobody is left to wonder.
#[test]
fn a_scope_that_ends_with_its_caller_is_not_told() {
    child::in_children(
        "ending::a_scope_that_ends_with_its_caller_is_not_told",
        |_| {},
        |mode| {
            for (_, parent) in PARENTS {
                mode.run(Builder::new().procs(2), || {
                    let leaving = Arc::new(Leaving::default());
                    let waits = Arc::clone(&leaving);
                    drop(go(move || parent(&|| scope(|s| drop(s.go(|| LEFT[0].1(Arc::clone(&leaving))))))));
                    while !waits.begun.load(SeqCst) {
                        yield_now();
                    }
                });
            }
        },
        |_, end| {
            end.succeeded().kept_quiet_about("never returns");
        },
    );
}
