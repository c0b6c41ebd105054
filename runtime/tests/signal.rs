//! Signals, which belong to the whole process: one test.

mod support;

use support::watchdog;
use threadle::signal::{self, Signal};

fn raise(signal: Signal) {
    // SAFETY: the call takes numbers, and this process has handlers for what it is sent.
    assert_eq!(unsafe { libc::kill(libc::getpid(), signal.number()) }, 0);
}

/// Whether the process has a handler for it.
fn is_caught(signal: Signal) -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let caught = status.lines().find_map(|line| line.strip_prefix("SigCgt:")).expect("the kernel says what is caught");
    u64::from_str_radix(caught.trim(), 16).unwrap() >> (signal.number() - 1) & 1 == 1
}

#[test]
fn every_receiver_gets_the_signals_it_asked_for() {
    let _watchdog = watchdog("signals");
    let ending = signal::notify(&[Signal::TERMINATE, Signal::INTERRUPT]).unwrap();
    let user = signal::notify(&[Signal::USER_1]).unwrap();
    let both = signal::notify(&[Signal::TERMINATE, Signal::USER_1]).unwrap();

    raise(Signal::TERMINATE);
    assert_eq!(ending.recv(), Ok(Signal::TERMINATE));
    assert_eq!(both.recv(), Ok(Signal::TERMINATE));
    raise(Signal::USER_1);
    assert_eq!(user.recv(), Ok(Signal::USER_1));
    assert_eq!(both.recv(), Ok(Signal::USER_1));
    raise(Signal::INTERRUPT);
    assert_eq!(ending.recv(), Ok(Signal::INTERRUPT));
    assert!(user.is_empty());

    // A receiver that is gone neither brings the default action back nor holds up the others.
    drop(ending);
    raise(Signal::TERMINATE);
    assert_eq!(both.recv(), Ok(Signal::TERMINATE));
    // On a goroutine too, and a receiver outlives a runtime.
    threadle::run(|| {
        raise(Signal::USER_1);
        assert_eq!(user.recv(), Ok(Signal::USER_1));
    });
    assert_eq!(both.recv(), Ok(Signal::USER_1));
    let again = signal::notify(&[Signal::INTERRUPT]).unwrap();
    raise(Signal::INTERRUPT);
    assert_eq!(again.recv(), Ok(Signal::INTERRUPT));

    // One that the C library keeps for itself: none of the others is touched, in whatever order they are taken.
    let reserved = Signal::from_number(33).unwrap();
    for _ in 0..16 {
        assert!(signal::notify(&[Signal::USER_2, Signal::HANGUP, reserved, Signal::ALARM]).is_err());
        for untouched in [Signal::USER_2, Signal::HANGUP, Signal::ALARM] {
            assert!(!is_caught(untouched), "{untouched} has a handler");
        }
    }
    assert!(is_caught(Signal::USER_1));
    // Nor is any of those that are asked for given up, or its receivers, by a `reset` or an `ignore` that fails.
    for _ in 0..16 {
        for fails in [signal::reset, signal::ignore] {
            assert!(fails(&[Signal::USER_1, Signal::TERMINATE, reserved, Signal::INTERRUPT]).is_err());
            for kept in [Signal::USER_1, Signal::TERMINATE, Signal::INTERRUPT] {
                assert!(is_caught(kept), "{kept} has no handler");
            }
        }
    }
    raise(Signal::TERMINATE);
    assert_eq!(both.recv(), Ok(Signal::TERMINATE));
}
