use super::*;
use crate::sync::item::{Dice, Item, Items};
use crate::sync::{atomic::AtomicBool, thread};

fn ids(items: impl IntoIterator<Item = &'static Item>) -> Vec<usize> {
    items.into_iter().map(|item| item.id).collect()
}

#[test]
fn first_in_first_out_around_the_ring() {
    let items = Items::new(CAPACITY);
    let ring = Ring::new();
    // SAFETY: there is one thread.
    let owner = unsafe { ring.owner() };
    for round in 0..5 * CAPACITY {
        owner.push_back(items.get(round % CAPACITY)).expect("there is room");
        owner.push_back(items.get((round + 1) % CAPACITY)).expect("there is room");
        assert_eq!((owner.queued(), owner.room()), (2, CAPACITY - 2));
        assert_eq!(owner.pop_ring().map(|item| item.id), Some(round % CAPACITY));
        assert_eq!(owner.pop_ring().map(|item| item.id), Some((round + 1) % CAPACITY));
        assert!(owner.pop_ring().is_none() && owner.is_empty() && ring.is_empty());
    }
}

#[test]
fn overflow_moves_the_newest_half_in_order() {
    let items = Items::new(CAPACITY + 1);
    let ring = Ring::new();
    // SAFETY: there is one thread.
    let owner = unsafe { ring.owner() };
    for id in 0..CAPACITY {
        owner.push_back(items.get(id)).expect("there is room");
    }
    assert_eq!(owner.room(), 0);
    let batch = owner.push_back(items.get(CAPACITY)).expect_err("it is full");
    assert_eq!(batch.len(), BATCH);
    assert_eq!(ids(batch), (CAPACITY + 1 - BATCH..=CAPACITY).collect::<Vec<_>>());
    assert_eq!(owner.queued(), CAPACITY + 1 - BATCH);
    assert_eq!(ids(owner.drain()), (0..CAPACITY + 1 - BATCH).collect::<Vec<_>>());
}

#[test]
fn what_was_promised_its_turn_is_not_moved() {
    let items = Items::new(3 * CAPACITY);
    let ring = Ring::new();
    // SAFETY: there is one thread.
    let owner = unsafe { ring.owner() };
    for id in 0..CAPACITY {
        owner.push_back(items.get(id)).expect("there is room");
    }
    // The newest make room for it; it stays behind the others.
    assert_eq!(ids(owner.push_promised(items.get(CAPACITY))), (CAPACITY + 1 - BATCH..CAPACITY).collect::<Vec<_>>());
    let old = CAPACITY + 1 - BATCH;
    let newer = CAPACITY - old - 1;
    for id in 0..newer {
        owner.push_back(items.get(CAPACITY + 1 + id)).expect("there is room");
    }
    assert_eq!(owner.room(), 0);
    // It, and what is before it, stays also at the next overflow.
    let last = CAPACITY + 1 + newer;
    assert_eq!(
        ids(owner.push_back(items.get(last)).expect_err("it is full")),
        (CAPACITY + 1..=last).collect::<Vec<_>>()
    );
    assert_eq!(ids(owner.drain()), (0..old).chain([CAPACITY]).collect::<Vec<_>>());
}

#[test]
fn where_all_were_promised_their_turn_the_last_goes() {
    let items = Items::new(CAPACITY + 2);
    let ring = Ring::new();
    // SAFETY: there is one thread.
    let owner = unsafe { ring.owner() };
    assert!(owner.push_chain((0..CAPACITY).map(|id| items.get(id)).collect()).is_empty());
    assert!(owner.make_room(10).is_empty());
    assert_eq!(ids(owner.push_promised(items.get(CAPACITY))), [CAPACITY]);
    assert_eq!(ids(owner.push_back(items.get(CAPACITY + 1)).expect_err("it is full")), [CAPACITY + 1]);
    assert_eq!(ids(owner.drain()), (0..CAPACITY).collect::<Vec<_>>());
}

#[test]
fn room_is_made_in_a_ring_that_is_not_full() {
    let items = Items::new(CAPACITY);
    let ring = Ring::new();
    // SAFETY: there is one thread.
    let owner = unsafe { ring.owner() };
    for round in 0..2 * CAPACITY {
        // Somewhere in the ring, so that all slots have their turn at either end.
        owner.push_back(items.get(0)).expect("there is room");
        assert!(owner.pop_ring().is_some());
        let (filled, wanted) = (CAPACITY - round % 7, 10);
        for id in 0..filled {
            owner.push_back(items.get(id)).expect("there is room");
        }
        let left = CAPACITY - wanted;
        assert_eq!(ids(owner.make_room(wanted)), (left..filled).collect::<Vec<_>>());
        assert_eq!((owner.room(), owner.make_room(wanted).len()), (wanted, 0));
        assert_eq!(ids(owner.drain()), (0..left).collect::<Vec<_>>());
    }
}

#[test]
fn a_chain_goes_in_as_far_as_it_fits() {
    let items = Items::new(CAPACITY + 10);
    let ring = Ring::new();
    // SAFETY: there is one thread.
    let owner = unsafe { ring.owner() };
    assert!(owner.push_chain(Chain::new()).is_empty());
    let rest = owner.push_chain((0..CAPACITY + 10).map(|id| items.get(id)).collect());
    assert_eq!(ids(rest), (CAPACITY..CAPACITY + 10).collect::<Vec<_>>());
    assert_eq!(ids(owner.drain()), (0..CAPACITY).collect::<Vec<_>>());
}

#[test]
fn next_kicks_out_and_drains_first() {
    let items = Items::new(3);
    let ring = Ring::new();
    // SAFETY: there is one thread.
    let owner = unsafe { ring.owner() };
    assert!(owner.push_next(items.get(0)).is_none());
    assert!(ring.has_next() && !ring.is_empty() && !owner.is_empty());
    let kicked = owner.push_next(items.get(1)).expect("one was there");
    assert_eq!(kicked.id, 0);
    owner.push_back(kicked).expect("there is room");
    assert_eq!(ids(owner.drain()), [1, 0]);
    assert!(owner.push_next(items.get(2)).is_none());
    assert_eq!(ring.steal_next().map(|item| item.id), Some(2));
    assert!(owner.pop_next().is_none() && ring.steal_next().is_none() && ring.is_empty());
}

#[test]
fn a_thief_takes_the_older_half_and_runs_the_oldest() {
    let items = Items::new(7);
    let (victim, thiefs) = (Ring::new(), Ring::new());
    // SAFETY: there is one thread.
    let (owner, me) = unsafe { (victim.owner(), thiefs.owner()) };
    assert!(victim.steal_into(me).is_none());
    assert!(owner.push_chain((0..7).map(|id| items.get(id)).collect()).is_empty());
    assert_eq!(victim.steal_into(me).map(|item| item.id), Some(0));
    assert_eq!(ids(me.drain()), [1, 2, 3]);
    assert_eq!(ids(owner.drain()), [4, 5, 6]);
}

#[test]
fn a_thief_takes_no_more_than_fits() {
    let items = Items::new(2 * CAPACITY);
    let (victim, thiefs) = (Ring::new(), Ring::new());
    // SAFETY: there is one thread.
    let (owner, me) = unsafe { (victim.owner(), thiefs.owner()) };
    assert!(owner.push_chain((0..CAPACITY).map(|id| items.get(id)).collect()).is_empty());
    assert!(me.push_chain((CAPACITY..2 * CAPACITY - 3).map(|id| items.get(id)).collect()).is_empty());
    assert_eq!(victim.steal_into(me).map(|item| item.id), Some(0));
    assert_eq!(me.room(), 0);
    assert_eq!(victim.steal_into(me).map(|item| item.id), Some(4));
    let mine = ids(me.drain());
    assert_eq!(mine[..CAPACITY - 3], (CAPACITY..2 * CAPACITY - 3).collect::<Vec<_>>());
    assert_eq!(mine[CAPACITY - 3..], [1, 2, 3]);
    assert_eq!(owner.drain().count(), CAPACITY - 5);
}

/// An owner that pushes, kicks, overflows and pops against thieves that steal from it and from each other: every item
/// is run exactly as often as it was submitted.
#[test]
fn stress_each_exactly_once() {
    const ROUNDS: usize = 300_000;
    const THIEVES: usize = 2;
    let mut dice = Dice::new();
    let rings: [Ring<Item>; THIEVES + 1] = std::array::from_fn(|_| Ring::new());
    let over = AtomicBool::new(false);
    let items = Items::new(ROUNDS);
    thread::scope(|scope| {
        for thief in 1..=THIEVES {
            let (rings, over, mut dice) = (&rings, &over, dice.split());
            scope.spawn(move || {
                // SAFETY: each thread is the owner of the ring of its number.
                let me = unsafe { rings[thief].owner() };
                while !over.load(Acquire) {
                    let victim = &rings[(thief + 1 + dice.roll(THIEVES)) % (THIEVES + 1)];
                    if dice.roll(4) == 0 {
                        victim.steal_next().into_iter().for_each(Item::run);
                    } else {
                        victim.steal_into(me).into_iter().for_each(Item::run);
                        for _ in 0..dice.roll(CAPACITY) {
                            me.pop_ring().into_iter().for_each(Item::run);
                        }
                    }
                }
                me.drain().for_each(Item::run);
            });
        }
        // SAFETY: as above; this thread has number 0.
        let owner = unsafe { rings[0].owner() };
        let put = |item| {
            if let Err(batch) = owner.push_back(item) {
                batch.for_each(Item::run);
            }
        };
        let mut id = 0;
        while id < ROUNDS {
            match dice.roll(10) {
                8 => owner.make_room(dice.roll(CAPACITY)).for_each(Item::run),
                9 => {
                    owner.push_promised(items.get(id)).for_each(Item::run);
                    id += 1;
                }
                0 => owner.pop_next().into_iter().for_each(Item::run),
                1..4 => (0..dice.roll(20)).for_each(|_| owner.pop_ring().into_iter().for_each(Item::run)),
                4 => {
                    let end = ROUNDS.min(id + dice.roll(BATCH));
                    owner.push_chain((id..end).map(|id| items.get(id)).collect()).for_each(put);
                    id = end;
                }
                5 => {
                    owner.push_next(items.get(id)).into_iter().for_each(put);
                    id += 1;
                }
                _ => {
                    let end = ROUNDS.min(id + dice.roll(20));
                    (id..end).for_each(|id| put(items.get(id)));
                    id = end;
                }
            }
        }
        owner.drain().for_each(Item::run);
        assert!(owner.is_empty());
        over.store(true, Release);
    });
    let wrong: Vec<usize> = (0..ROUNDS).filter(|&id| items.get(id).runs() != 1).collect();
    assert!(wrong.is_empty(), "not run exactly once: {wrong:?}");
}
