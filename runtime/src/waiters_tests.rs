use std::collections::VecDeque;

use super::*;
use crate::base::{Parking, Reason};

fn nodes(count: usize) -> (Parking, Vec<Waiter<usize>>) {
    // They share one ticket, which nobody claims.
    let parking = Parking::open(Reason::Other);
    let nodes = (0..count).map(|number| Waiter::new(parking.ticket(), number)).collect();
    (parking, nodes)
}

fn number(popped: Option<Popped<'_, usize>>) -> Option<usize> {
    popped.map(|mut waiter| *waiter.payload())
}

/// Where each of those that are linked is told to look ahead, as places in the list.
fn leads(list: &WaitList<usize>) -> Vec<Option<usize>> {
    // SAFETY: linked nodes are alive, and the list is the test's alone.
    let linked: Vec<_> =
        std::iter::successors(list.head, |node| unsafe { change_links(*node, |links| links.next) }).collect();
    let place = |node| linked.iter().position(|other| *other == node);
    // SAFETY: as above.
    linked
        .iter()
        .map(|node| unsafe { change_links(*node, |links| links.ahead) }.and_then(|(ahead, _)| place(ahead)))
        .collect()
}

/// Whether who is to be told of the next that queues is in the list, as many places from its end as is said.
fn tells_one_of_them(list: &WaitList<usize>) -> bool {
    // SAFETY: linked nodes are alive, and the list is the test's alone.
    let next = |node: &NonNull<Waiter<usize>>| unsafe { change_links(*node, |links| links.next) };
    let linked: Vec<_> = std::iter::successors(list.head, next).collect();
    list.behind == 0 || linked.iter().rev().nth(list.behind).copied() == list.told
}

#[test]
fn in_a_long_list_each_knows_who_comes_later() {
    let (_parking, nodes) = nodes(100);
    let mut list = WaitList::new();
    for node in &nodes {
        // SAFETY: the nodes outlive the list.
        unsafe { list.push_back(node) };
    }
    let far = |to: usize| (0..to).map(move |place| (place + LEAD + 1 < to).then_some(place + LEAD + 1));
    assert_eq!(leads(&list), far(100).collect::<Vec<_>>());

    // Those in front go: it stays so for the others, and for those who come.
    assert_eq!((0..40).map_while(|_| number(list.pop_of_many())).collect::<Vec<_>>(), (0..40).collect::<Vec<_>>());
    for node in &nodes[..20] {
        // SAFETY: as above, and they are in no list.
        unsafe { list.push_back(node) };
    }
    assert_eq!(leads(&list), far(80).collect::<Vec<_>>());

    // One from between: begun anew, at the end.
    // SAFETY: it is in this list.
    assert!(unsafe { list.remove(&nodes[90]) });
    for node in &nodes[20..40] {
        // SAFETY: as above.
        unsafe { list.push_back(node) };
    }
    let leads = leads(&list);
    assert_eq!(leads[78], Some(78 + LEAD + 1), "the last one there, of the next that came");
    assert!(
        leads.iter().enumerate().all(|(place, lead)| lead.is_none_or(|lead| lead - place <= LEAD + 1)),
        "{leads:?}"
    );
    while list.pop_of_many().is_some() {}
}

#[test]
fn whatever_comes_and_goes_the_order_is_that_of_arrival() {
    const COUNT: usize = 60;
    let seed = crate::base::random() as u64 ^ std::process::id() as u64;
    println!("seed {seed}");
    let mut state = seed;
    // SplitMix64 (Steele, Lea and Flood, 2014).
    let mut random = move |bound: usize| {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut bits = state;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((bits ^ (bits >> 31)) % bound as u64) as usize
    };
    let (_parking, nodes) = nodes(COUNT);
    let (mut list, mut model) = (WaitList::new(), VecDeque::new());
    for step in 0..20_000 {
        // Long for a while, then short.
        let pushes = if step / 1_000 % 2 == 0 { 6 } else { 3 };
        let free = (0..COUNT).filter(|number| !model.contains(number)).collect::<Vec<_>>();
        match random(10) {
            dice if dice < pushes && !free.is_empty() => {
                let number = free[random(free.len())];
                if dice == 0 {
                    // SAFETY: the node is in no list, and outlives this one.
                    unsafe { list.push_front(&nodes[number]) };
                    model.push_front(number);
                } else {
                    // SAFETY: as above.
                    unsafe { list.push_back(&nodes[number]) };
                    model.push_back(number);
                }
            }
            9 if !model.is_empty() => {
                let place = random(model.len());
                let number = model.remove(place).unwrap();
                // SAFETY: it is in this list.
                assert!(unsafe { list.remove(&nodes[number]) });
            }
            8 => assert_eq!(number(list.pop()), model.pop_front()),
            _ => assert_eq!(number(list.pop_of_many()), model.pop_front()),
        }
        assert_eq!(list.count(), model.len());
        assert!(list.behind <= LEAD && list.behind < model.len().max(1), "told {} places from the end", list.behind);
        assert!(tells_one_of_them(&list), "who is to be told is not there, {} places from the end", list.behind);
    }
    while let Some(number) = number(list.pop_of_many()) {
        assert_eq!(Some(number), model.pop_front());
    }
    assert!(model.is_empty());
}
