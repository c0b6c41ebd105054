use std::time::{Duration, Instant};

use threadle::chan::{self, Sender};
use threadle::{Builder, go};

use crate::Mode;

/// [`skynet_here`], in a runtime of two processors.
pub fn skynet(mode: Mode, leaves: u64) -> Duration {
    mode.run(Builder::new().procs(2), move || skynet_here(leaves))
}

/// Skynet: a tree of goroutines of the calling runtime, ten children each, whose `leaves` (a power of ten) send their numbers up to be
/// added: how long it takes.
///
/// # Panics
///
/// If the sum is wrong.
pub fn skynet_here(leaves: u64) -> Duration {
    let begun = Instant::now();
    let (send, receive) = chan::bounded(1);
    go(move || branch(0, leaves, &send));
    let sum = receive.recv().expect("the root sends");
    assert_eq!(sum, leaves * (leaves - 1) / 2);
    begun.elapsed()
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

/// [`fib_here`], in a runtime of two processors.
pub fn fib(mode: Mode, n: u32) -> Duration {
    mode.run(Builder::new().procs(2), move || fib_here(n))
}

/// The `n`th Fibonacci number, with a goroutine of the calling runtime a call: how long it takes.
///
/// # Panics
///
/// If the number is wrong.
pub fn fib_here(n: u32) -> Duration {
    let begun = Instant::now();
    let number = forked_fib(n);
    let (_, expected) = (0..n).fold((1, 0), |(before, last), _| (last, before + last));
    assert_eq!(number, expected);
    begun.elapsed()
}

fn forked_fib(n: u32) -> u64 {
    if n < 2 {
        return u64::from(n);
    }
    let left = go(move || forked_fib(n - 2));
    let right = forked_fib(n - 1);
    left.join().expect("it only adds") + right
}
