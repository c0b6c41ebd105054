use super::*;
use crate::sync::item::{Dice, Items};
use crate::sync::{atomic::AtomicUsize, thread};

#[test]
fn oldest_first() {
    let items = Items::new(4);
    let inbox = Inbox::new();
    assert!(inbox.is_empty() && inbox.take().is_empty());
    assert!(inbox.push(items.get(0)));
    assert!(!inbox.push(items.get(1)));
    assert!(!inbox.push(items.get(2)));
    assert!(!inbox.is_empty());
    assert_eq!(inbox.take().map(|item| item.id).collect::<Vec<_>>(), [0, 1, 2]);
    assert!(inbox.is_empty());
    assert!(inbox.push(items.get(3)));
    assert_eq!(inbox.take().count(), 1);
}

/// Wakers against one M: none lost, none doubled, each waker's in order, and one announcement a batch.
#[test]
fn stress_none_lost() {
    const EACH: usize = 200_000;
    const WAKERS: usize = 3;
    let mut dice = Dice::new();
    let items = Items::new(WAKERS * EACH);
    let inbox = Inbox::new();
    let announced = AtomicUsize::new(0);
    let mut batches = 0;
    thread::scope(|scope| {
        for waker in 0..WAKERS {
            let (items, inbox, announced, mut dice) = (&items, &inbox, &announced, dice.split());
            scope.spawn(move || {
                for id in waker * EACH..(waker + 1) * EACH {
                    if inbox.push(items.get(id)) {
                        announced.fetch_add(1, Relaxed);
                    }
                    if dice.roll(1000) == 0 {
                        thread::yield_now();
                    }
                }
            });
        }
        let mut next: [usize; WAKERS] = std::array::from_fn(|waker| waker * EACH);
        let mut left = WAKERS * EACH;
        while left > 0 {
            let batch = inbox.take();
            batches += usize::from(!batch.is_empty());
            left -= batch.len();
            for item in batch {
                item.run();
                let expected = &mut next[item.id / EACH];
                assert_eq!(item.id, *expected, "lost or out of order");
                *expected += 1;
            }
        }
    });
    assert!(inbox.is_empty());
    assert_eq!(announced.load(Relaxed), batches);
    assert!((0..WAKERS * EACH).all(|id| items.get(id).runs() == 1));
}
