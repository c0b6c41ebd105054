//! Panics, and the other ways in which a goroutine ends without a result.

use std::panic::{self, AssertUnwindSafe};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::thread;
use std::time::Duration;

use threadle::sync::{Mutex, WaitGroup};
use threadle::{Builder, GoBuilder, JoinError, block_on, blocking, chan, go, time, yield_now};
use threadle_tests::{Mode, Watchdog, both_modes, child, system};

/// Panics without a message on stderr: these tests do it by the thousand.
fn quiet_panic<T>(payload: &'static str) -> T {
    panic::resume_unwind(Box::new(payload))
}

fn payload(error: JoinError) -> &'static str {
    assert!(error.is_panic() && !error.is_abandoned() && !error.is_no_stack());
    error.into_panic().downcast_ref::<&str>().copied().expect("the payload is the one that was thrown")
}

#[test]
fn panic_reaches_join() {
    both_modes(2, |_| {
        let error = go(|| quiet_panic::<u8>("thrown")).join().expect_err("it panicked");
        assert_eq!(payload(error), "thrown");
        // After a wait, which may have moved it.
        let late = go(|| {
            time::sleep(Duration::from_millis(1));
            quiet_panic::<u8>("thrown late")
        });
        assert_eq!(payload(late.join().expect_err("it panicked")), "thrown late");
    });
}

/// The outcome was given to who polled: there is none to give again, and nothing was abandoned.
#[test]
fn a_join_after_the_handle_was_ready_panics() {
    both_modes(2, |_| {
        let mut handle = go(|| 7);
        assert_eq!(block_on(&mut handle).expect("it only returns"), 7);
        assert!(handle.is_finished());
        let payload = panic::catch_unwind(AssertUnwindSafe(|| handle.join())).expect_err("it was ready");
        let message = payload.downcast_ref::<&str>().copied().unwrap_or_default();
        assert!(message.contains("joined after it was ready"), "{message:?}");
    });
}

#[test]
fn the_panic_of_main_resumes_on_the_caller() {
    for mode in Mode::BOTH {
        let caught = panic::catch_unwind(|| mode.run(Builder::new(), || quiet_panic::<()>("out of main")));
        assert_eq!(caught.expect_err("main panicked").downcast_ref::<&str>(), Some(&"out of main"));
        assert!(!thread::panicking());
    }
}

#[test]
fn a_panic_is_caught_where_it_is_caught() {
    both_modes(2, |_| {
        let caught = panic::catch_unwind(|| {
            yield_now();
            quiet_panic::<()>("caught inside")
        });
        assert!(caught.is_err());
        yield_now();
        assert!(!thread::panicking());
    });
}

#[test]
fn an_unjoined_panic_is_printed() {
    child::in_children(
        "an_unjoined_panic_is_printed",
        |_| {},
        |mode| {
            mode.run(Builder::new(), || {
                let (ended, end) = chan::bounded::<()>(0);
                drop(go(move || {
                    let _ended = ended;
                    panic!("nobody joins this one");
                }));
                end.recv().expect_err("the sender goes with its goroutine");
            });
            println!("survived 1");
        },
        |_, end| {
            assert_eq!(end.succeeded().number("survived"), 1.0);
            let said = end.stderr.matches("nobody joins this one").count();
            assert_eq!(said, 1, "once:\n{}", end.stderr);
        },
    );
}

/// Waits, in its drop, in each way there is.
struct WaitsInDrop {
    inbox: chan::Receiver<u8>,
    lock: Arc<Mutex<u64>>,
}

impl Drop for WaitsInDrop {
    fn drop(&mut self) {
        assert!(thread::panicking(), "std counts panics in a thread-local: it was lost on the way");
        let home = system::thread_id();
        let still_here = |what: &str| {
            assert!(thread::panicking(), "after {what} the panic count is another thread's");
            assert_eq!(system::thread_id(), home, "{what} changed the thread of a goroutine that unwinds");
        };
        yield_now();
        still_here("yield_now");
        time::sleep(Duration::from_millis(1));
        still_here("sleep");
        self.inbox.recv().expect("somebody sends");
        still_here("recv");
        *self.lock.lock() += 1;
        still_here("lock");
        blocking(|| ());
        still_here("blocking");
        go(|| 5).join().expect("it is quick");
        still_here("join");
    }
}

#[test]
fn waiting_in_a_drop_while_unwinding_keeps_the_panic_count() {
    both_modes(2, |_| {
        let over = Arc::new(AtomicBool::new(false));
        let onlooker = |_| {
            let over = Arc::clone(&over);
            go(move || {
                while !over.load(SeqCst) {
                    assert!(!thread::panicking(), "another's panic is counted here");
                    yield_now();
                }
            })
        };
        let onlookers: Vec<_> = (0..4).map(onlooker).collect();
        let lock = Arc::new(Mutex::new(0));
        let unwinder = |_| {
            let (send, inbox) = chan::bounded(0);
            let waits = WaitsInDrop { inbox, lock: Arc::clone(&lock) };
            let sender = go(move || send.send(1));
            let unwinder = go(move || {
                let _waits = waits;
                quiet_panic::<()>("unwinds slowly")
            });
            (sender, unwinder)
        };
        let pairs: Vec<_> = (0..50).map(unwinder).collect();
        for (sender, unwinder) in pairs {
            sender.join().expect("it only sends").expect("it is received");
            assert_eq!(payload(unwinder.join().expect_err("it panicked")), "unwinds slowly");
        }
        assert_eq!(*lock.lock(), 50);
        over.store(true, SeqCst);
        for onlooker in onlookers {
            onlooker.join().expect("it saw no panic");
        }
        // No thread is left with a wrong count: the next panic of each is caught, not an abort.
        let again: Vec<_> = (0..64)
            .map(|_| {
                go(|| {
                    assert!(!thread::panicking());
                    quiet_panic::<()>("once more")
                })
            })
            .collect();
        for one in again {
            assert_eq!(payload(one.join().expect_err("it panicked")), "once more");
        }
    });
}

#[test]
fn abandoned_is_told_from_panicked() {
    for mode in Mode::BOTH {
        let _watchdog = Watchdog::new(60);
        let (waiting, never_started, captured) = mode.run(Builder::new().procs(1), || {
            let (parked, parks) = chan::bounded::<()>(1);
            let (keep_open, gate) = chan::bounded::<()>(0);
            let waiting = go(move || {
                parked.send(()).expect("there is room");
                let _keep_open = keep_open;
                gate.recv().expect("it is never reached")
            });
            parks.recv().expect("it starts");
            let captured = Arc::new(());
            let held = Arc::clone(&captured);
            let never_started = go(move || drop(held));
            (waiting, never_started, captured)
        });
        let error = waiting.join().expect_err("its runtime has ended");
        assert!(error.is_abandoned() && !error.is_panic() && !error.is_no_stack(), "{error}");
        // It may have started in the last moment; either way its closure is gone.
        match never_started.join() {
            Ok(()) => {}
            Err(error) => assert!(error.is_abandoned(), "{error}"),
        }
        assert_eq!(Arc::strong_count(&captured), 1, "a closure that never started is dropped");
    }
}

/// Address space for the program and no more: a stack that does not fit is an error of the goroutine that wanted it.
#[test]
fn stackless_is_told_from_panicked() {
    child::in_children(
        "stackless_is_told_from_panicked",
        |_| {},
        |mode| {
            mode.run(Builder::new(), || {
                let used = system::status_kib("self", "VmSize").expect("/proc is there") << 10;
                let limit = libc::rlimit { rlim_cur: used + (256 << 20), rlim_max: libc::RLIM_INFINITY };
                // SAFETY: the pointer is to a struct that lives through the call; the limit is the process's own.
                assert_eq!(unsafe { libc::setrlimit(libc::RLIMIT_AS, &limit) }, 0);
                let error = GoBuilder::new().stack_size(1 << 30).go(|| 5).join().expect_err("it does not fit");
                assert!(error.is_no_stack() && !error.is_panic() && !error.is_abandoned(), "{error}");
                eprintln!("it said: {error}");
                assert_eq!(go(|| 6).join().expect("an ordinary stack fits"), 6);
            });
        },
        |_, end| {
            end.succeeded().complained_of("it said: ");
        },
    );
}

#[test]
fn handles_are_joined_from_plain_threads_too() {
    for mode in Mode::BOTH {
        let _watchdog = Watchdog::new(60);
        let (early, late) = mode.run(Builder::new().procs(2), || {
            let (finish, finishes) = chan::bounded::<u8>(0);
            let slow = go(move || finishes.recv().expect("somebody sends"));
            let joiner = thread::spawn(move || slow.join().expect("it was sent a number"));
            finish.send(3).expect("it waits for a number");
            let early = blocking(|| joiner.join().expect("joining does not panic"));
            let late = go(|| 4);
            while !late.is_finished() {
                yield_now();
            }
            (early, late)
        });
        assert_eq!(early, 3);
        assert_eq!(late.join().expect("it had ended before its runtime did"), 4);
    }
}

#[test]
fn a_detached_goroutine_goes_on() {
    both_modes(2, |_| {
        let done = Arc::new(AtomicUsize::new(0));
        let all = WaitGroup::new();
        for _ in 0..100 {
            let (done, all) = (Arc::clone(&done), all.clone());
            all.add(1);
            drop(go(move || {
                time::sleep(Duration::from_millis(1));
                done.fetch_add(1, SeqCst);
                all.done();
            }));
        }
        all.wait();
        assert_eq!(done.load(SeqCst), 100);
    });
}

/// A panic in a drop during a panic is std's business: the process aborts, as it does on a thread.
#[test]
fn a_panic_while_unwinding_aborts_as_on_a_thread() {
    struct PanicsInDrop;
    impl Drop for PanicsInDrop {
        fn drop(&mut self) {
            panic!("the second");
        }
    }
    child::in_children(
        "a_panic_while_unwinding_aborts_as_on_a_thread",
        |_| {},
        |mode| {
            mode.run(Builder::new(), || {
                let doubly = go(|| {
                    let _panics = AssertUnwindSafe(PanicsInDrop);
                    panic!("the first");
                });
                doubly.join().expect("the process ends first");
            });
        },
        |_, end| {
            end.died_of(libc::SIGABRT).complained_of("the first").complained_of("the second");
        },
    );
}

/// What nobody takes is dropped, its panic caught; and what that panicked with is dropped too, and may panic again. Nobody else is concerned.
#[test]
fn a_result_that_panics_in_its_drop_and_again_in_what_it_panicked_with_costs_nobody() {
    struct Again;
    impl Drop for Again {
        fn drop(&mut self) {
            if !std::thread::panicking() {
                std::panic::resume_unwind(Box::new("a second time"));
            }
        }
    }
    struct Fragile;
    impl Drop for Fragile {
        fn drop(&mut self) {
            std::panic::resume_unwind(Box::new(Again));
        }
    }
    child::in_children(
        "a_result_that_panics_in_its_drop_and_again_in_what_it_panicked_with_costs_nobody",
        |_| {},
        |mode| {
            mode.run(Builder::new().procs(1), || {
                for _ in 0..10 {
                    drop(go(|| Fragile));
                    // With a panic, too: that is its result.
                    drop(go(|| std::panic::resume_unwind(Box::new(Again))));
                }
                while threadle::num_goroutines() > 1 {
                    yield_now();
                }
            });
        },
        |_, end| {
            end.succeeded().complained_of("the result of goroutine").complained_of("panicked in its Drop");
        },
    );
}
