use super::*;
use crate::sync::item::{Dice, Item, Items};
use crate::sync::{atomic::AtomicBool, thread};

fn chain(items: &Items, ids: std::ops::Range<usize>) -> Chain<Item> {
    ids.map(|id| items.get(id)).collect()
}

fn ids(items: impl IntoIterator<Item = &'static Item>) -> Vec<usize> {
    items.into_iter().map(|item| item.id).collect()
}

#[test]
fn chains_keep_order() {
    let items = Items::new(9);
    let mut whole = Chain::default();
    whole.append(Chain::new());
    whole.append(chain(&items, 3..5));
    whole.append(chain(&items, 5..8));
    whole.append(Chain::new());
    whole.push_back(items.get(8));
    whole.push_front(items.get(2));
    assert_eq!((whole.len(), whole.size_hint()), (7, (7, Some(7))));
    assert_eq!(ids(whole.iter()), [2, 3, 4, 5, 6, 7, 8]);
    let mut front = whole.split_front(3);
    assert_eq!((front.len(), whole.len()), (3, 4));
    assert_eq!((ids(front.iter()), ids(whole.iter())), (vec![2, 3, 4], vec![5, 6, 7, 8]));
    assert_eq!(ids(Chain::new().iter()), []);
    assert_eq!(front.pop_front().map(|item| item.id), Some(2));
    front.append(whole);
    assert_eq!(ids(front), [3, 4, 5, 6, 7, 8]);
    let mut one = Chain::one(items.get(0));
    assert_eq!(ids(one.split_front(5)), [0]);
    assert!(one.is_empty() && one.pop_front().is_none());
    one.push_front(items.get(1));
    assert_eq!(ids(one), [1]);
}

#[test]
#[cfg(debug_assertions)]
#[should_panic(expected = "a chain of 2 was lost")]
fn a_lost_chain_is_noticed() {
    let items = Items::new(2);
    drop(chain(&items, 0..2));
}

#[test]
fn first_in_first_out_by_batch() {
    let items = Items::new(3 * BATCH);
    let injector = Injector::new();
    injector.push(Chain::new());
    assert!(injector.is_empty() && injector.pop().is_none() && injector.pop_one().is_none());
    injector.push(chain(&items, 0..5));
    injector.push_one(items.get(5));
    injector.push(chain(&items, 6..9));
    assert_eq!(injector.len(), 9);
    assert_eq!(injector.pop().map(ids), Some(vec![0, 1, 2, 3, 4]));
    assert_eq!(injector.pop().map(ids), Some(vec![5]));
    assert_eq!(injector.len(), 3);
    assert_eq!(injector.pop().map(ids), Some(vec![6, 7, 8]));
    assert!(injector.is_empty() && injector.pop().is_none());
}

#[test]
fn what_is_too_long_goes_in_as_several_batches() {
    let items = Items::new(2 * BATCH + 1);
    let injector = Injector::new();
    injector.push(chain(&items, 0..2 * BATCH + 1));
    assert_eq!(injector.len(), 2 * BATCH + 1);
    let batches: Vec<Vec<usize>> = std::iter::from_fn(|| injector.pop().map(ids)).collect();
    assert_eq!(batches.iter().map(Vec::len).collect::<Vec<_>>(), [BATCH, BATCH, 1]);
    assert!(batches.concat().is_sorted());
}

#[test]
fn one_at_a_time_leaves_the_rest_first_in_line() {
    let items = Items::new(8);
    let injector = Injector::new();
    injector.push(chain(&items, 0..4));
    injector.push(chain(&items, 4..8));
    assert_eq!(injector.pop_one().map(|item| item.id), Some(0));
    assert_eq!(injector.len(), 7);
    assert_eq!(injector.pop_one().map(|item| item.id), Some(1));
    assert_eq!(injector.pop().map(ids), Some(vec![2, 3]));
    assert_eq!(injector.pop_one().map(|item| item.id), Some(4));
    assert_eq!(injector.pop().map(ids), Some(vec![5, 6, 7]));
    assert!(injector.is_empty() && injector.pop_one().is_none());
}

#[test]
fn some_come_from_several_batches_and_leave_the_rest_first_in_line() {
    let items = Items::new(10);
    let injector = Injector::new();
    injector.push(chain(&items, 0..4));
    injector.push(chain(&items, 4..5));
    injector.push(chain(&items, 5..10));
    assert_eq!(injector.pop_some(6).map(ids), Some(vec![0, 1, 2, 3, 4, 5]));
    assert_eq!(injector.len(), 4);
    assert_eq!(injector.pop().map(ids), Some(vec![6, 7, 8, 9]));
    assert!(injector.is_empty() && injector.pop_some(6).is_none());
}

/// Pushers and takers of all kinds: each item is run once, and who sleeps by the length misses nothing.
#[test]
fn stress_each_exactly_once() {
    const EACH: usize = 100_000;
    let mut dice = Dice::new();
    let items = Items::new(2 * EACH);
    let injector = Injector::new();
    let over = AtomicBool::new(false);
    thread::scope(|scope| {
        let pushers = [0, 1].map(|pusher| {
            let (items, injector, mut dice) = (&items, &injector, dice.split());
            scope.spawn(move || {
                let (mut id, end) = (pusher * EACH, (pusher + 1) * EACH);
                while id < end {
                    let to = end.min(id + 1 + dice.roll(2 * BATCH));
                    injector.push(chain(items, id..to));
                    id = to;
                }
            })
        });
        for _ in 0..2 {
            let (injector, over, mut dice) = (&injector, &over, dice.split());
            scope.spawn(move || {
                while !over.load(Acquire) || !injector.is_empty() {
                    match dice.roll(3) {
                        0 => injector.pop_one().into_iter().for_each(Item::run),
                        1 => injector.pop_some(dice.roll(BATCH)).into_iter().flatten().for_each(Item::run),
                        _ => injector.pop().into_iter().flatten().for_each(Item::run),
                    }
                }
            });
        }
        pushers.into_iter().for_each(|pusher| pusher.join().expect("no panic"));
        over.store(true, Release);
    });
    assert_eq!(injector.len(), 0);
    assert!((0..2 * EACH).all(|id| items.get(id).runs() == 1));
}
