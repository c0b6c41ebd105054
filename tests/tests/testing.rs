//! `threadle::testing`: who is left behind, and what a watchdog says.

use std::panic;
use std::time::Duration;

use threadle::testing::{self, Run, assert_no_leaks};
use threadle::{GoBuilder, chan, go, time, yield_now};
use threadle_tests::{both_modes, both_modes_in_virtual_time, child};

fn message(leaks: impl FnOnce() + Send + panic::UnwindSafe) -> String {
    let panic = panic::catch_unwind(|| assert_no_leaks(leaks)).expect_err("somebody was left behind");
    *panic.downcast::<String>().expect("a panic with a text")
}

#[test]
fn those_left_behind_are_shown_and_nobody_else() {
    both_modes(2, |_| {
        let (keep, gate) = chan::bounded::<()>(0);
        let was_there = GoBuilder::new().name("was there").go({
            let gate = gate.clone();
            move || gate.recv()
        });
        let text = message(move || {
            for name in ["first", "second"] {
                let gate = gate.clone();
                GoBuilder::new().name(name).go(move || gate.recv());
            }
            go(|| ()).join().expect("it only ends");
        });
        assert!(text.starts_with("2 goroutines were left behind:\n"), "{text}");
        assert!(text.contains("\"first\"") && text.contains("\"second\"") && text.contains(file!()), "{text}");
        assert!(!text.contains("was there") && !text.contains("main"), "{text}");
        drop(keep);
        was_there.join().expect("it does not panic").expect_err("nobody sends");
    });
}

/// Not joined, but on their way out.
#[test]
fn those_that_end_by_themselves_are_waited_for() {
    both_modes(2, |_| {
        let value = assert_no_leaks(|| {
            for _ in 0..100 {
                go(|| {
                    yield_now();
                    time::sleep(Duration::from_millis(5));
                });
            }
            7
        });
        assert_eq!(value, 7);
    });
}

#[test]
fn outside_a_runtime_it_runs_one() {
    assert_eq!(assert_no_leaks(|| go(|| 3).join().expect("it only counts")), 3);
    assert!(message(|| drop(go(|| chan::never::<()>().recv()))).contains("1 goroutine was left behind"));
}

#[test]
fn a_panic_of_the_body_goes_through() {
    let caught = panic::catch_unwind(|| {
        assert_no_leaks(|| {
            go(|| chan::never::<()>().recv());
            panic::resume_unwind(Box::new("of its own"))
        })
    });
    assert_eq!(caught.expect_err("it panics").downcast_ref(), Some(&"of its own"));
}

/// The second of grace is one of the virtual clock.
#[test]
fn in_virtual_time_the_grace_passes_at_once() {
    both_modes_in_virtual_time(1, |_| {
        assert_no_leaks(|| drop(go(|| time::sleep(Duration::from_millis(900)))));
        let text = message(|| drop(go(|| time::sleep(Duration::from_secs(3600)))));
        assert!(text.contains("[sleep"), "{text}");
    });
    let caught =
        panic::catch_unwind(|| Run::new().procs(1).no_leaks().virtual_time(|| drop(go(|| time::sleep(Duration::MAX)))));
    assert!(caught.is_err(), "asked for by `no_leaks`");
}

#[test]
fn settle_is_for_virtual_time_only() {
    both_modes(1, |_| assert!(panic::catch_unwind(testing::settle).is_err()));
    assert!(panic::catch_unwind(testing::settle).is_err());
}

#[test]
fn a_watchdog_dumps_and_aborts() {
    child::in_child(
        "a_watchdog_dumps_and_aborts",
        |_| {},
        || {
            Run::new()
                .procs(1)
                .watchdog(Duration::from_secs(2))
                .run(|| {
                    let (_open, gate) = chan::bounded::<()>(0);
                    GoBuilder::new().name("stuck").go(move || gate.recv()).join()
                })
                .expect("it never ends")
                .expect("it never ends");
        },
    )
    .died_of(libc::SIGABRT)
    .complained_of("still runs after 2s")
    .complained_of("\"stuck\" [chan receive");
}
