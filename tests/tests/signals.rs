//! Signals, which belong to the whole process: each test has one of its own.

use std::io;

use threadle::process::Command;
use threadle::signal::{self, Signal};
use threadle::{Builder, go};
use threadle_tests::child;

fn raise(signal: Signal) {
    // SAFETY: the call takes a number, and this process has handlers for what it is sent, or is to end.
    assert_eq!(unsafe { libc::kill(libc::getpid(), signal.number()) }, 0);
}

#[test]
fn a_reset_brings_the_default_back() {
    child::in_children(
        "a_reset_brings_the_default_back",
        |_| {},
        |mode| {
            mode.run(Builder::new(), || {
                let ending = signal::notify(&[Signal::TERMINATE]).expect("it is permitted");
                let both = signal::notify(&[Signal::TERMINATE, Signal::USER_1]).expect("it is permitted");
                raise(Signal::TERMINATE);
                assert_eq!((ending.recv(), both.recv()), (Ok(Signal::TERMINATE), Ok(Signal::TERMINATE)));

                signal::reset(&[Signal::TERMINATE]).expect("it is permitted");
                let waiter = go(move || ending.recv());
                assert!(waiter.join().expect("it only waits").is_err(), "a receiver of nothing is closed");
                raise(Signal::USER_1);
                assert_eq!(both.recv(), Ok(Signal::USER_1), "another signal comes still");

                // There and back again.
                let again = signal::notify(&[Signal::TERMINATE]).expect("it is permitted");
                raise(Signal::TERMINATE);
                assert_eq!(again.recv(), Ok(Signal::TERMINATE));
                assert!(both.is_empty());
                signal::reset(&[Signal::TERMINATE]).expect("it is permitted");
                raise(Signal::TERMINATE);
                unreachable!("the default is to end");
            });
        },
        |_, end| {
            end.died_of(libc::SIGTERM);
        },
    );
}

#[test]
fn what_is_ignored_is_ignored_by_children_too() {
    child::in_children(
        "what_is_ignored_is_ignored_by_children_too",
        |_| {},
        |mode| {
            mode.run(Builder::new(), || {
                let told = signal::notify(&[Signal::USER_1]).expect("it is permitted");
                let survives = || {
                    let mut command = Command::new("sh");
                    command.args(["-c", "kill -USR1 $$; exit 9"]).status().expect("there is a shell").code() == Some(9)
                };
                assert!(!survives(), "a program starts with the default, whoever has asked for the signal");
                signal::ignore(&[Signal::USER_1, Signal::USER_2]).expect("it is permitted");
                assert!(told.recv().is_err());
                raise(Signal::USER_1);
                raise(Signal::USER_2);
                assert!(survives());
                signal::reset(&[Signal::USER_1]).expect("it is permitted");
                assert!(!survives());
                let told = signal::notify(&[Signal::USER_2]).expect("it is permitted");
                raise(Signal::USER_2);
                assert_eq!(told.recv(), Ok(Signal::USER_2));
                // What was done before it was ignored, not that it was.
                signal::reset(&[Signal::USER_2]).expect("it is permitted");
                raise(Signal::USER_2);
            });
        },
        |_, end| {
            end.died_of(libc::SIGUSR2);
        },
    );
}

#[test]
fn some_signals_are_nobodys_to_ask_for() {
    for signal in [Signal::KILL, Signal::STOP, Signal::from_number(libc::SIGSEGV).expect("there is one")] {
        for refused in [signal::notify(&[signal]).map(drop), signal::reset(&[signal]), signal::ignore(&[signal])] {
            assert_eq!(refused.expect_err("it is not permitted").kind(), io::ErrorKind::InvalidInput, "{signal}");
        }
    }
    assert!(Signal::from_number(-1).is_none() && Signal::from_number(65).is_none());
    assert_eq!(Signal::from_number(libc::SIGRTMIN() + 1).expect("there is one").to_string(), "signal 35");
}

/// A fork has handlers and channels, and no thread: it is told so, and the parent goes on as before.
#[test]
fn a_forked_child_is_refused_and_disturbs_nobody() {
    child::in_children(
        "a_forked_child_is_refused_and_disturbs_nobody",
        |_| {},
        |mode| {
            let told = signal::notify(&[Signal::USER_1]).expect("it is permitted");
            // SAFETY: the child raises a signal that has a handler, calls what ends in an error before it takes a lock, and _exit.
            let child = unsafe { libc::fork() };
            if child == 0 {
                raise(Signal::USER_1);
                let refused = signal::notify(&[Signal::USER_1]).is_err() && told.try_recv().is_err();
                // SAFETY: ends the process at once.
                unsafe { libc::_exit(if refused { 7 } else { 8 }) };
            }
            mode.run(Builder::new(), || {
                let mut status = 0;
                // SAFETY: the pointer is to a local; the child is ours.
                assert_eq!(threadle::blocking(|| unsafe { libc::waitpid(child, &raw mut status, 0) }), child);
                assert!(libc::WIFEXITED(status) && libc::WEXITSTATUS(status) == 7, "the child ended with {status:#x}");
                assert!(told.try_recv().is_err(), "the child's signal is not ours");
                raise(Signal::USER_1);
                assert_eq!(told.recv(), Ok(Signal::USER_1));
            });
        },
        |_, end| {
            end.succeeded();
        },
    );
}
