//! Bound mode: where goroutines are at home, that it stays so few threads whatever happened before, and that the metrics show it.
//!
//! Not under `harass`, which takes processors and seats at every turn.
#![cfg(not(feature = "harass"))]
#![expect(clippy::disallowed_methods, reason = "a blocked thread has others take its place")]

use std::collections::{BTreeMap, BTreeSet};
use std::hint;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI32, Ordering::SeqCst};
use std::thread;
use std::time::Duration;

use threadle::net::{TcpListener, TcpStream};
use threadle::sync::WaitGroup;
use threadle::{Builder, JoinHandle, chan, go, metrics, yield_now};
use threadle_tests::{Mode, Watchdog, child, scenario, system};

const PROCS: usize = 2;
const FRESH: usize = 2_000;
const DETACHES: u64 = 1_000;
/// Where the machine keeps a thread from running for longer than a slice while the fresh ones start, it is detached once more, and another takes
/// its place: such a look does not count.
const LOOKS: usize = 20;

/// Each processor taken from a hog goes to another thread, which could become a home; a thread needs a seat for that, and there are as
/// many as processors. A thread that the machine keeps from running meanwhile keeps its seat.
#[test]
fn detaches_do_not_multiply_homes() {
    let _watchdog = Watchdog::new(240);
    Mode::Bound.run(Builder::new().procs(PROCS), || {
        scenario::detach_many(DETACHES);
        let mut looks = Vec::new();
        while looks.last().is_none_or(|(_, taken)| *taken) {
            assert!(looks.len() < LOOKS, "a processor was taken in each look, with so many threads: {looks:?}");
            let before = metrics().detached;
            let threads = scenario::threads_of_fresh_goroutines(FRESH).len();
            let taken = metrics().detached != before;
            assert!(taken || threads <= PROCS, "{FRESH} fresh goroutines started on {threads} threads");
            looks.push((threads, taken));
        }
        let metrics = metrics();
        println!("{} detaches, {} threads; the fresh ones started on {looks:?}", metrics.detached, metrics.threads);
        assert_eq!(metrics.at_home.iter().sum::<usize>(), 1, "who is at home where, when all but this one have ended");
    });
}

/// A thread that the machine keeps from running loses its processor to those that wait, but not its seat: nobody becomes a home in its place.
///
/// The whole process is on one CPU, with two threads that compute, and one thread of the runtime is made to run only when nobody else wants to.
#[test]
fn a_thread_that_is_kept_from_running_stays_the_home_it_is() {
    let body = || {
        if let Err(error) = system::stay_on_one_cpu() {
            println!("SKIPPED: threads are not to be kept on one CPU here: {error}");
            return;
        }
        // The machine may let it run all the same, and a thread that does run may be taken for one that computes without end.
        let few = |homes: &Option<usize>| homes.is_some_and(|homes| homes <= PROCS);
        let mut attempts = Vec::new();
        while !attempts.last().is_some_and(few) {
            assert!(
                attempts.len() < 40,
                "more than {PROCS} threads were homes each time, or no processor was taken: {attempts:?}"
            );
            attempts.push(homes_beside_one_kept_from_running());
        }
        println!("homes, where a processor was taken from a thread that wanted to run: {attempts:?}");
    };
    let end = child::in_child("a_thread_that_is_kept_from_running_stays_the_home_it_is", |_| (), body);
    print!("{}", end.succeeded().stdout);
}

/// How many threads had become homes when the one that is kept from running ran again; none, if it ran before it lost its processor.
fn homes_beside_one_kept_from_running() -> Option<usize> {
    /// More than the monitor needs to take the processor, and a substitute to begin.
    const ROUNDS: usize = 300;
    let over = Arc::new(AtomicBool::new(false));
    let others: Vec<_> = (0..2)
        .map(|_| {
            let over = Arc::clone(&over);
            thread::spawn(move || {
                while !over.load(SeqCst) {
                    hint::spin_loop();
                }
            })
        })
        .collect();
    let homes = Mode::Bound.run(Builder::new().procs(PROCS), || {
        let began = Arc::new(AtomicI32::new(0));
        let kept = {
            let began = Arc::clone(&began);
            go(move || {
                began.store(system::thread_id(), SeqCst);
                system::run_when_nobody_else_wants_to()
            })
        };
        // Not by a switching call, or it might begin on this thread.
        while began.load(SeqCst) == 0 {
            hint::spin_loop();
        }
        let mut homes = BTreeSet::from([system::thread_id(), began.load(SeqCst)]);
        let mut rounds_since = 0;
        let before = metrics().detached;
        while rounds_since < ROUNDS {
            let fresh: Vec<_> = (0..64).map(|_| go(system::thread_id)).collect();
            // If this one waited, its thread might sleep, and leave its seat to another.
            while !fresh.iter().all(JoinHandle::is_finished) {
                yield_now();
            }
            let threads: Vec<_> = fresh.into_iter().map(|one| one.join().expect("it only answers")).collect();
            if kept.is_finished() {
                break;
            }
            homes.extend(threads);
            rounds_since += usize::from(metrics().detached > before);
        }
        over.store(true, SeqCst);
        kept.join().expect("it ends once it runs").expect("everybody may ask for less");
        (rounds_since > 0).then_some(homes.len())
    });
    for other in others {
        other.join().expect("it only computes");
    }
    homes
}

/// `at_home` is who has started where and has not ended, thread by thread, also where a thread that was blocked for a while has fewer.
#[test]
fn the_metrics_say_how_many_are_at_home_where() {
    let _watchdog = Watchdog::new(60);
    Mode::Bound.run(Builder::new().procs(1), || {
        let (end, wait) = chan::bounded::<()>(0);
        let group = |count: usize| -> Vec<JoinHandle<i32>> {
            let started = WaitGroup::new();
            let goroutines = (0..count).map(|_| {
                started.add(1);
                let (started, wait) = (started.clone(), wait.clone());
                go(move || {
                    let thread = system::thread_id();
                    started.done();
                    wait.recv().expect_err("nobody sends");
                    thread
                })
            });
            let goroutines = goroutines.collect();
            started.wait();
            goroutines
        };
        let mut goroutines = group(30);
        let blocked = go(|| thread::sleep(Duration::from_millis(200)));
        goroutines.extend(group(10));
        blocked.join().expect("it only sleeps");
        let mut shown: Vec<usize> = metrics().at_home.into_iter().filter(|count| *count > 0).collect();
        drop(end);
        let mut threads = BTreeMap::from([(system::thread_id(), 1)]);
        for goroutine in goroutines {
            *threads.entry(goroutine.join().expect("it only waits")).or_insert(0) += 1;
        }
        let mut at_home: Vec<usize> = threads.into_values().collect();
        shown.sort_unstable();
        at_home.sort_unstable();
        println!("at home: {at_home:?}");
        assert_eq!(shown, at_home);
        // Of the threads that have ended, and of those that sleep, nobody is left but main.
        assert_eq!(metrics().at_home.iter().sum::<usize>(), 1);
    });
}

/// A server whose connections are accepted by one goroutine has as many of their goroutines on each thread, though it is awake on its own whenever
/// one is spawned, and the other thread always has something to do and does not come to look for more.
///
/// Where the machine keeps a thread from running for longer than a slice, others may start what that one would have: there the next look tells.
#[test]
fn accepted_connections_are_spread_over_the_homes() {
    const CONNECTIONS: usize = 100;
    /// A look takes some milliseconds.
    const LOOKS: usize = 200;
    let _watchdog = Watchdog::new(240);
    let mut looks = Vec::new();
    while looks.last().is_none_or(|most| *most > CONNECTIONS * 3 / 4) {
        assert!(looks.len() < LOOKS, "so many of {CONNECTIONS} connections' goroutines on one thread: {looks:?}");
        looks.push(Mode::Bound.run(Builder::new().procs(PROCS), || {
            let over = Arc::new(AtomicBool::new(false));
            let busy = elsewhere(&over, yield_now);
            let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
            let server = listener.local_addr().expect("it listens");
            let (end, wait) = chan::bounded::<()>(0);
            let mut clients = Vec::new();
            for _ in 0..CONNECTIONS {
                clients.push(TcpStream::connect(server).expect("it listens"));
                let (stream, _) = listener.accept().expect("a client has connected");
                let (serving, served) = (WaitGroup::new(), wait.clone());
                serving.add(1);
                let serves = serving.clone();
                go(move || {
                    serves.done();
                    served.recv().expect_err("nobody sends");
                    drop(stream);
                });
                // Left to itself it starts here, while this one waits for it.
                serving.wait();
            }
            let most = metrics().at_home.into_iter().max().expect("main is at home somewhere");
            drop(end);
            over.store(true, SeqCst);
            busy.join().expect("it only gives way");
            most
        }));
    }
    println!("most of {CONNECTIONS} at home on one thread, look by look: {looks:?}");
}

/// A thread that computes has connections placed on it, as it has few goroutines, and does not come: others start them, long before it ends.
#[test]
fn connections_do_not_wait_for_a_home_that_computes() {
    const CONNECTIONS: usize = 100;
    let _watchdog = Watchdog::new(120);
    Mode::Bound.run(Builder::new().procs(PROCS), || {
        let over = Arc::new(AtomicBool::new(false));
        let computes = elsewhere(&over, hint::spin_loop);
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
        let server = listener.local_addr().expect("it listens");
        let serving = WaitGroup::new();
        for _ in 0..CONNECTIONS {
            let _client = TcpStream::connect(server).expect("it listens");
            let (stream, _) = listener.accept().expect("a client has connected");
            serving.add(1);
            let serving = serving.clone();
            go(move || {
                drop(stream);
                serving.done();
            });
        }
        serving.wait();
        over.store(true, SeqCst);
        computes.join().expect("it only computes");
    });
}

/// A goroutine on another thread than the caller's that does this for ever.
fn elsewhere(over: &Arc<AtomicBool>, again: fn()) -> JoinHandle<()> {
    let (over, began) = (Arc::clone(over), Arc::new(AtomicBool::new(false)));
    let begins = Arc::clone(&began);
    let other = go(move || {
        begins.store(true, SeqCst);
        while !over.load(SeqCst) {
            again();
        }
    });
    // Not by a switching call, or it might begin on this thread.
    while !began.load(SeqCst) {
        hint::spin_loop();
    }
    other
}
