//! A runtime ends before the goroutines of a scope: its caller never leaves the frame that they borrow from while one may run.

use std::hint;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::thread;
use std::time::{Duration, Instant};

use threadle::{Builder, blocking, chan, go, scope, yield_now};
use threadle_tests::{Mode, child};

const ALIVE: usize = 0x600d_f8a3e;

/// What is borrowed; dead, it is overwritten.
struct Frame(AtomicUsize);

impl Drop for Frame {
    fn drop(&mut self) {
        self.0.store(0, SeqCst);
        FRAMES_LEFT.fetch_add(1, SeqCst);
    }
}

static FRAMES_LEFT: AtomicUsize = AtomicUsize::new(0);
static BEGUN: AtomicUsize = AtomicUsize::new(0);
static OVER: AtomicUsize = AtomicUsize::new(0);
static RELEASED: AtomicBool = AtomicBool::new(false);

impl Frame {
    fn use_it(&self) {
        assert_eq!(self.0.load(SeqCst), ALIVE, "the frame is gone");
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
        while !RELEASED.load(SeqCst) {
            frame.use_it();
            hint::spin_loop();
        }
        frame.use_it();
    }),
    ("spins, then switches", |frame| {
        while !RELEASED.load(SeqCst) {
            hint::spin_loop();
        }
        frame.use_it();
        yield_now();
        frame.use_it();
    }),
    ("calls", |frame| {
        blocking(|| {
            while !RELEASED.load(SeqCst) {
                hint::spin_loop();
            }
        });
        frame.use_it();
    }),
];

/// Where the scope's caller is.
type Parent = (&'static str, fn(fn()));

const PARENTS: &[Parent] = &[("a goroutine", |body| body()), ("in a call", |body| blocking(body))];

/// How many frames were left while a goroutine of theirs might have run.
fn end_of_a_runtime(mode: Mode, parent: fn(fn()), kind: usize) -> usize {
    // The kind of the child, for bodies that capture nothing.
    static KIND: AtomicUsize = AtomicUsize::new(0);
    KIND.store(kind, SeqCst);
    for counter in [&FRAMES_LEFT, &BEGUN, &OVER] {
        counter.store(0, SeqCst);
    }
    RELEASED.store(false, SeqCst);
    mode.run(Builder::new().procs(2), || {
        drop(go(move || {
            parent(|| {
                let frame = Frame(AtomicUsize::new(ALIVE));
                scope(|s| {
                    for _ in 0..3 {
                        s.go(|| {
                            BEGUN.fetch_add(1, SeqCst);
                            CHILDREN[KIND.load(SeqCst)].1(&frame);
                            OVER.fetch_add(1, SeqCst);
                        });
                    }
                });
                frame.use_it();
            });
        }));
        // Not by a wait: bound, the ones that spin may keep this thread.
        while BEGUN.load(SeqCst) == 0 {
            hint::spin_loop();
        }
    });
    RELEASED.store(true, SeqCst);
    // Those in user code come to their ends meanwhile, or to a switching call, which they do not survive.
    let patience = Instant::now() + Duration::from_millis(150);
    while OVER.load(SeqCst) < 3 && Instant::now() < patience {
        thread::yield_now();
    }
    let (left, over) = (FRAMES_LEFT.load(SeqCst), OVER.load(SeqCst));
    println!("{mode}, {}: {} begun, {over} over, {left} frames left", CHILDREN[kind].0, BEGUN.load(SeqCst));
    if over < 3 { left } else { 0 }
}

#[test]
fn its_caller_does_not_go_on_while_a_goroutine_may_run() {
    child::in_children(
        "ending::its_caller_does_not_go_on_while_a_goroutine_may_run",
        |_| {},
        |mode| {
            for (where_it_is, parent) in PARENTS {
                for (kind, (child, _)) in CHILDREN.iter().enumerate() {
                    let left = end_of_a_runtime(mode, *parent, kind);
                    assert_eq!(left, 0, "{mode}, {where_it_is}, {child}: the frame was left");
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
