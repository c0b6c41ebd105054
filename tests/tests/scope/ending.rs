//! A runtime ends before the goroutines of a scope: its caller never leaves the frame that they borrow from while one may run.

use std::hint;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::thread;
use std::time::{Duration, Instant};

use threadle::{Builder, blocking, chan, go, scope, yield_now};
use threadle_tests::{Mode, child};

const ALIVE: usize = 0x600d_f8a3e;

/// What is seen of one runtime; goroutines that were let go may look at it later.
#[derive(Default)]
struct Round {
    frames_left: AtomicUsize,
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
        self.round.frames_left.fetch_add(1, SeqCst);
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

/// How many frames were left while a goroutine of theirs might have run.
fn end_of_a_runtime(mode: Mode, parent: fn(&(dyn Fn() + Sync)), (name, child): Child) -> usize {
    let round: &'static Round = Box::leak(Box::default());
    mode.run(Builder::new().procs(2), || {
        drop(go(move || {
            parent(&|| {
                let frame = Frame { alive: AtomicUsize::new(ALIVE), round };
                scope(|s| {
                    for _ in 0..3 {
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
    while round.over.load(SeqCst) < 3 && Instant::now() < patience {
        thread::yield_now();
    }
    // In this order: a frame that is left later does not count.
    let (left, over) = (round.frames_left.load(SeqCst), round.over.load(SeqCst));
    println!("{mode}, {name}: {} begun, {over} over, {left} frames left", round.begun.load(SeqCst));
    if over < 3 { left } else { 0 }
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
