use std::hint;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::time::{Duration, Instant};

use threadle::{Builder, chan, go, time};

use super::Lateness;
use crate::{Mode, disturbances, system};

/// A pair of goroutines on `procs` processors passes a token to and fro `rounds` times: the share of hand-overs in which the receiver
/// ran on another thread than the sender.
pub fn crossings(mode: Mode, procs: usize, rounds: usize) -> f64 {
    let crossed = mode.run(Builder::new().procs(procs), move || {
        let pinger = go(move || {
            let (ping, pinged) = chan::bounded::<i32>(0);
            let (pong, ponged) = chan::bounded::<i32>(0);
            let ponger = go(move || {
                let mut crossed = 0;
                while let Ok(sender) = pinged.recv() {
                    let here = system::thread_id();
                    crossed += usize::from(sender != here);
                    pong.send(here).expect("the other end listens");
                }
                crossed
            });
            let mut crossed = 0;
            for _ in 0..rounds {
                ping.send(system::thread_id()).expect("the other end listens");
                let sender = ponged.recv().expect("the other end answers");
                crossed += usize::from(sender != system::thread_id());
            }
            drop(ping);
            crossed + ponger.join().expect("it ends with its channel")
        });
        pinger.join().expect("it ends after its rounds")
    });
    crossed as f64 / (2 * rounds) as f64
}

/// [`ping_pong_here`], in a runtime of two processors.
pub fn ping_pong(mode: Mode, rounds: usize) -> Duration {
    mode.run(Builder::new().procs(2), move || ping_pong_here(rounds))
}

/// A pair of goroutines of the calling runtime passes a token to and fro `rounds` times over two rendezvous channels: how long that takes.
pub fn ping_pong_here(rounds: usize) -> Duration {
    let pinger = go(move || to_and_fro(rounds));
    pinger.join().expect("it ends after its rounds")
}

/// The same between the caller and a goroutine that it starts.
pub(super) fn to_and_fro(rounds: usize) -> Duration {
    let (ping, pinged) = chan::bounded::<usize>(0);
    let (pong, ponged) = chan::bounded::<usize>(0);
    let ponger = go(move || {
        while let Ok(token) = pinged.recv() {
            pong.send(token + 1).expect("the other end listens");
        }
    });
    let begun = Instant::now();
    let mut token = 0;
    while token < rounds {
        ping.send(token).expect("the other end listens");
        token = ponged.recv().expect("the other end answers");
    }
    let elapsed = begun.elapsed();
    drop(ping);
    ponger.join().expect("it ends with its channel");
    elapsed
}

/// How soon the peers of a computing goroutine ran.
#[derive(Debug)]
pub struct Peers {
    /// One a round.
    pub lateness: Lateness,
    /// Rounds in which the computing goroutine kept its processor: the peer got another one.
    pub elsewhere: usize,
}

impl FromIterator<(Duration, bool)> for Peers {
    fn from_iter<I: IntoIterator<Item = (Duration, bool)>>(rounds: I) -> Peers {
        let (lateness, elsewhere): (Vec<_>, Vec<_>) = rounds.into_iter().unzip();
        Peers {
            lateness: lateness.into_iter().collect(),
            elsewhere: elsewhere.into_iter().filter(|elsewhere| *elsewhere).count(),
        }
    }
}

/// Spawns a goroutine and computes on until that has started: how long it took, `rounds` times, with a processor idle.
pub fn fresh_peer_of_a_computing_goroutine(mode: Mode, rounds: usize) -> Peers {
    mode.run(Builder::new().procs(2), move || {
        let one = |_| {
            let started = Arc::new(AtomicBool::new(false));
            let before = disturbances();
            let begun = Instant::now();
            let peer = go({
                let started = Arc::clone(&started);
                move || {
                    let late = begun.elapsed();
                    started.store(true, SeqCst);
                    late
                }
            });
            compute_until(&started);
            let elsewhere = disturbances() == before;
            let late = peer.join().expect("it only looks at the clock");
            come_to_rest();
            (late, elsewhere)
        };
        (0..rounds).map(one).collect()
    })
}

/// Sends to a goroutine that waits, and computes on until that one runs: how long it took, `rounds` times, with a processor idle.
///
/// For migrating mode: bound, the peer may have started on the very thread that now computes.
pub fn woken_peer_of_a_computing_goroutine(rounds: usize) -> Peers {
    Mode::Migrating.run(Builder::new().procs(2), move || {
        let (send, receive) = chan::bounded::<(Instant, Arc<AtomicBool>)>(0);
        let (report, reports) = chan::bounded(1);
        let peer = go(move || {
            while let Ok((sent, started)) = receive.recv() {
                let late = sent.elapsed();
                started.store(true, SeqCst);
                report.send(late).expect("the sender waits for it");
            }
        });
        let one = |_| {
            come_to_rest();
            let started = Arc::new(AtomicBool::new(false));
            let before = disturbances();
            send.send((Instant::now(), Arc::clone(&started))).expect("the peer receives");
            compute_until(&started);
            let elsewhere = disturbances() == before;
            (reports.recv().expect("the peer reports"), elsewhere)
        };
        let peers = (0..rounds).map(one).collect();
        drop(send);
        peer.join().expect("it ends with its channel");
        peers
    })
}

/// Heeds nothing, but for at most a second.
fn compute_until(done: &AtomicBool) {
    let begun = Instant::now();
    while !done.load(SeqCst) && begun.elapsed() < Duration::from_secs(1) {
        hint::spin_loop();
    }
}

/// Long enough for the peer to park again and its thread to look around and go to sleep: that the processor idles is part of the question.
fn come_to_rest() {
    time::sleep(Duration::from_millis(1));
}
