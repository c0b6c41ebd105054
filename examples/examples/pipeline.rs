//! Three stages that work at the same time: numbers are made, squared by four goroutines, and added. Bounded channels between them keep a
//! quick stage from running away from a slow one.
//!
//! ```text
//! $ cargo run -p threadle-examples --example pipeline
//! the squares of 1 to 1000 add up to 333833500
//! ```

use threadle::chan::{self, Receiver, Sender};
use threadle::go;

fn square(numbers: Receiver<u64>, squares: Sender<u64>) {
    for number in numbers {
        if squares.send(number * number).is_err() {
            return;
        }
    }
}

fn main() {
    threadle::run(|| {
        let (send, numbers) = chan::bounded(16);
        go(move || (1..=1000).try_for_each(|number| send.send(number)));

        let (send, squares) = chan::bounded(16);
        for _ in 0..4 {
            let (numbers, send) = (numbers.clone(), send.clone());
            go(move || square(numbers, send));
        }
        // The last stage ends when the squarers, who have clones, have dropped theirs.
        drop(send);

        println!("the squares of 1 to 1000 add up to {}", squares.into_iter().sum::<u64>());
    });
}
