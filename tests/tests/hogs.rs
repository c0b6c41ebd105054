//! A goroutine that computes and heeds nothing.

use std::hint;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::time::Duration;

use threadle::{checkpoint, go, time, yield_now};
use threadle_tests::{Mode, Watchdog, both_modes, child, scenario};

/// Less than half of what Go shows (19 ms), and never for ever, which is what it is without detaching. `figures` has the bound of 1 ms.
const BEARABLE: Duration = Duration::from_millis(8);

const TRIES: usize = 5;

fn hogs_do_not_starve(procs: usize, hogs: usize) {
    let _alone = child::alone();
    for mode in Mode::BOTH {
        let _watchdog = Watchdog::new(120);
        // Others may have the machine for a while; whom the hogs starve is late each time.
        let means = (0..TRIES).map(|_| {
            let lateness = scenario::sleep_among_hogs(mode, procs, hogs);
            println!("{mode}: late by {:?} in the mean, {:?} at most", lateness.mean(), lateness.max());
            lateness.mean()
        });
        assert!(means.into_iter().any(|mean| mean < BEARABLE), "{mode}: late by {BEARABLE:?} in the mean, or more");
    }
}

#[test]
fn four_hogs_on_two_processors_do_not_starve_a_sleeper() {
    hogs_do_not_starve(2, 4);
}

#[test]
fn one_hog_on_the_only_processor_does_not_starve_a_sleeper() {
    hogs_do_not_starve(1, 1);
}

/// `checkpoint` in the loop lets the goroutines of the hog's own thread come to their turns, bound too.
#[test]
fn a_hog_with_checkpoints_stops_nobody() {
    both_modes(1, |_| {
        let over = Arc::new(AtomicBool::new(false));
        let hog = go({
            let over = Arc::clone(&over);
            move || {
                while !over.load(SeqCst) {
                    hint::spin_loop();
                    checkpoint();
                }
            }
        });
        for _ in 0..20 {
            time::sleep(Duration::from_millis(1));
        }
        over.store(true, SeqCst);
        hog.join().expect("it only spins");
    });
}

/// Each of them computes until its slice is over, again and again, beside some that only yield: all get on.
#[test]
fn hogs_with_checkpoints_take_turns() {
    const HOGS: usize = 20;
    const TURNS: usize = 3;
    both_modes(1, |_| {
        let over = Arc::new(AtomicBool::new(false));
        let turns: Arc<[AtomicUsize; HOGS + 2]> = Arc::new([const { AtomicUsize::new(0) }; HOGS + 2]);
        let last = Arc::new(AtomicUsize::new(usize::MAX));
        let computes = |number: usize| {
            let (over, turns, last) = (Arc::clone(&over), Arc::clone(&turns), Arc::clone(&last));
            go(move || {
                while !over.load(SeqCst) {
                    // Another had a turn in between.
                    if last.swap(number, SeqCst) != number {
                        turns[number].fetch_add(1, SeqCst);
                    }
                    if number < HOGS { checkpoint() } else { yield_now() }
                }
            })
        };
        let all: Vec<_> = (0..HOGS + 2).map(computes).collect();
        while turns.iter().any(|turns| turns.load(SeqCst) < TURNS) {
            yield_now();
        }
        over.store(true, SeqCst);
        for one in all {
            one.join().expect("it only computes");
        }
    });
}

/// Bound, a hog that holds up a started goroutine is reported while it still spins (`figures`: within one second).
#[test]
fn a_hog_that_holds_up_others_is_reported() {
    let (status, lines) = child::watched_child("a_hog_that_holds_up_others_is_reported", || {
        let (file, line) = scenario::hold_up_main(Mode::Bound, Duration::from_secs(4));
        eprintln!("spawn site: {file}:{line}");
    });
    let text: Vec<&str> = lines.iter().map(|(_, line)| line.as_str()).collect();
    assert!(status.success(), "{text:#?}");
    let position = |word: &str| text.iter().position(|line| line.contains(word));
    let site = text.iter().find_map(|line| line.strip_prefix("spawn site: ")).expect("the child prints it");
    let report = text.iter().position(|line| line.contains(site) && !line.starts_with("spawn site"));
    let report = report.unwrap_or_else(|| panic!("no line names {site}: {text:#?}"));
    assert!(position("hog: begins") < Some(report) && Some(report) < position("hog: ends"), "{text:#?}");
}

/// Migrating, nobody is held up, and nobody is reported.
#[test]
fn a_hog_that_holds_up_nobody_is_not_reported() {
    let (status, lines) = child::watched_child("a_hog_that_holds_up_nobody_is_not_reported", || {
        scenario::hold_up_main(Mode::Migrating, Duration::from_secs(2));
    });
    let text: Vec<&str> = lines.iter().map(|(_, line)| line.as_str()).collect();
    assert!(status.success(), "{text:#?}");
    assert_eq!(text, ["hog: begins", "hog: ends"]);
}
