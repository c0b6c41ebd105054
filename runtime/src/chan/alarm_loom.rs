//! Models of the word of an alarm (R21), with variants that must fail. Run by `ci/loom.sh`.

#[path = "alarm_word.rs"]
mod alarm_word;

use alarm_word::{NEVER, Word};
use loom::sync::atomic::{AtomicU64, Ordering};
use loom::sync::{Arc, Mutex};
use loom::thread;

/// A message due at 5 is taken at 6 by one of two receivers, or was stopped before.
#[test]
fn stopped_or_taken_by_one() {
    loom::model(|| {
        let word = Arc::new(Word::new(5, 0));
        let takers: Vec<_> = (0..2)
            .map(|_| {
                let word = Arc::clone(&word);
                thread::spawn(move || word.take(6).is_some())
            })
            .collect();
        let (before, _) = word.set(NEVER);
        let after = word.take(6);
        let taken = takers.into_iter().map(|taker| taker.join().unwrap()).filter(|taken| *taken).count();
        assert_eq!(after, None, "received what was stopped");
        assert_eq!(taken + usize::from(before != NEVER), 1, "taken {taken} times, and stop says {}", before != NEVER);
    });
}

/// The same where a taker looks and then stores.
#[test]
#[should_panic(expected = "stop says")]
fn without_the_cas_it_is_taken_although_stopped() {
    loom::model(|| {
        let word = Arc::new(AtomicU64::new(5));
        let taker = {
            let word = Arc::clone(&word);
            thread::spawn(move || {
                let due = word.load(Ordering::Acquire) <= 6;
                if due {
                    word.store(NEVER, Ordering::Release);
                }
                due
            })
        };
        let before = word.swap(NEVER, Ordering::AcqRel);
        let taken = usize::from(taker.join().unwrap());
        assert_eq!(taken + usize::from(before != NEVER), 1, "taken {taken} times, and stop says {}", before != NEVER);
    });
}

/// Ticks at 5, 10, .. are reset to come at 25, 45, .. while one is taken at 6: the tick taken is the old first one or none, and the grid
/// that follows is the new one.
#[test]
fn a_reset_period_starts_at_its_instant() {
    loom::model(|| {
        let word = Arc::new(Word::new(5, 5));
        let taker = {
            let word = Arc::clone(&word);
            thread::spawn(move || word.take(6))
        };
        word.set_period(20);
        let (before, _) = word.set(25);
        assert_eq!(word.take(24), None, "received what was due before the reset");
        let taken = taker.join().unwrap();
        match taken {
            // The period may have been the new one by then; the instant it led to is gone.
            Some(5) => assert_ne!(before, 5),
            None => assert_eq!(before, 5),
            other => panic!("received a tick of {other:?}"),
        }
        assert_eq!(word.take(26), Some(25));
        assert_eq!(word.at(), 45);
    });
}

/// One that would wait for a message that is never to come, and a reset to an earlier instant.
fn watcher_against_reset(watch: fn(&Word) -> u64) {
    let word = Arc::new(Word::new(NEVER, 0));
    // Whether the watcher is in the list; taken out of it, it is woken.
    let list = Arc::new(Mutex::new(false));
    let watcher = {
        let (word, list) = (Arc::clone(&word), Arc::clone(&list));
        thread::spawn(move || {
            *list.lock().unwrap() = true;
            watch(&word)
        })
    };
    let (_, watched) = word.set(3);
    let woken = watched && std::mem::replace(&mut *list.lock().unwrap(), false);
    let sleeps_until = watcher.join().unwrap();
    assert!(woken || sleeps_until == 3, "the reset is slept through");
}

#[test]
fn a_watcher_sees_the_reset_or_is_woken() {
    loom::model(|| watcher_against_reset(Word::watch));
}

/// The same where the instant is read before the bit is set.
#[test]
#[should_panic(expected = "slept through")]
fn read_before_the_bit_a_reset_is_slept_through() {
    loom::model(|| {
        watcher_against_reset(|word| {
            let at = word.at();
            word.watch();
            at
        });
    });
}
