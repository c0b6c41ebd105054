//! Costs of channels and select: `cargo bench -p threadle --bench channels`. Each line is the least of several rounds, in bound and in migrating mode
//! (what else runs on the machine only adds); on one processor, so that it is instructions that count and not how the kernel spreads threads. A
//! run takes some seconds. Without `--bench` (as under `cargo test --benches`) everything runs once and small, to see that it works.

use std::time::Instant;

use threadle::chan::{Receiver, Sender, bounded};
use threadle::{Builder, go, select};

/// How much of everything.
struct Scale {
    operations: usize,
    rounds: usize,
}

/// A program: its name, and the time it took for so many operations.
type Program = (&'static str, fn(usize));

const PROGRAMS: [Program; 5] = [
    ("send + receive, one goroutine, bounded(1)", one_goroutine),
    ("ping-pong over two rendezvous channels, a transfer", ping_pong),
    ("bounded(128), 4 senders and 4 receivers, a value", four_by_four),
    ("select over 3, one always ready", select_ready),
    ("select over 3, waiting for three senders", select_waiting),
];

fn main() {
    let scale = if std::env::args().any(|argument| argument == "--bench") {
        Scale { operations: 100_000, rounds: 25 }
    } else {
        Scale { operations: 400, rounds: 1 }
    };
    let wanted = std::env::args().skip(1).find(|argument| !argument.starts_with('-')).unwrap_or_default();
    println!("{:<60} {:>10} {:>10}", "ns each", "bound", "migrating");
    for (name, program) in PROGRAMS.into_iter().filter(|(name, _)| name.contains(&wanted)) {
        let bound = least(&scale, || Builder::new().procs(1).run(|| timed(program, scale.operations)));
        // SAFETY: the programs hold nothing that is bound to a thread, and name no thread-local.
        let migrating =
            least(&scale, || unsafe { Builder::new().procs(1).run_migrating(|| timed(program, scale.operations)) });
        println!("{name:<60} {bound:>10.1} {migrating:>10.1}");
    }
}

fn timed(program: fn(usize), operations: usize) -> f64 {
    let start = Instant::now();
    program(operations);
    start.elapsed().as_nanos() as f64 / operations as f64
}

fn least(scale: &Scale, run: impl Fn() -> std::io::Result<f64>) -> f64 {
    (0..scale.rounds).map(|_| run().expect("the runtime starts")).fold(f64::INFINITY, f64::min)
}

fn one_goroutine(operations: usize) {
    let (sender, receiver) = bounded(1);
    for n in 0..operations {
        sender.send(n).expect("it is open");
        assert_eq!(receiver.recv(), Ok(n));
    }
}

fn ping_pong(operations: usize) {
    let ((ping, pinged), (pong, ponged)) = (bounded(0), bounded(0));
    let peer = go(move || pinged.iter().for_each(|n: usize| pong.send(n).expect("it is open")));
    for n in 0..operations / 2 {
        ping.send(n).expect("it is open");
        assert_eq!(ponged.recv(), Ok(n));
    }
    drop(ping);
    peer.join().expect("it does not panic");
}

fn four_by_four(operations: usize) {
    let (sender, receiver) = bounded(128);
    let senders: Vec<_> = (0..4)
        .map(|_| {
            let sender: Sender<usize> = sender.clone();
            go(move || (0..operations / 4).for_each(|n| sender.send(n).expect("it is open")))
        })
        .collect();
    let receivers: Vec<_> = (0..4)
        .map(|_| {
            let receiver: Receiver<usize> = receiver.clone();
            go(move || receiver.iter().count())
        })
        .collect();
    drop(sender);
    senders.into_iter().for_each(|sender| sender.join().expect("it does not panic"));
    let received: usize = receivers.into_iter().map(|receiver| receiver.join().expect("it does not panic")).sum();
    assert_eq!(received, operations);
}

fn select_ready(operations: usize) {
    let ((_one, first), (two, second), (_three, third)) = (bounded::<usize>(1), bounded(1), bounded::<usize>(1));
    for n in 0..operations {
        two.send(n).expect("it is open");
        select! {
            recv(first) -> _ => unreachable!("nothing is sent"),
            recv(second) -> value => assert_eq!(value, Ok(n)),
            recv(third) -> _ => unreachable!("nothing is sent"),
        }
    }
}

fn select_waiting(operations: usize) {
    let channels = [bounded(0), bounded(0), bounded(0)];
    let senders: Vec<_> = channels
        .iter()
        .map(|(sender, _)| sender.clone())
        .map(|sender| go(move || (0..operations / 3).for_each(|n| sender.send(n).expect("it is open"))))
        .collect();
    let [(_, first), (_, second), (_, third)] = &channels;
    for _ in 0..operations / 3 * 3 {
        select! {
            recv(first) -> value => assert!(value.is_ok()),
            recv(second) -> value => assert!(value.is_ok()),
            recv(third) -> value => assert!(value.is_ok()),
        }
    }
    senders.into_iter().for_each(|sender| sender.join().expect("it does not panic"));
}
