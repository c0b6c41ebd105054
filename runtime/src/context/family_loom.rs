//! Models of the end of a context against those who enter and leave its family, with variants that must fail. Run by `ci/loom.sh`.

#[path = "family.rs"]
mod family;

use family::Family;
use loom::sync::atomic::{AtomicUsize, Ordering};
use loom::sync::{Arc, Mutex};
use loom::thread;

/// A member that counts how often it is told.
type Told = Arc<AtomicUsize>;

/// A node: its family, and the end, which is noted under the same lock.
struct Node {
    family: Mutex<Family<Told>>,
}

impl Node {
    fn new() -> Arc<Node> {
        Arc::new(Node { family: Mutex::new(Family::new()) })
    }

    fn end(&self) {
        let members = self.family.lock().unwrap().end();
        members.into_iter().flatten().for_each(|told| tell(&told));
    }

    /// As `Node::new` does with the parent: the child that comes too late ends by itself.
    fn enter(&self, told: &Told) -> Option<usize> {
        let entered = self.family.lock().unwrap().enter(Arc::clone(told));
        entered.map_err(|late| tell(&late)).ok()
    }
}

fn tell(told: &Told) {
    told.fetch_add(1, Ordering::Relaxed);
}

#[test]
fn a_child_added_during_the_end_ends_once() {
    loom::model(|| {
        let node = Node::new();
        let children = [Told::default(), Told::default()];
        let adders: Vec<_> = children
            .iter()
            .map(|child| {
                let (node, child) = (Arc::clone(&node), Arc::clone(child));
                thread::spawn(move || drop(node.enter(&child)))
            })
            .collect();
        node.end();
        adders.into_iter().for_each(|adder| adder.join().unwrap());
        for child in &children {
            assert_eq!(child.load(Ordering::Relaxed), 1, "a child that is not told, or told twice");
        }
    });
}

/// The same where the look and the entering are two steps: the end falls between them.
#[test]
#[should_panic(expected = "not told")]
fn looked_at_and_entered_in_two_steps_it_does_not_end() {
    loom::model(|| {
        // The children, and apart from them whether the end has come.
        let node = Arc::new((Mutex::new(Vec::<Told>::new()), Mutex::new(false)));
        let child = Told::default();
        let adder = {
            let (node, child) = (Arc::clone(&node), Arc::clone(&child));
            thread::spawn(move || {
                let ended = *node.1.lock().unwrap();
                if ended { tell(&child) } else { node.0.lock().unwrap().push(child) }
            })
        };
        *node.1.lock().unwrap() = true;
        let children = std::mem::take(&mut *node.0.lock().unwrap());
        children.iter().for_each(tell);
        adder.join().unwrap();
        assert_eq!(child.load(Ordering::Relaxed), 1, "a child that is not told, or told twice");
    });
}

/// A function that is taken back, against the end: one of them has it. Two ends at once tell it once.
#[test]
fn stopped_or_told() {
    loom::model(|| {
        let node = Node::new();
        let function = Told::default();
        let place = node.enter(&function).unwrap();
        let other_end = {
            let node = Arc::clone(&node);
            thread::spawn(move || node.end())
        };
        let stop = {
            let node = Arc::clone(&node);
            thread::spawn(move || node.family.lock().unwrap().leave(place).is_some())
        };
        node.end();
        let stopped = stop.join().unwrap();
        other_end.join().unwrap();
        assert_eq!(function.load(Ordering::Relaxed) + usize::from(stopped), 1, "stop says {stopped}");
    });
}
