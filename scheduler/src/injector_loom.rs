//! Models of the injector's length. Preemption bound 3; each explored to its end within 60 s.

use super::*;
use crate::sync::atomic::fence;
use crate::sync::fault::{Fault, check, step, with_fault};
use crate::sync::item::{Item, Items};
use crate::sync::{Arc, thread};

/// Two items come by `push`: number 0 has come, number 1 comes from a thread meanwhile.
fn two_come(push: fn(&Injector<Item>, &'static Item)) -> (Items, Arc<Injector<Item>>, thread::JoinHandle<()>) {
    let items = Items::new(2);
    let injector = Arc::new(Injector::new());
    let other = items.get(1);
    let pusher = {
        let injector = injector.clone();
        thread::spawn(move || {
            step();
            push(&injector, other);
        })
    };
    push(&injector, items.get(0));
    step();
    (items, injector, pusher)
}

/// A finished push is seen by the length until its own batch is taken, whatever other pushes and pops are under way.
fn length_never_under_reports() {
    let (_items, injector, pusher) = two_come(Injector::push_one);
    let mut first = injector.pop().expect("one is there");
    if first.next().map(|item| item.id) == Some(1) {
        assert!(!injector.is_empty(), "a finished push is hidden");
        assert!(injector.pop().is_some_and(|mut second| second.next().is_some()));
    }
    pusher.join().unwrap();
    let rest = std::iter::from_fn(|| injector.pop_one()).count();
    assert_eq!((injector.len(), first.is_empty()), (0, true));
    assert!(rest <= 1);
}

#[test]
fn loom_injector_length_never_under_reports() {
    check(3, length_never_under_reports);
}

#[test]
#[should_panic(expected = "a finished push is hidden")]
fn loom_injector_broken_counts_late() {
    with_fault(Fault::InjectorCountsLate, || check(3, length_never_under_reports));
}

/// R1 with the length in the middle: either the submitter sees the searcher go, or the searcher sees the batch.
fn submit_against_stop_searching(fenced: bool) {
    let items = Items::new(1);
    let injector = Arc::new(Injector::new());
    let searchers = Arc::new(AtomicUsize::new(1));
    let item = items.get(0);
    let submitter = {
        let (injector, searchers) = (injector.clone(), searchers.clone());
        thread::spawn(move || {
            step();
            injector.push_one(item);
            if fenced {
                fence(SeqCst);
            }
            searchers.load(Relaxed) == 0
        })
    };
    step();
    searchers.fetch_sub(1, Relaxed);
    if fenced {
        fence(SeqCst);
    }
    let found = !injector.is_empty();
    let wakes = submitter.join().unwrap();
    let _ = injector.pop_one();
    assert!(found || wakes, "stranded");
}

#[test]
fn loom_injector_submit_against_stop_searching() {
    check(3, || submit_against_stop_searching(true));
}

#[test]
#[should_panic(expected = "stranded")]
fn loom_injector_broken_no_fences() {
    check(3, || submit_against_stop_searching(false));
}

/// One taken alone, whole batches taken beside it, the front left behind: each item once, in order for each taker.
#[test]
fn loom_injector_front_against_batches() {
    check(3, || {
        let items = Items::new(4);
        let injector = Arc::new(Injector::new());
        injector.push((0..4).map(|id| items.get(id)).collect());
        let taker = {
            let injector = injector.clone();
            thread::spawn(move || {
                step();
                injector.pop_one().map(|item| item.id)
            })
        };
        step();
        let mut taken: Vec<usize> = injector.pop().into_iter().flatten().map(|item| item.id).collect();
        assert!(taken.is_sorted());
        taken.extend(taker.join().unwrap());
        while !injector.is_empty() {
            taken.extend(injector.pop().into_iter().flatten().map(|item| item.id));
        }
        taken.sort_unstable();
        assert_eq!(taken, [0, 1, 2, 3]);
    });
}

/// As `length_never_under_reports`, for what is gathered.
fn gathered_is_counted() {
    let (_items, injector, pusher) = two_come(Injector::gather);
    let mut taken: Vec<usize> = injector.pop_one().map(|item| item.id).into_iter().collect();
    if !taken.contains(&0) {
        assert!(!injector.is_empty(), "a finished push is hidden");
    }
    pusher.join().unwrap();
    taken.extend(std::iter::from_fn(|| injector.pop_one()).map(|item| item.id));
    taken.sort_unstable();
    assert_eq!((injector.len(), injector.back_len.load(Relaxed)), (0, 0));
    assert_eq!(taken, [0, 1]);
}

#[test]
fn loom_injector_gathered_is_counted() {
    check(3, gathered_is_counted);
}

#[test]
#[should_panic(expected = "a finished push is hidden")]
fn loom_injector_broken_gathered_is_counted_late() {
    with_fault(Fault::InjectorCountsLate, || check(3, gathered_is_counted));
}

/// One thread gathers and then pushes a batch, another takes: what one pushed comes out in its order, each once.
fn gathered_stays_before_the_next_batch() {
    let items = Items::new(3);
    let injector = Arc::new(Injector::new());
    let [first, second, third] = [0, 1, 2].map(|id| items.get(id));
    let pusher = {
        let injector = injector.clone();
        thread::spawn(move || {
            injector.gather(first);
            step();
            injector.push(Chain::one(second));
            injector.gather(third);
        })
    };
    step();
    let mut taken: Vec<usize> = injector.pop().into_iter().flatten().map(|item| item.id).collect();
    pusher.join().unwrap();
    taken.extend(std::iter::from_fn(|| injector.pop_one()).map(|item| item.id));
    assert!(injector.is_empty());
    assert_eq!(taken, [0, 1, 2], "out of turn");
}

#[test]
fn loom_injector_gathered_stays_before_the_next_batch() {
    check(3, gathered_stays_before_the_next_batch);
}

#[test]
#[should_panic(expected = "out of turn")]
fn loom_injector_broken_takes_the_back_unseen() {
    with_fault(Fault::InjectorBackUnseen, || check(3, gathered_stays_before_the_next_batch));
}
