//! Time that passes only when nothing else can.

#![expect(
    clippy::disallowed_methods,
    reason = "plain threads, and calls that nobody announced, are some of what is shown"
)]

use std::io::{Read, Write};
use std::panic;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::SeqCst};
use std::sync::{Arc, Mutex as StdMutex};
use std::thread;
use std::time::{Duration, Instant};

use threadle::chan::RecvTimeoutError;
use threadle::net::{TcpListener, TcpStream};
use threadle::sync::{Mutex, WaitGroup};
use threadle::testing::{self, Run};
use threadle::time::{now, sleep, sleep_until};
use threadle::{GoBuilder, block_on, blocking, chan, go, no_switch, yield_now};
use threadle_tests::{Mode, Seed, both_modes, both_modes_in_virtual_time};

const SECOND: Duration = Duration::from_secs(1);
const HOUR: Duration = Duration::from_secs(3600);

/// Sleeps add up exactly, whatever the machine is busy with.
#[test]
fn time_stands_still_until_everybody_is_blocked() {
    both_modes_in_virtual_time(2, |_| {
        let begun = now();
        let until = Instant::now() + Duration::from_millis(20);
        while Instant::now() < until {
            yield_now();
        }
        assert_eq!(now(), begun, "it only computed");
        sleep(HOUR);
        assert_eq!(now() - begun, HOUR);
        sleep_until(begun + 2 * HOUR);
        sleep_until(begun);
        assert_eq!(now() - begun, 2 * HOUR);
    });
}

/// A year of them, one after another and side by side.
#[test]
fn sleeps_fire_in_the_order_of_their_instants() {
    both_modes_in_virtual_time(2, |_| {
        let mut seed = Seed::announced();
        let begun = now();
        let woken = Arc::new(StdMutex::new(Vec::new()));
        let sleepers: Vec<_> = (0..300)
            .map(|_| Duration::from_nanos(1 + seed.below(365 * 86_400_000_000_000)))
            .map(|span| {
                let woken = Arc::clone(&woken);
                go(move || {
                    sleep(span);
                    assert_eq!(now() - begun, span);
                    woken.lock().expect("nobody panics in it").push(span);
                })
            })
            .collect();
        sleepers.into_iter().for_each(|sleeper| sleeper.join().expect("it only sleeps"));
        let woken = woken.lock().expect("nobody panics in it");
        assert!(woken.is_sorted(), "{woken:?}");
    });
}

/// What one timer sets going has run to its end before the next fires: however many processors there are.
#[test]
fn what_happens_at_an_instant_is_over_before_the_next() {
    both_modes_in_virtual_time(4, |_| {
        let begun = now();
        let (send, receive) = chan::bounded::<Duration>(0);
        let relays: Vec<_> = (0..8)
            .map(|_| receive.clone())
            .map(|receive| {
                go(move || {
                    for sent in receive {
                        // Many hands, and much computing: all of it takes no time.
                        let chain =
                            go(move || go(move || (0..1000).fold(sent, |sent, _| std::hint::black_box(sent))).join());
                        let sent = chain.join().expect("it computes").expect("it computes");
                        assert_eq!(now() - begun, sent);
                    }
                })
            })
            .collect();
        drop(receive);
        for tick in 0..100 {
            send.send(tick * SECOND).expect("somebody receives");
            sleep(SECOND);
        }
        drop(send);
        relays.into_iter().for_each(|relay| relay.join().expect("on time"));
    });
}

/// Every way to wait with a deadline goes by the same clock.
#[test]
fn deadlines_of_channels_go_by_it() {
    both_modes_in_virtual_time(1, |_| {
        let begun = now();
        let (send, receive) = chan::bounded(1);
        assert_eq!(receive.recv_timeout(HOUR), Err(RecvTimeoutError::Timeout));
        assert_eq!(receive.recv_deadline(begun + 3 * HOUR), Err(RecvTimeoutError::Timeout));
        assert_eq!(now() - begun, 3 * HOUR);
        send.send(1).expect("there is room");
        assert!(send.send_timeout(2, HOUR).is_err());
        assert_eq!(now() - begun, 4 * HOUR);
        assert_eq!(chan::after(HOUR).recv(), Ok(begun + 5 * HOUR));
        let ticks: Vec<_> = chan::tick(SECOND).iter().take(3).map(|at| at - begun - 5 * HOUR).collect();
        assert_eq!(ticks, [SECOND, 2 * SECOND, 3 * SECOND]);
    });
}

/// A goroutine that waits for what another one will do later is durably blocked, whatever it waits in.
#[test]
fn channels_locks_groups_joins_and_futures_are_durable() {
    both_modes_in_virtual_time(2, |_| {
        let begun = now();
        let mutex = Arc::new(Mutex::new(()));
        let group = WaitGroup::new();
        let (send, receive) = chan::bounded(0);
        let held = mutex.lock();
        group.add(1);
        let waiters = [
            go({
                let mutex = Arc::clone(&mutex);
                move || drop(mutex.lock())
            }),
            go({
                let group = group.clone();
                move || group.wait()
            }),
            go(move || assert_eq!(receive.recv(), Ok(7))),
            go(|| go(|| sleep(HOUR)).join().expect("it only sleeps")),
            go(|| block_on(go(|| sleep(2 * HOUR))).expect("it only sleeps")),
        ];
        sleep(3 * HOUR);
        drop(held);
        group.done();
        send.send(7).expect("it receives");
        waiters.into_iter().for_each(|waiter| waiter.join().expect("it waited"));
        assert_eq!(now() - begun, 3 * HOUR);
    });
}

/// A call will return, and the world may send: the clock waits for both.
#[test]
fn calls_and_sockets_hold_the_clock() {
    both_modes_in_virtual_time(2, |_| {
        let begun = now();
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
        let address = listener.local_addr().expect("it has one");
        let server = go(move || {
            let (mut stream, _) = listener.accept().expect("somebody connects");
            let mut byte = [0];
            stream.read_exact(&mut byte).expect("somebody writes");
            assert_eq!(now(), begun, "it waited for the world");
            byte[0]
        });
        let sleeper = go(|| sleep(HOUR));
        let announced = go(move || {
            blocking(|| thread::sleep(Duration::from_millis(30)));
            assert_eq!(now(), begun, "the clock has waited for the call");
            // A plain thread of the outside world, as far as the runtime can see.
            blocking(move || {
                thread::sleep(Duration::from_millis(30));
                std::net::TcpStream::connect(address).expect("it listens").write_all(&[9]).expect("it reads")
            });
        });
        announced.join().expect("it is in no hurry");
        assert_eq!(server.join().expect("it reads"), 9);
        sleeper.join().expect("it only sleeps");
        assert_eq!(now() - begun, HOUR);
        // Nothing of it is waited for any more.
        let client = go(move || TcpStream::connect(address).is_err());
        assert!(client.join().expect("nobody listens any more"));
        sleep(HOUR);
    });
}

/// What waits in place, because it unwinds or is polled, is on its thread, and durably blocked all the same.
#[test]
fn waits_in_place_are_durable() {
    struct Sleeps;
    impl Drop for Sleeps {
        fn drop(&mut self) {
            let begun = now();
            sleep(HOUR);
            assert_eq!(now() - begun, HOUR);
        }
    }
    both_modes_in_virtual_time(1, |_| {
        let begun = now();
        let other = go(|| sleep(10 * HOUR));
        let unwinds = go(|| {
            let _sleeps = Sleeps;
            panic::resume_unwind(Box::new("on its way"));
        });
        assert!(unwinds.join().expect_err("it unwinds").is_panic());
        assert_eq!(now() - begun, HOUR);
        let (send, receive) = chan::bounded(0);
        let polled = go(move || {
            block_on(async {
                sleep(HOUR);
                receive.recv()
            })
        });
        // On a thread of its own: the one that is waited on in place may be that of all others.
        let sender = GoBuilder::new().locked().go(move || {
            sleep(3 * HOUR);
            send.send(5)
        });
        assert_eq!(polled.join().expect("it is polled once"), Ok(5));
        sender.join().expect("it does not panic").expect("it receives");
        assert_eq!(now() - begun, 4 * HOUR);
        other.join().expect("it only sleeps");
        assert_eq!(now() - begun, 10 * HOUR);
    });
}

#[test]
fn settle_waits_for_the_others_and_not_for_the_clock() {
    both_modes_in_virtual_time(2, |_| {
        let begun = now();
        let rounds = Arc::new(AtomicU64::new(0));
        let worker = go({
            let rounds = Arc::clone(&rounds);
            move || {
                for _ in 0..10 {
                    (0..10).for_each(|_| yield_now());
                    go(|| blocking(|| thread::sleep(Duration::from_millis(1)))).join().expect("it only sleeps");
                    rounds.fetch_add(1, SeqCst);
                    sleep(SECOND);
                }
            }
        });
        for round in 0..10 {
            testing::settle();
            assert_eq!((now() - begun, rounds.load(SeqCst)), (round as u32 * SECOND, round + 1));
            sleep(SECOND);
        }
        worker.join().expect("it only works");
    });
}

/// With one processor and no randomness of one's own, the order of everything is the same in each run.
#[cfg_attr(feature = "harass", expect(dead_code, reason = "it takes processors away at random"))]
#[cfg_attr(not(feature = "harass"), test)]
fn on_one_processor_it_is_deterministic() {
    let story = || {
        testing::virtual_time(|| {
            let begun = now();
            let story = Arc::new(StdMutex::new(Vec::new()));
            let (send, receive) = chan::bounded::<usize>(1);
            let actors: Vec<_> = (0..20)
                .map(|number| {
                    let (story, send, receive) = (Arc::clone(&story), send.clone(), receive.clone());
                    go(move || {
                        for round in 0..10 {
                            sleep(Duration::from_millis(((number * 7 + round * 3) % 11) as u64));
                            if number % 2 == 0 {
                                let _full = send.send_timeout(number, Duration::from_millis(5));
                            } else if let Ok(from) = receive.recv_timeout(Duration::from_millis(3)) {
                                story.lock().expect("nobody panics in it").push((now() - begun, number, from));
                            }
                        }
                    })
                })
                .collect();
            actors.into_iter().for_each(|actor| actor.join().expect("it plays"));
            let story = story.lock().expect("nobody panics in it").clone();
            (now() - begun, story)
        })
    };
    let first = story();
    assert!(first.1.len() > 50, "{first:?}");
    for _ in 0..5 {
        assert_eq!(story(), first);
    }
}

/// Everybody waits for somebody: said, with the dump, and not hung.
#[test]
fn a_deadlock_is_a_panic_with_the_dump() {
    for mode in Mode::BOTH {
        let caught = panic::catch_unwind(|| {
            let body = || {
                let (_open, never) = chan::bounded::<()>(0);
                let other = never.clone();
                go(move || other.recv());
                sleep(HOUR);
                never.recv()
            };
            match mode {
                Mode::Bound => Run::new().procs(2).virtual_time(body),
                // SAFETY: the body holds nothing of its thread.
                Mode::Migrating => unsafe { Run::new().procs(2).virtual_time_migrating(body) },
            }
        });
        let panic = caught.expect_err("it cannot go on");
        let text = panic.downcast_ref::<String>().expect("a panic with a text");
        assert!(text.contains("deadlock"), "{text}");
        assert_eq!(text.matches("[chan receive").count(), 2, "{text}");
        assert!(text.contains("goroutine 1 \"main\""), "{text}");
        assert!(text.contains(file!()), "{text}");
    }
}

/// Virtual and real runtimes side by side, one inside the other's goroutine, and the real clock in calls and on plain threads.
#[test]
fn each_runtime_has_its_own_clock() {
    both_modes(2, |_| {
        let real = Instant::now();
        let inside = testing::virtual_time(|| {
            let begun = now();
            sleep(HOUR);
            let called = blocking(now);
            assert!(called < begun + HOUR, "a call is in real time");
            let real = Instant::now();
            blocking(|| sleep(Duration::from_millis(5)));
            assert!(real.elapsed() >= Duration::from_millis(5));
            assert!(thread::spawn(now).join().expect("it looks at a clock") < begun + HOUR);
            now()
        });
        assert!(inside >= real + HOUR);
        assert!(now() < inside);
    });
}

/// What an outsider sends is welcome; the goroutine waits for it in a call.
#[test]
fn plain_threads_are_waited_for_in_calls() {
    both_modes_in_virtual_time(2, |_| {
        let begun = now();
        let (send, receive) = chan::bounded(0);
        let outsider = thread::spawn(move || {
            thread::sleep(Duration::from_millis(20));
            send.send(3)
        });
        let sleeper = go(|| sleep(HOUR));
        assert_eq!(blocking(|| receive.recv()), Ok(3));
        assert_eq!(now(), begun);
        blocking(|| outsider.join()).expect("it does not panic").expect("somebody received");
        sleeper.join().expect("it only sleeps");
    });
}

/// Main's end ends it: nobody waits for those that sleep on.
#[test]
fn the_end_of_main_is_the_end() {
    static WOKEN: AtomicBool = AtomicBool::new(false);
    both_modes_in_virtual_time(2, |_| {
        go(|| {
            sleep(HOUR);
            WOKEN.store(true, SeqCst);
        });
        sleep(HOUR - SECOND);
        no_switch(now)
    });
    assert!(!WOKEN.load(SeqCst));
}
