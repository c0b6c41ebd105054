//! What runs next: runnext, ring, injector, yielding, and that nobody starves. After Go's `proc_test.go`.
//!
//! Not under `harass`: who loses its P at every call has no place in a queue to keep.
#![cfg(not(feature = "harass"))]

use std::hint;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use threadle::{chan, go, time, yield_now};
use threadle_tests::{Mode, both_modes, child, scenario, undisturbed};

/// What a processor may run between two looks at the injector.
const FAIRNESS_TICK: usize = 61;

/// The order in which `count` goroutines run that goroutine 1 of one processor spawned in a row.
fn order_of(count: usize) -> Vec<usize> {
    let order = Arc::new(Mutex::new(Vec::with_capacity(count)));
    let spawn = |number| {
        let order = Arc::clone(&order);
        go(move || order.lock().expect("nobody panics").push(number))
    };
    let handles: Vec<_> = (0..count).map(spawn).collect();
    for handle in handles {
        handle.join().expect("it only writes its number");
    }
    let order = order.lock().expect("nobody panics");
    order.clone()
}

#[test]
fn runnext_first() {
    for mode in Mode::BOTH {
        let order = undisturbed(mode, || order_of(100));
        assert_eq!(order[0], 99, "{mode}: the goroutine spawned last is in runnext");
    }
}

#[test]
fn ring_fifo() {
    for mode in Mode::BOTH {
        let order = undisturbed(mode, || order_of(200));
        assert_eq!(order[1..], (0..199).collect::<Vec<_>>(), "{mode}: all but the last went through the ring");
    }
}

/// Whichever half a full ring sends to the injector, the numbers jump where the injector is looked at for the first time.
#[test]
fn overflow_is_looked_at_within_61_ticks() {
    for mode in Mode::BOTH {
        let order = undisturbed(mode, || order_of(1000));
        let jump = order[1..].windows(2).position(|pair| pair[1] != pair[0] + 1).expect("a ring holds 256");
        assert!(jump <= FAIRNESS_TICK, "{mode}: the injector was first looked at after {jump} goroutines of the ring");
        let mut all = order;
        all.sort_unstable();
        assert_eq!(all, (0..1000).collect::<Vec<_>>(), "{mode}: each ran once");
    }
}

/// A plain thread wakes a goroutine while two others fill the only processor with their yields: how many turns those have before it runs.
fn turns_before_an_injected_one() -> usize {
    let turns = Arc::new(AtomicUsize::new(0));
    let over = Arc::new(AtomicBool::new(false));
    let (wake, woken) = chan::bounded::<()>(1);
    let waiter = go({
        let (turns, over) = (Arc::clone(&turns), Arc::clone(&over));
        move || {
            woken.recv().expect("somebody sends");
            over.store(true, SeqCst);
            turns.load(SeqCst)
        }
    });
    yield_now();
    let other = go({
        let (turns, over) = (Arc::clone(&turns), Arc::clone(&over));
        move || {
            while !over.load(SeqCst) {
                turns.fetch_add(1, SeqCst);
                yield_now();
            }
        }
    });
    // With its thread, not only with itself: no turn is taken until the waiter is where a plain thread puts it.
    std::thread::spawn(move || wake.send(())).join().expect("sending does not panic").expect("somebody receives");
    turns.store(0, SeqCst);
    while !over.load(SeqCst) {
        turns.fetch_add(1, SeqCst);
        yield_now();
    }
    let waited = waiter.join().expect("it only counts");
    other.join().expect("it only yields");
    waited
}

#[test]
fn injector_within_61_ticks() {
    for mode in Mode::BOTH {
        for _ in 0..50 {
            let waited = undisturbed(mode, turns_before_an_injected_one);
            assert!(waited <= FAIRNESS_TICK + 2, "{mode}: one in the injector waited for {waited} turns of others");
        }
    }
}

/// Go: TestYieldProgress.
#[test]
fn yield_progress() {
    both_modes(1, |_| {
        let (ask, asked) = chan::bounded::<()>(1);
        let (answer, answered) = chan::bounded::<()>(1);
        go(move || {
            while asked.try_recv().is_err() {
                yield_now();
            }
            answer.send(()).expect("somebody asked");
        });
        time::sleep(Duration::from_millis(10));
        ask.send(()).expect("somebody answers");
        answered.recv().expect("an answer comes");
    });
}

/// Whose turn it was, of three that only yield to each other.
fn turns_of_three() -> Vec<usize> {
    let turns = Arc::new(Mutex::new(Vec::new()));
    let start = Arc::new(AtomicUsize::new(0));
    let taker = |number: usize| {
        let (turns, start) = (Arc::clone(&turns), Arc::clone(&start));
        go(move || {
            start.fetch_add(1, SeqCst);
            while start.load(SeqCst) < 3 {
                yield_now();
            }
            for _ in 0..20 {
                turns.lock().expect("nobody panics").push(number);
                yield_now();
            }
        })
    };
    let takers: Vec<_> = (0..3).map(taker).collect();
    for taker in takers {
        taker.join().expect("it only takes turns");
    }
    let turns = turns.lock().expect("nobody panics");
    turns.clone()
}

/// Those that only yield to each other take turns exactly: a yield goes to the tail of the own ring, and nowhere else.
#[test]
fn yields_take_turns() {
    for mode in Mode::BOTH {
        let turns = undisturbed(mode, turns_of_three);
        for round in turns.chunks(3).skip(1).take(17) {
            let mut round = round.to_vec();
            round.sort_unstable();
            assert_eq!(round, [0, 1, 2], "{mode}: somebody had two turns before another had one: {turns:?}");
        }
    }
}

/// Go: TestGoroutineParallelism. Each of four waits, spinning, for the one before it: they must be on processors at once.
#[test]
fn parallelism() {
    both_modes(4, |_| {
        for _ in 0..10 {
            let turn = Arc::new(AtomicUsize::new(0));
            let spinner = |number: usize| {
                let turn = Arc::clone(&turn);
                go(move || {
                    for round in 0..3 {
                        while turn.load(SeqCst) != 4 * round + number {
                            hint::spin_loop();
                        }
                        turn.fetch_add(1, SeqCst);
                    }
                })
            };
            let spinners: Vec<_> = (0..4).map(spinner).collect();
            for spinner in spinners {
                spinner.join().expect("it only counts");
            }
        }
    });
}

/// Go: TestPingPongHog. A pair that hands runnext to and fro lets a third come to its turns on their one processor.
#[test]
fn ping_pong_hog() {
    both_modes(1, |_| {
        let over = Arc::new(AtomicBool::new(false));
        let (ping, pinged) = chan::bounded::<()>(0);
        let (pong, ponged) = chan::bounded::<()>(0);
        let pinger = go({
            let over = Arc::clone(&over);
            move || {
                while !over.load(SeqCst) {
                    ping.send(()).expect("the other end listens");
                    ponged.recv().expect("the other end answers");
                }
            }
        });
        let ponger = go(move || {
            while pinged.recv().is_ok() {
                pong.send(()).expect("the other end listens");
            }
        });
        for _ in 0..100 {
            yield_now();
        }
        over.store(true, SeqCst);
        pinger.join().expect("it stops");
        ponger.join().expect("it stops with its channel");
    });
}

/// Timers and sockets are looked at also when no processor ever runs out of goroutines.
#[test]
fn busy_processors_serve_timers_and_sockets() {
    both_modes(2, |_| {
        let over = Arc::new(AtomicBool::new(false));
        let busy: Vec<_> = (0..8)
            .map(|_| {
                let over = Arc::clone(&over);
                go(move || {
                    while !over.load(SeqCst) {
                        yield_now();
                    }
                })
            })
            .collect();
        let listener = threadle::net::TcpListener::bind("127.0.0.1:0").expect("a port is free");
        let address = listener.local_addr().expect("a listener has an address");
        let acceptor = go(move || listener.accept().map(|_| ()));
        for _ in 0..20 {
            time::sleep(Duration::from_millis(1));
        }
        threadle::net::TcpStream::connect(address).expect("somebody accepts");
        acceptor.join().expect("it only accepts").expect("it was connected to");
        over.store(true, SeqCst);
        for one in busy {
            one.join().expect("it only yields");
        }
    });
}

/// For what a busy machine may spoil for a while, and what is wrong spoils each time.
const TRIES: usize = 5;

/// What `measure` finds until it is `good`, in so many tries at most.
fn until<T>(tries: usize, good: impl Fn(&T) -> bool, measure: impl Fn() -> T) -> Vec<T> {
    let mut found = Vec::new();
    while found.len() < tries && !found.last().is_some_and(&good) {
        found.push(measure());
    }
    found
}

/// Below one hand-over in a hundred. Bound, a pair that was split at birth stays so; the median pair of five was not.
#[test]
fn a_ping_pong_pair_stays_on_one_thread() {
    let _alone = child::alone();
    for mode in Mode::BOTH {
        let medians = until(
            TRIES,
            |median| *median < 0.01,
            || {
                let mut shares: Vec<f64> = (0..5).map(|_| scenario::crossings(mode, 2, 20_000)).collect();
                shares.sort_by(f64::total_cmp);
                println!("{mode}: {shares:?} of the hand-overs crossed threads");
                shares[2]
            },
        );
        assert!(medians.last() < Some(&0.01), "{mode}: {medians:?} of the hand-overs crossed threads");
    }
}

/// The idle processor takes it (`figures`: within 100 us in the median), not the computing goroutine's own when that one's slice is over:
/// that would cost it its processor in every round.
#[test]
fn the_peer_of_a_computing_goroutine_starts_elsewhere() {
    const ROUNDS: usize = 101;
    let _alone = child::alone();
    let enough = |what: &str, peers: &dyn Fn() -> scenario::Peers| {
        let elsewhere = until(TRIES, |elsewhere| *elsewhere >= ROUNDS / 10, || peers().elsewhere);
        println!("{what}: elsewhere in so many of {ROUNDS} rounds: {elsewhere:?}");
        assert!(elsewhere.last() >= Some(&(ROUNDS / 10)), "{what}: in so few of {ROUNDS} rounds each: {elsewhere:?}");
    };
    for mode in Mode::BOTH {
        enough(&format!("{mode}, fresh"), &|| scenario::fresh_peer_of_a_computing_goroutine(mode, ROUNDS));
    }
    enough("woken", &|| scenario::woken_peer_of_a_computing_goroutine(ROUNDS));
}

/// It comes round again and again while the storm lasts, which grows with the same load that delays the sleeper. Behind the storm it would come
/// round once. (`figures`: every wake within 10 ms.)
#[test]
fn a_storm_of_fresh_goroutines_passes_a_sleeper_by() {
    let _alone = child::alone();
    let count = if cfg!(debug_assertions) { 200_000 } else { 1_000_000 };
    for mode in Mode::BOTH {
        let counts: Vec<_> = until(
            TRIES,
            |count| *count >= 10,
            || {
                let lateness = scenario::sleep_in_a_storm(mode, count);
                let (median, max) = (lateness.median(), lateness.max());
                println!("{mode}: {} sleeps, late by {median:?} in the median, {max:?} at most", lateness.count());
                lateness.count()
            },
        );
        assert!(counts.last() >= Some(&10), "{mode}: it came round only so many times, in a storm each: {counts:?}");
    }
}

/// More than a ring holds.
const SLEEPERS: usize = 300;
/// Most of them lie in the injector.
const STORM: usize = 1000;

/// `SLEEPERS` sleep to the same moment, and when it comes as many fresh goroutines wait as one processor's ring and the injector hold: how many of
/// those start before the last sleeper is awake. None where the moment came before the storm.
fn fresh_before_the_last_sleeper() -> Option<usize> {
    let counter = || Arc::new(AtomicUsize::new(0));
    let (begun, awake, started, before) = (counter(), counter(), counter(), counter());
    let due = Instant::now() + Duration::from_millis(30);
    let sleep = |_| {
        let (begun, awake) = (Arc::clone(&begun), Arc::clone(&awake));
        let (started, before) = (Arc::clone(&started), Arc::clone(&before));
        go(move || {
            begun.fetch_add(1, SeqCst);
            time::sleep_until(due);
            awake.fetch_add(1, SeqCst);
            before.fetch_max(started.load(SeqCst), SeqCst);
        })
    };
    let sleepers: Vec<_> = (0..SLEEPERS).map(sleep).collect();
    while begun.load(SeqCst) < SLEEPERS || Instant::now() + Duration::from_millis(4) < due {
        yield_now();
    }
    let in_time = awake.load(SeqCst) == 0;
    let start = |_| {
        let started = Arc::clone(&started);
        go(move || started.fetch_add(1, SeqCst))
    };
    let storm: Vec<_> = (0..STORM).map(start).collect();
    while Instant::now() < due {
        hint::spin_loop();
    }
    for sleeper in sleepers {
        sleeper.join().expect("it only sleeps");
    }
    for fresh in storm {
        fresh.join().expect("it only counts");
    }
    in_time.then(|| before.load(SeqCst))
}

/// The ring has no room for all that are due; those it has none for do not go behind all that is fresh.
#[test]
fn more_sleepers_than_a_ring_holds_wake_up_amid_a_storm() {
    const TRIES: usize = 200;
    for mode in Mode::BOTH {
        let fresh = (0..TRIES)
            .find_map(|_| undisturbed(mode, fresh_before_the_last_sleeper))
            .expect("a storm before the sleepers are due, in one of the tries");
        println!(
            "{mode}: {fresh} of {STORM} fresh goroutines started before the last of {SLEEPERS} sleepers was awake"
        );
        // Those in the ring, and three batches of the injector.
        assert!(
            fresh <= STORM * 3 / 4,
            "{mode}: {fresh} of {STORM} fresh goroutines started before the last sleeper was awake"
        );
    }
}

/// `SLEEPERS` sleep again and again, for so short a time that always more are due than a ring holds: how many turns they have until `STORM`
/// fresh goroutines have started.
fn turns_of_sleepers_beside_a_storm() -> usize {
    let (begun, turns) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let over = Arc::new(AtomicBool::new(false));
    let sleep = |_| {
        let (begun, turns, over) = (Arc::clone(&begun), Arc::clone(&turns), Arc::clone(&over));
        go(move || {
            begun.fetch_add(1, SeqCst);
            while !over.load(SeqCst) {
                time::sleep(Duration::from_nanos(1));
                turns.fetch_add(1, SeqCst);
            }
        })
    };
    let sleepers: Vec<_> = (0..SLEEPERS).map(sleep).collect();
    while begun.load(SeqCst) < SLEEPERS {
        yield_now();
    }
    let before = turns.load(SeqCst);
    let storm: Vec<_> = (0..STORM).map(|number| go(move || number)).collect();
    for (number, fresh) in storm.into_iter().enumerate() {
        assert_eq!(fresh.join().expect("it only returns"), number);
    }
    let turns = turns.load(SeqCst) - before;
    over.store(true, SeqCst);
    for sleeper in sleepers {
        sleeper.join().expect("it only sleeps");
    }
    turns
}

/// Timers that are always due do not fill the ring again and again and leave the injector to the sixty-first turns. (Bound, the sleepers never
/// lie in the ring: it is their thread's own queue that leaves the injector those.)
#[test]
fn a_storm_starts_amid_sleepers_that_are_always_due() {
    let turns = undisturbed(Mode::Migrating, turns_of_sleepers_beside_a_storm);
    println!("{SLEEPERS} sleepers had {turns} turns until {STORM} fresh goroutines had started");
    assert!(turns <= 8 * STORM, "{STORM} fresh goroutines waited for {turns} turns of sleepers");
}

/// `circle` goroutines yield in a circle, so that the ring is never half empty, while `SLEEPERS` sleep to the same moment: how many turns the
/// circle has between the first and the last who is awake.
fn turns_of_a_circle_while_sleepers_wake(circle: usize) -> usize {
    let (begun, turns, awake) =
        (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let first = Arc::new(AtomicUsize::new(usize::MAX));
    let due = Instant::now() + Duration::from_millis(50);
    let sleep = |_| {
        let (begun, turns) = (Arc::clone(&begun), Arc::clone(&turns));
        let (first, awake) = (Arc::clone(&first), Arc::clone(&awake));
        go(move || {
            begun.fetch_add(1, SeqCst);
            time::sleep_until(due);
            first.fetch_min(turns.load(SeqCst), SeqCst);
            awake.fetch_add(1, SeqCst);
        })
    };
    let yielding = |_| {
        let (turns, awake) = (Arc::clone(&turns), Arc::clone(&awake));
        go(move || {
            while awake.load(SeqCst) < SLEEPERS {
                turns.fetch_add(1, SeqCst);
                yield_now();
            }
        })
    };
    let sleepers: Vec<_> = (0..SLEEPERS).map(sleep).collect();
    while begun.load(SeqCst) < SLEEPERS {
        yield_now();
    }
    let circle: Vec<_> = (0..circle).map(yielding).collect();
    for goroutine in sleepers.into_iter().chain(circle) {
        goroutine.join().expect("it only waits");
    }
    turns.load(SeqCst) - first.load(SeqCst)
}

/// Those the ring has no room for need not wait until half of it has run: it may never have.
#[test]
fn more_sleepers_than_a_ring_has_room_for_wake_up_amid_a_circle() {
    both_modes(1, |mode| {
        // With the second there is no room at any look.
        for circle in [200, 256] {
            let turns = turns_of_a_circle_while_sleepers_wake(circle);
            println!("{mode}, {circle}: {turns} turns of others between the first sleeper and the last");
            assert!(
                turns <= 200 * FAIRNESS_TICK,
                "{mode}, {circle}: {turns} turns between the first sleeper and the last"
            );
        }
    });
}
