//! What makes the analysis end, and its result independent of the order in which blocks are walked.

use crate::flow::value::{Origin, Shape, Value};

fn values() -> Vec<Value> {
    let origins = [
        Origin::default(),
        Origin::computed(3),
        Origin::computed(7),
        Origin::argument(0),
        Origin::argument(5),
        Origin::computed(3).after_switch(9),
        Origin::computed(7).after_switch(8).join(Origin::argument(2)),
        Origin::argument(1).after_switch(4).join(Origin::computed(1)),
    ];
    let shapes = [Shape::Unknown, Shape::Stack(-8), Shape::Thread(0), Shape::Image(16)];
    origins.into_iter().flat_map(|origin| shapes.map(|shape| Value { shape, origin })).collect()
}

#[test]
fn a_join_is_a_join() {
    for one in values() {
        assert_eq!(one.join(one), one);
        for other in values() {
            assert_eq!(one.join(other), other.join(one));
            assert_eq!(one.join(other).join(other), one.join(other), "it takes nothing in twice");
            for third in values() {
                assert_eq!(one.join(other).join(third), one.join(other.join(third)));
            }
        }
    }
}

#[test]
fn what_an_instruction_does_keeps_the_order() {
    let grows = |from: Origin, to: Origin| from.join(to) == to;
    for (one, other) in
        values().into_iter().flat_map(|one| values().into_iter().map(move |other| (one.origin, other.origin)))
    {
        let both = one.join(other);
        assert!(grows(one.after_switch(6), both.after_switch(6)));
        assert_eq!(both.after_switch(6), one.after_switch(6).join(other.after_switch(6)));
    }
}

#[test]
fn nothing_is_fresh_after_a_switch() {
    for value in values() {
        let after = value.origin.after_switch(6);
        assert_eq!((after.fresh, after.arguments), (None, 0));
        assert_eq!(after.is_none(), value.origin.is_none());
        assert_eq!(after.after_switch(7), after, "a later switch changes nothing");
    }
}
