//! A tree of goroutines, ten children each, whose 100 000 leaves send their numbers up to be added: what starting, and waiting for, many
//! goroutines costs. After Alexander Temerev's benchmark of that name, which has a million.
//!
//! ```text
//! $ cargo run --release -p threadle-examples --example skynet
//! 4999950000
//! ```

use threadle::chan::{self, RecvError, Sender};
use threadle::go;

const LEAVES: u64 = 100_000;

fn branch(first: u64, leaves: u64, parent: &Sender<u64>) {
    let sum = if leaves == 1 {
        first
    } else {
        let (send, sums) = chan::bounded(10);
        for child in 0..10 {
            let send = send.clone();
            go(move || branch(first + child * (leaves / 10), leaves / 10, &send));
        }
        drop(send);
        sums.into_iter().sum()
    };
    if parent.send(sum).is_err() {
        eprintln!("nobody wants the sum of {leaves} leaves from {first} on");
    }
}

fn main() -> Result<(), RecvError> {
    let sum = threadle::run(|| {
        let (send, root) = chan::bounded(1);
        go(move || branch(0, LEAVES, &send));
        root.recv()
    })?;
    println!("{sum}");
    Ok(())
}
