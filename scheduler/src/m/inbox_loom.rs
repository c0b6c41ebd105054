//! Models of the inbox. Preemption bound 3; each explored to its end within 60 s.

use super::*;
use crate::sync::fault::{Fault, check, step, with_fault};
use crate::sync::item::Items;
use crate::sync::{Arc, thread};

/// Two wakers, one of them twice; the M takes twice meanwhile and once at the end. None is lost, each waker's come in
/// order, what a waker did to its item is seen, and for every batch exactly one push said that the inbox was empty
/// before.
fn two_wakers() {
    let items = Items::new(3);
    let inbox = Arc::new(Inbox::new());
    let wakers = [vec![items.get(0), items.get(1)], vec![items.get(2)]].map(|woken| {
        let inbox = inbox.clone();
        thread::spawn(move || {
            woken
                .into_iter()
                .filter(|&item| {
                    item.run();
                    step();
                    inbox.push(item)
                })
                .count()
        })
    });
    let (mut order, mut batches) = (Vec::new(), 0);
    let mut take = || {
        step();
        let batch = inbox.take();
        batches += usize::from(!batch.is_empty());
        for item in batch {
            item.run();
            order.push(item.id);
        }
    };
    take();
    take();
    let firsts: usize = wakers.map(|waker| waker.join().unwrap()).into_iter().sum();
    take();
    assert_eq!(firsts, batches, "a batch nobody announced");
    assert!(inbox.is_empty());
    assert!(order.iter().position(|&id| id == 0) < order.iter().position(|&id| id == 1), "out of order");
    order.sort_unstable();
    assert_eq!(order, [0, 1, 2]);
}

#[test]
fn loom_inbox_two_wakers() {
    check(3, two_wakers);
}

#[test]
#[should_panic(expected = "out of order")]
fn loom_inbox_broken_take_by_store() {
    with_fault(Fault::InboxTakeByStore, || check(3, two_wakers));
}

#[test]
#[should_panic(expected = "Causality violation")]
fn loom_inbox_broken_push_relaxed() {
    with_fault(Fault::InboxPushRelaxed, || check(3, two_wakers));
}
