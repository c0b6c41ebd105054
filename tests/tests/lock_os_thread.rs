//! `lock_os_thread`: from there to the last unlock the thread is the goroutine's, and nobody else has to pay for it.
#![expect(clippy::disallowed_macros, reason = "what a thread keeps, and that it ends, is what these tests are about")]

use std::collections::BTreeSet;
use std::io::ErrorKind;
use std::panic::Location;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use threadle::sync::Mutex;
use threadle::{
    Builder, GoBuilder, blocking, chan, checkpoint, go, lock_os_thread, no_switch, time, unlock_os_thread, yield_now,
};
use threadle_tests::system::thread_id;
use threadle_tests::{Mode, Seed, Watchdog, both_modes};

/// Nobody who is given a turn at all waits for one so long.
const STARVED: Duration = Duration::from_secs(25);

/// Where goroutines run that are spawned from here, one after the other and all at once.
fn threads_of_others() -> BTreeSet<i32> {
    let one_by_one = (0..20).map(|_| go(thread_id).join().expect("it only asks"));
    let mut threads: BTreeSet<i32> = one_by_one.collect();
    let crowd: Vec<_> = (0..20)
        .map(|_| {
            go(|| {
                yield_now();
                thread_id()
            })
        })
        .collect();
    threads.extend(crowd.into_iter().map(|one| one.join().expect("it only asks")));
    threads
}

/// Others come to the calling goroutine's thread, sooner or later.
fn is_shared() -> bool {
    let patience = Instant::now() + STARVED;
    while Instant::now() < patience {
        if go(thread_id).join().expect("it only asks") == thread_id() {
            return true;
        }
    }
    false
}

/// Every call that may switch, many times, while others keep the processors busy and want to come in.
fn switch_in_every_way(round: u32) {
    let (ask, asked) = chan::bounded(0);
    let (reply, answer) = chan::bounded(0);
    let echo = go(move || {
        while let Ok(number) = asked.recv() {
            reply.send(number).expect("it is waited for");
        }
    });
    let shared = Arc::new(Mutex::new(0));
    let other = go({
        let shared = Arc::clone(&shared);
        move || {
            for _ in 0..20 {
                *shared.lock() += 1;
                yield_now();
            }
        }
    });
    ask.send(round).expect("it listens");
    assert_eq!(answer.recv(), Ok(round));
    yield_now();
    checkpoint();
    *shared.lock() += 1;
    time::sleep(Duration::from_micros(50));
    assert_eq!(answer.recv_timeout(Duration::from_micros(50)), Err(chan::RecvTimeoutError::Timeout));
    other.join().expect("it only counts");
    drop(ask);
    echo.join().expect("it only answers");
    assert_eq!(*shared.lock(), 21);
}

#[test]
fn a_locked_thread_runs_its_goroutine_and_nobody_else() {
    for procs in [1, 2] {
        both_modes(procs, |mode| {
            lock_os_thread().expect("main is alone on its thread");
            let mine = thread_id();
            for round in 0..50 {
                switch_in_every_way(round);
                assert_eq!(thread_id(), mine, "{mode}, {procs} processors: it was moved");
            }
            assert!(!threads_of_others().contains(&mine), "{mode}, {procs} processors: others came to its thread");
            unlock_os_thread();
            assert!(is_shared(), "{mode}, {procs} processors: nobody comes to the thread after the unlock");
        });
    }
}

#[test]
fn locks_are_counted() {
    both_modes(2, |mode| {
        for _ in 0..3 {
            lock_os_thread().expect("main is alone on its thread");
        }
        let mine = thread_id();
        for left in [2, 1] {
            unlock_os_thread();
            assert!(!threads_of_others().contains(&mine), "{mode}: {left} locks are left, and others came");
            assert_eq!(thread_id(), mine, "{mode}: {left} locks are left, and it was moved");
        }
        unlock_os_thread();
        assert!(is_shared(), "{mode}: three locks, three unlocks");
        // One too many counts for nothing: the next lock is a lock.
        unlock_os_thread();
        lock_os_thread().expect("nobody else has stayed on its thread");
        let mine = thread_id();
        assert!(!threads_of_others().contains(&mine), "{mode}: an unlock was saved up");
    });
}

#[test]
fn one_that_was_spawned_with_a_thread_keeps_it() {
    both_modes(2, |mode| {
        let locked = GoBuilder::new().locked().go(move || {
            let mine = thread_id();
            unlock_os_thread();
            lock_os_thread().expect("the thread is its own");
            unlock_os_thread();
            unlock_os_thread();
            assert!(!threads_of_others().contains(&mine), "{mode}: it has lost its thread");
            assert_eq!(thread_id(), mine, "{mode}: it was moved");
        });
        locked.join().expect("its checks hold");
    });
}

/// Its call runs in place: what it blocks on may belong to the thread.
#[test]
fn announced_calls_of_locked_goroutines_run_on_their_thread() {
    both_modes(2, |mode| {
        lock_os_thread().expect("main is alone on its thread");
        let mine = thread_id();
        assert_eq!(blocking(thread_id), mine, "{mode}: by lock_os_thread");
        let by_builder = GoBuilder::new().locked().go(|| (thread_id(), blocking(thread_id)));
        let (its, called) = by_builder.join().expect("it only asks");
        assert_eq!(its, called, "{mode}: by GoBuilder::locked");
        unlock_os_thread();
    });
}

#[test]
fn bound_a_thread_with_other_started_goroutines_is_refused() {
    let _watchdog = Watchdog::new(60);
    Mode::Bound.run(Builder::new().procs(1), || {
        let (finish, finished) = chan::bounded::<()>(0);
        let (begin, begun) = chan::bounded(1);
        // With one processor, and nobody who blocks a thread, all start on main's.
        let neighbour = go(move || {
            begin.send(thread_id()).expect("main listens");
            assert!(finished.recv().is_err());
        });
        if begun.recv().expect("it begins") != thread_id() {
            // The monitor took the processor in between, on a machine that is very busy: nothing to see here then.
            println!("the neighbour has started elsewhere");
        } else {
            let here = Location::caller();
            let refused = lock_os_thread().expect_err("the neighbour can go nowhere else");
            assert_eq!(refused.kind(), ErrorKind::ResourceBusy);
            let text = refused.to_string();
            for part in
                [here.file(), "goroutine 1 \"main\"", "1 more started goroutine can", "GoBuilder::new().locked()"]
            {
                assert!(text.contains(part), "{part:?} is not in: {text}");
            }
            // A refusal locks nothing.
            assert!(is_shared());
        }
        drop(finish);
        neighbour.join().expect("it only waits");
        lock_os_thread().expect("main is alone again");
        unlock_os_thread();
    });
}

#[test]
fn inside_an_announced_call_there_is_no_thread_to_lock() {
    both_modes(2, |mode| {
        let refused = blocking(|| lock_os_thread().expect_err("the goroutine is away"));
        assert_eq!(refused.kind(), ErrorKind::Unsupported, "{mode}: {refused}");
        assert!(refused.to_string().contains("blocking"), "{mode}: {refused}");
        lock_os_thread().expect("main is alone on its thread");
        let mine = thread_id();
        blocking(unlock_os_thread);
        assert!(!threads_of_others().contains(&mine), "{mode}: unlocked from inside the call");
        // Neither call switches.
        no_switch(|| {
            lock_os_thread().expect("once more");
            unlock_os_thread();
            unlock_os_thread();
        });
        assert!(is_shared(), "{mode}");
    });
}

#[test]
fn a_plain_thread_is_its_own() {
    thread::spawn(|| {
        lock_os_thread().expect("there is nothing to do");
        unlock_os_thread();
        unlock_os_thread();
    })
    .join()
    .expect("its checks hold");
}

/// Says that its thread ends.
struct Ends(mpsc::Sender<i32>);

impl Drop for Ends {
    fn drop(&mut self) {
        // Who does not listen any more has seen enough.
        let _ = self.0.send(thread_id());
    }
}

thread_local! {
    static ENDS: std::cell::RefCell<Option<Ends>> = const { std::cell::RefCell::new(None) };
}

#[inline(never)]
fn tell_when_this_thread_ends(end: mpsc::Sender<i32>) {
    ENDS.with_borrow_mut(|ends| *ends = Some(Ends(end)));
}

#[inline(never)]
fn is_marked() -> bool {
    ENDS.with_borrow(Option::is_some)
}

#[test]
fn the_thread_of_one_that_ends_locked_ends_with_it() {
    both_modes(2, |mode| {
        // So that what main spawns has a thread to itself in bound mode, too.
        lock_os_thread().expect("main is alone on its thread");
        for panics in [false, true] {
            for by_builder in [false, true] {
                let (end, ended) = mpsc::channel();
                let body = move || {
                    if !by_builder {
                        lock_os_thread().expect("nobody else has started here");
                    }
                    assert!(!is_marked(), "{mode}: it runs on the thread of one that ended locked");
                    tell_when_this_thread_ends(end);
                    yield_now();
                    if panics {
                        std::panic::resume_unwind(Box::new("without a word on stderr"));
                    }
                    thread_id()
                };
                let one = if by_builder { GoBuilder::new().locked().go(body) } else { go(body) };
                let joined = one.join();
                let which = format!("{mode}, panics {panics}, by the builder {by_builder}");
                let end = ended.recv_timeout(Duration::from_secs(30)).expect(&which);
                match joined {
                    Ok(thread) => assert_eq!(thread, end, "{which}"),
                    Err(error) => assert!(panics && error.is_panic(), "{which}: {error}"),
                }
                assert!((0..20).all(|_| !go(is_marked).join().expect("it only asks")), "{which}");
            }
        }
    });
}

/// What lies in the ring was announced when the thread would still have come to it.
#[test]
fn what_was_spawned_before_the_lock_is_run_by_somebody_else() {
    for procs in [1, 2] {
        both_modes(procs, |mode| {
            for after in [|| (), || time::sleep(Duration::from_millis(100))] {
                let ran = Arc::new(AtomicUsize::new(0));
                let crowd: Vec<_> = (0..100)
                    .map(|_| {
                        let ran = Arc::clone(&ran);
                        go(move || ran.fetch_add(1, SeqCst))
                    })
                    .collect();
                lock_os_thread().expect("none of them has started");
                let patience = Instant::now() + STARVED;
                // Its thread is busy, or asleep, but does not switch.
                while ran.load(SeqCst) < crowd.len() && Instant::now() < patience {
                    std::hint::spin_loop();
                }
                assert_eq!(ran.load(SeqCst), crowd.len(), "{mode}, {procs} processors");
                unlock_os_thread();
                for one in crowd {
                    one.join().expect("it only counts");
                }
                after();
            }
        });
    }
}

/// Locks that come and go, nested, refused, left at the end, with everything else going on.
#[test]
fn many_lock_and_unlock_at_random() {
    let seed = Seed::announced();
    both_modes(2, |mode| {
        let mut seed = seed.clone();
        let refused = Arc::new(AtomicUsize::new(0));
        let crowd: Vec<_> = (0..60)
            .map(|_| {
                let refused = Arc::clone(&refused);
                let mut random = seed.split();
                go(move || {
                    let mut locks = 0;
                    let mut mine = 0;
                    for _ in 0..40 {
                        match random.below(6) {
                            0 | 1 => match lock_os_thread() {
                                Ok(()) if locks > 0 => locks += 1,
                                Ok(()) => (locks, mine) = (1, thread_id()),
                                Err(error) => {
                                    assert_eq!((mode, locks, error.kind()), (Mode::Bound, 0, ErrorKind::ResourceBusy));
                                    refused.fetch_add(1, SeqCst);
                                }
                            },
                            2 => {
                                unlock_os_thread();
                                locks = usize::saturating_sub(locks, 1);
                            }
                            3 => yield_now(),
                            4 => time::sleep(Duration::from_micros(random.below(200))),
                            _ => assert_eq!(go(|| 7).join().expect("it only returns"), 7),
                        }
                        assert!(locks == 0 || thread_id() == mine, "{mode}: moved while locked");
                    }
                })
            })
            .collect();
        crowd.into_iter().for_each(|one| one.join().expect("its checks hold"));
        println!("{mode}: {} locks were refused", refused.load(SeqCst));
    });
}
