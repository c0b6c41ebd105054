use std::time::{Duration, Instant};

use threadle::chan::{self, Sender};
use threadle::{Builder, go};

use crate::Mode;

/// Skynet: a tree of goroutines, ten children each, whose `leaves` (a power of ten) send their numbers up to be added: how long it takes,
/// on two processors.
///
/// # Panics
///
/// If the sum is wrong.
pub fn skynet(mode: Mode, leaves: u64) -> Duration {
    mode.run(Builder::new().procs(2), move || {
        let begun = Instant::now();
        let (send, receive) = chan::bounded(1);
        go(move || branch(0, leaves, &send));
        let sum = receive.recv().expect("the root sends");
        assert_eq!(sum, leaves * (leaves - 1) / 2);
        begun.elapsed()
    })
}

fn branch(first: u64, leaves: u64, parent: &Sender<u64>) {
    if leaves == 1 {
        return parent.send(first).expect("the parent receives");
    }
    let (send, receive) = chan::bounded(10);
    let each = leaves / 10;
    for child in 0..10 {
        let send = send.clone();
        go(move || branch(first + child * each, each, &send));
    }
    drop(send);
    parent.send(receive.iter().sum()).expect("the parent receives");
}

/// The `n`th Fibonacci number, with a goroutine a call: how long it takes, on two processors.
///
/// # Panics
///
/// If the number is wrong.
pub fn fib(mode: Mode, n: u32) -> Duration {
    mode.run(Builder::new().procs(2), move || {
        let begun = Instant::now();
        let number = forked_fib(n);
        let (_, expected) = (0..n).fold((1, 0), |(before, last), _| (last, before + last));
        assert_eq!(number, expected);
        begun.elapsed()
    })
}

fn forked_fib(n: u32) -> u64 {
    if n < 2 {
        return u64::from(n);
    }
    let left = go(move || forked_fib(n - 2));
    let right = forked_fib(n - 1);
    left.join().expect("it only adds") + right
}
