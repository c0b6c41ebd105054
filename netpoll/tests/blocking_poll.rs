//! The one blocked poller: how it is interrupted, and how exactly it wakes.
#![cfg(not(loom))]

mod harness;

use harness::{Parker, SLAB, Ticket, until};
use std::io::{ErrorKind, Read, Write};
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};
use threadle_netpoll::{Blocked, Direction, Polled, Poller, Ready, Sleep, Wait};

const NOTHING: Polled = Polled::Done { events: 0, interrupted: false };
const INTERRUPTED: Polled = Polled::Done { events: 0, interrupted: true };

fn poller() -> Poller<Ticket> {
    Poller::new(&SLAB).unwrap()
}

fn block(poller: &Poller<Ticket>, sleep: Sleep) -> Polled {
    poller.poll_blocking(&mut Ready::new(), || sleep).unwrap()
}

/// Somebody sleeps in the poll (or is just about to).
fn is_blocked(poller: &Poller<Ticket>) -> bool {
    poller.poll_now(&mut Ready::new()).unwrap() == Polled::NotMine
}

#[test]
fn an_interrupt_before_the_poll_keeps_it_from_sleeping() {
    let poller = poller();
    poller.interrupt();
    poller.interrupt();
    let polled = poller.poll_blocking(&mut Ready::new(), || panic!("it must not want to sleep")).unwrap();
    assert_eq!(polled, INTERRUPTED);
    // The eventfd still rings once, and nobody takes it for an interrupt.
    assert_eq!(block(&poller, Sleep::Until(Instant::now() + Duration::from_millis(1))), NOTHING);
}

#[test]
fn an_interrupt_ends_the_sleep() {
    let poller = poller();
    for _ in 0..500 {
        thread::scope(|scope| {
            let sleeper = scope.spawn(|| {
                loop {
                    match block(&poller, Sleep::Forever) {
                        NOTHING => {} // the ring of a former interrupt that was noticed by its word
                        polled => return polled,
                    }
                }
            });
            until("it blocks", || is_blocked(&poller));
            poller.interrupt();
            assert_eq!(sleeper.join().unwrap(), INTERRUPTED);
        });
    }
}

#[test]
fn an_interrupt_that_a_zero_timeout_poll_meets_is_left_for_the_sleeper() {
    let poller = poller();
    for _ in 0..100 {
        poller.interrupt();
        assert_eq!(poller.poll_now(&mut Ready::new()).unwrap(), NOTHING, "it eats the edge, not the word");
        assert_eq!(block(&poller, Sleep::Forever), INTERRUPTED);
    }
}

#[test]
fn interrupts_survive_a_storm_of_zero_timeout_polls() {
    const INTERRUPTS: usize = 3_000;
    let poller = poller();
    let (published, seen) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            while seen.load(Ordering::Acquire) < INTERRUPTS {
                match block(&poller, Sleep::Forever) {
                    Polled::NotMine => unreachable!("one sleeper"),
                    Polled::Done { .. } => seen.store(published.load(Ordering::Acquire), Ordering::Release),
                }
            }
        });
        scope.spawn(|| {
            while !done.load(Ordering::Acquire) {
                let _ = poller.poll_now(&mut Ready::new()).unwrap();
                thread::yield_now();
            }
        });
        for number in 1..=INTERRUPTS {
            published.store(number, Ordering::Release);
            poller.interrupt();
            until("the sleeper looks again", || seen.load(Ordering::Acquire) >= number);
        }
        done.store(true, Ordering::Release);
    });
}

#[test]
fn one_at_a_time() {
    let poller = poller();
    thread::scope(|scope| {
        let sleeper = scope.spawn(|| block(&poller, Sleep::Forever));
        until("it blocks", || is_blocked(&poller));
        assert_eq!(block(&poller, Sleep::Forever), Polled::NotMine);
        assert_eq!(poller.since_last_poll(Instant::now() + Duration::from_secs(1)), Duration::ZERO);
        poller.interrupt();
        assert_eq!(sleeper.join().unwrap(), INTERRUPTED);
    });
    assert!(poller.since_last_poll(Instant::now() + Duration::from_secs(1)) >= Duration::from_secs(1));
}

#[test]
fn an_earlier_timer_interrupts_and_a_later_one_does_not() {
    let poller = poller();
    let now = Instant::now();
    let [soon, sleep, late] = [600, 1200, 1800].map(|seconds| now + Duration::from_secs(seconds));
    assert_eq!(poller.interrupt_if_later(soon), Blocked::Nobody);
    let (rounds, done) = (AtomicUsize::new(0), AtomicBool::new(false));
    thread::scope(|scope| {
        scope.spawn(|| {
            while !done.load(Ordering::Acquire) {
                assert_ne!(block(&poller, Sleep::Until(sleep)), Polled::NotMine);
                rounds.fetch_add(1, Ordering::AcqRel);
            }
        });
        // One that has not said yet how long it sleeps is interrupted to be sure.
        until("it sleeps until then", || poller.interrupt_if_later(late) == Blocked::InTime);
        let before = rounds.load(Ordering::Acquire);
        until("it is interrupted", || poller.interrupt_if_later(soon) == Blocked::Interrupted);
        until("it looks at its timers again", || rounds.load(Ordering::Acquire) > before);
        done.store(true, Ordering::Release);
        poller.interrupt();
    });
    // The last interrupt may have come too late for anybody to see it.
    assert_ne!(block(&poller, Sleep::Not), Polled::NotMine);
    assert_eq!(poller.interrupt_if_later(soon), Blocked::Nobody);
    thread::scope(|scope| {
        let sleeper = scope.spawn(|| {
            poller.poll_blocking(&mut Ready::new(), || {
                // Raised while it reads its timers: it must not sleep past this.
                assert_eq!(poller.interrupt_if_later(soon), Blocked::Interrupted);
                Sleep::Forever
            })
        });
        assert_eq!(sleeper.join().unwrap().unwrap(), INTERRUPTED);
    });
}

#[test]
fn no_sleep_means_no_poll() {
    let poller = poller();
    assert_eq!(block(&poller, Sleep::Not), NOTHING);
    assert!(!is_blocked(&poller));
}

#[test]
fn sleeps_are_shorter_than_a_millisecond_and_never_too_short() {
    const SLEEP: Duration = Duration::from_micros(150);
    let poller = poller();
    let mut slept = 0;
    // Whole milliseconds would be no shorter than one. A busy machine makes a sleep longer, but not each of so many.
    until("it woke within the millisecond", || {
        let start = Instant::now();
        assert_eq!(block(&poller, Sleep::Until(start + SLEEP)), NOTHING);
        let took = start.elapsed();
        assert!(took >= SLEEP, "woke too early, after {took:?}");
        slept += 1;
        slept >= 100 && took < Duration::from_millis(1)
    });
}

#[test]
fn a_deadline_in_the_past_takes_what_is_there() {
    let poller = poller();
    let (ours, mut theirs) = UnixStream::pair().unwrap();
    let _descriptor = poller.register(ours.as_fd()).unwrap();
    theirs.write_all(b"x").unwrap();
    let past = Instant::now();
    assert_eq!(block(&poller, Sleep::Until(past)), Polled::Done { events: 1, interrupted: false });
    assert_eq!(block(&poller, Sleep::Until(past)), NOTHING);
}

#[test]
fn a_timer_that_was_not_waited_for_does_not_wake_the_next_sleep() {
    let poller = poller();
    let (ours, mut theirs) = UnixStream::pair().unwrap();
    let _descriptor = poller.register(ours.as_fd()).unwrap();
    for expire_first in [false, true] {
        // An event ends the sleep before the timer does.
        theirs.write_all(b"x").unwrap();
        let timer = Instant::now() + Duration::from_millis(2);
        assert_eq!(block(&poller, Sleep::Until(timer)), Polled::Done { events: 1, interrupted: false });
        if expire_first {
            until("the timer expired", || Instant::now() > timer + Duration::from_millis(1));
        }
        thread::scope(|scope| {
            let sleeper = scope.spawn(|| block(&poller, Sleep::Forever));
            until("the timer would have expired", || Instant::now() > timer + Duration::from_millis(5));
            until("it blocks", || is_blocked(&poller));
            poller.interrupt();
            assert_eq!(sleeper.join().unwrap(), INTERRUPTED, "nothing else woke it");
        });
    }
}

#[test]
fn one_deadline_slept_for_several_times_still_wakes() {
    let poller = poller();
    let (ours, mut theirs) = UnixStream::pair().unwrap();
    let _descriptor = poller.register(ours.as_fd()).unwrap();
    for eaten in [false, true] {
        let deadline = Instant::now() + Duration::from_millis(5);
        for _ in 0..3 {
            theirs.write_all(b"x").unwrap();
            assert_eq!(block(&poller, Sleep::Until(deadline)), Polled::Done { events: 1, interrupted: false });
        }
        if eaten {
            until("it expired", || Instant::now() > deadline + Duration::from_millis(1));
            assert_eq!(poller.poll_now(&mut Ready::new()).unwrap(), NOTHING, "eats the timer's edge");
        }
        assert_eq!(block(&poller, Sleep::Until(deadline)), NOTHING);
        assert!(Instant::now() >= deadline);
    }
}

#[test]
fn a_deadline_beyond_every_clock_is_no_error() {
    let poller = poller();
    let far = (0..).map_while(|n| Instant::now().checked_add(Duration::from_secs(1 << n))).last().expect("now is one");
    poller
        .poll_blocking(&mut Ready::new(), || {
            poller.interrupt();
            Sleep::Until(far)
        })
        .map(|polled| assert_eq!(polled, INTERRUPTED))
        .unwrap();
}

#[test]
fn a_panic_in_the_sleep_closure_gives_the_turn_back() {
    let poller = poller();
    let panicked = thread::scope(|scope| {
        scope.spawn(|| poller.poll_blocking(&mut Ready::new(), || panic!("as the test wants"))).join().is_err()
    });
    assert!(panicked);
    assert_eq!(block(&poller, Sleep::Not), NOTHING);
    assert_eq!(poller.poll_now(&mut Ready::new()).unwrap(), NOTHING);
}

#[test]
fn a_signal_ends_the_sleep_with_nothing() {
    extern "C" fn ignore(_: libc::c_int) {}
    // SAFETY: the action is zeroed, which is a valid one, and filled in with a handler that does nothing, as a handler
    // may; without SA_RESTART, so that it interrupts system calls.
    unsafe {
        let mut action: libc::sigaction = std::mem::zeroed();
        action.sa_sigaction = ignore as extern "C" fn(libc::c_int) as usize;
        assert_eq!(libc::sigaction(libc::SIGUSR1, &action, std::ptr::null_mut()), 0);
    }
    let poller = poller();
    thread::scope(|scope| {
        let (sender, receiver) = std::sync::mpsc::channel();
        let sleeper = scope.spawn(|| {
            let sender = sender;
            // SAFETY: takes nothing, and cannot fail.
            sender.send(unsafe { libc::pthread_self() }).unwrap();
            block(&poller, Sleep::Forever)
        });
        let thread = receiver.recv().unwrap();
        until("the signal ended the sleep", || {
            if !sleeper.is_finished() {
                // SAFETY: the thread is not joined yet, so its id is valid even if it ended meanwhile.
                unsafe { libc::pthread_kill(thread, libc::SIGUSR1) };
            }
            sleeper.is_finished()
        });
        assert_eq!(sleeper.join().unwrap(), NOTHING);
    });
}

#[test]
fn a_batch_larger_than_one_poll_is_taken_in_turns() {
    const PAIRS: usize = 300;
    let poller = poller();
    let mut pairs = Vec::new();
    for _ in 0..PAIRS {
        let (ours, theirs) = UnixStream::pair().unwrap();
        ours.set_nonblocking(true).unwrap();
        let descriptor = poller.register(ours.as_fd()).unwrap();
        pairs.push((descriptor, ours, theirs));
    }
    let (_, ticket) = Parker::new();
    let mut operations: Vec<_> = pairs.iter().map(|(descriptor, ..)| descriptor.operation(Direction::Read)).collect();
    for (operation, (_, ours, _)) in operations.iter_mut().zip(&pairs) {
        operation.begin();
        assert_eq!((&mut &*ours).read(&mut [0]).unwrap_err().kind(), ErrorKind::WouldBlock);
        assert_eq!(operation.wait(ticket).unwrap(), Wait::Park);
    }
    for (.., theirs) in &pairs {
        (&mut &*theirs).write_all(b"x").unwrap();
    }
    poller.interrupt();
    let mut woken = 0;
    let mut ready = Ready::new();
    while woken < PAIRS {
        let polled = poller.poll_now(&mut ready).unwrap();
        assert_ne!(polled, NOTHING, "{woken} of {PAIRS} were woken");
        woken += harness::wake_each(&mut ready);
    }
    assert_eq!((woken, poller.waiters()), (PAIRS, 0));
    for operation in operations {
        assert!(operation.finish().is_none());
    }
}
