//! `block_on`: futures of others, unchanged, on goroutines. Inside a poll nothing migrates and nobody comes in between; between two polls no
//! frame of the future's is on the stack.
#![expect(clippy::disallowed_macros, reason = "what becomes of thread-locals inside a poll is what is looked at")]

#[path = "polls/tokio_sync.rs"]
mod tokio_sync;

use std::cell::Cell;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::SeqCst};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use scoped_tls::scoped_thread_local;
use threadle::{Builder, block_on, chan, go, time, yield_now};
use threadle_tests::pressure::under_pressure;
use threadle_tests::{Mode, Watchdog, both_modes, child, system};
use tracing::{Instrument, Span, info_span};

/// Pending once; meanwhile another goroutine wakes it.
fn elsewhere() -> impl Future<Output = ()> {
    let mut asked = false;
    poll_fn(move |context| {
        if std::mem::replace(&mut asked, true) {
            return Poll::Ready(());
        }
        let waker: Waker = context.waker().clone();
        drop(go(move || {
            yield_now();
            waker.wake();
        }));
        Poll::Pending
    })
}

thread_local! {
    /// Without a destructor and constant at first: the optimiser takes its address where and as often as it likes.
    static POLLED_ON: Cell<i32> = const { Cell::new(0) };
}

/// Looks in each poll at a thread-local before and after the future inside.
struct Looks<F> {
    inner: F,
    threads: Vec<i32>,
}

impl<F: Future + Unpin> Future for Looks<F> {
    type Output = (F::Output, Vec<i32>);

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let thread = system::thread_id();
        POLLED_ON.set(thread);
        let polled = Pin::new(&mut self.inner).poll(context);
        assert_eq!(POLLED_ON.get(), thread, "another thread's variable, or somebody came in between");
        assert_eq!(system::thread_id(), thread, "it moved inside a poll");
        if self.threads.last() != Some(&thread) {
            self.threads.push(thread);
        }
        polled.map(|output| (output, std::mem::take(&mut self.threads)))
    }
}

/// Also where the optimiser has put the whole future into one function with its caller.
#[test]
fn a_thread_local_is_the_threads_own_in_each_poll() {
    for mode in Mode::BOTH {
        let _watchdog = Watchdog::new(60);
        let moves = mode.run(Builder::new().procs(2), || {
            under_pressure(|| {
                let mut moves = 0;
                // Migrating, until one has moved: the watchdog bounds it.
                while moves == 0 {
                    let futures: Vec<_> = (0..8)
                        .map(|_| {
                            go(|| {
                                let many = Box::pin(async {
                                    for _ in 0..200 {
                                        elsewhere().await;
                                    }
                                });
                                let ((), threads) = block_on(Looks { inner: many, threads: Vec::new() });
                                threads.len() as u64 - 1
                            })
                        })
                        .collect();
                    moves += futures.into_iter().map(|future| future.join().expect("its checks hold")).sum::<u64>();
                    if mode == Mode::Bound {
                        break;
                    }
                }
                moves
            })
        });
        println!("{mode}: {moves} moves between two polls");
        match mode {
            Mode::Bound => assert_eq!(moves, 0, "it has left its thread"),
            Mode::Migrating => assert!(moves > 0),
        }
    }
}

scoped_thread_local!(static CONTEXT: u64);

/// What has to nest on its thread does inside a poll, even over a call that waits: its thread waits with it.
#[test]
fn scopes_of_thread_locals_nest_inside_a_poll() {
    both_modes(1, |_| {
        let futures: Vec<_> = (0..6)
            .map(|number| {
                go(move || {
                    for round in 0..20 {
                        let mine = number * 100 + round;
                        block_on(async {
                            CONTEXT.set(&mine, || {
                                assert_eq!(CONTEXT.with(|context| *context), mine);
                                time::sleep(Duration::from_micros(50));
                                yield_now();
                                assert_eq!(CONTEXT.with(|context| *context), mine, "another one's scope");
                            });
                            elsewhere().await;
                            assert!(!CONTEXT.is_set());
                        });
                    }
                })
            })
            .collect();
        for future in futures {
            future.join().expect("its checks hold");
        }
    });
}

static WAITS: AtomicU64 = AtomicU64::new(0);

/// One processor: who waits inside a poll is woken by goroutines that need it. That is told, once.
#[test]
fn a_call_that_waits_inside_a_poll_holds_its_thread_alone_and_is_told_once() {
    child::in_children(
        "a_call_that_waits_inside_a_poll_holds_its_thread_alone_and_is_told_once",
        |_| {},
        |mode| {
            mode.run(Builder::new().procs(1), || {
                let pollers: Vec<_> = (0..4)
                    .map(|_| {
                        go(|| {
                            for number in 0..10 {
                                let (send, receive) = chan::bounded(0);
                                let sender = go(move || {
                                    time::sleep(Duration::from_millis(1));
                                    send.send(number)
                                });
                                let thread = system::thread_id();
                                let received = block_on(async {
                                    WAITS.fetch_add(1, SeqCst);
                                    let received = receive.recv();
                                    assert_eq!(system::thread_id(), thread, "it moved inside a poll");
                                    received
                                });
                                assert_eq!(received, Ok(number));
                                sender.join().expect("no panic").expect("it is received");
                            }
                        })
                    })
                    .collect();
                for poller in pollers {
                    poller.join().expect("its checks hold");
                }
            });
            println!("waits {}", WAITS.load(SeqCst));
        },
        |mode, end| {
            assert_eq!(end.succeeded().number("waits"), 40.0);
            let told = end.stderr.matches("a call inside a future's poll has to wait").count();
            assert_eq!(told, 1, "{mode}:\n{}", end.stderr);
            end.complained_of("polls.rs").complained_of("use `go` for blocking code");
        },
    );
}

/// The way out: a goroutine of its own for what waits, awaited by its handle.
#[test]
fn awaiting_a_goroutine_holds_nothing() {
    let end = child::in_child(
        "awaiting_a_goroutine_holds_nothing",
        |_| {},
        || {
            both_modes(1, |_| {
                let sum = block_on(async {
                    let mut sum = 0;
                    for number in 0..20 {
                        let blocking = go(move || {
                            time::sleep(Duration::from_micros(100));
                            number
                        });
                        sum += blocking.await.expect("it only sleeps");
                    }
                    sum
                });
                assert_eq!(sum, 190);
            });
        },
    );
    end.succeeded().kept_quiet_about("has to wait");
}

/// Dropped where it is, never on a thread of another's.
#[test]
fn a_future_and_what_it_holds_stay_with_the_goroutine() {
    both_modes(2, |_| {
        let rounds: Vec<_> = (0..50)
            .map(|_| {
                go(|| {
                    // Not Send, and borrowed from this frame: `block_on` asks for neither.
                    let here = std::rc::Rc::new(Cell::new(0));
                    block_on(async {
                        for _ in 0..10 {
                            here.set(here.get() + 1);
                            elsewhere().await;
                        }
                    });
                    here.get()
                })
            })
            .collect();
        for round in rounds {
            assert_eq!(round.join().expect("its checks hold"), 10);
        }
    });
}

fn subscribe() {
    static ONCE: std::sync::Once = std::sync::Once::new();
    ONCE.call_once(|| {
        tracing::subscriber::set_global_default(tracing_subscriber::registry()).expect("the only one of this process");
    });
}

/// `tracing`'s current span is a thread-local. An instrumented future enters its span in each poll and leaves it after: so each of many on a
/// thread sees its own, and a goroutine between two polls sees none.
#[test]
fn spans_of_instrumented_futures_are_their_own() {
    subscribe();
    both_modes(2, |_| {
        let over = Arc::new(AtomicBool::new(false));
        let bystander = go({
            let over = Arc::clone(&over);
            move || {
                while !over.load(SeqCst) {
                    assert!(Span::current().is_none(), "a span that this goroutine has not entered");
                    yield_now();
                }
            }
        });
        let futures: Vec<_> = (0..16)
            .map(|number| {
                go(move || {
                    let span = info_span!("request", number);
                    let mine = span.id();
                    assert!(mine.is_some());
                    let inside = async {
                        for _ in 0..50 {
                            assert_eq!(Span::current().id(), mine, "another future's span");
                            let child = info_span!("step");
                            let its = child.id();
                            async {
                                elsewhere().await;
                                assert_eq!(Span::current().id(), its, "another future's span");
                            }
                            .instrument(child)
                            .await;
                        }
                    };
                    block_on(inside.instrument(span));
                    assert!(Span::current().is_none(), "left behind");
                })
            })
            .collect();
        for future in futures {
            future.join().expect("its checks hold");
        }
        over.store(true, SeqCst);
        bystander.join().expect("its checks hold");
    });
}
