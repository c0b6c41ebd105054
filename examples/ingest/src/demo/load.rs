//! An open-loop load generator made of goroutines.
//!
//! Request `n` is due at `n / rate` after the start, whatever became of the
//! ones before it, and its latency counts from then: a service that stalls
//! finds the requests that were due meanwhile in its latencies, where a
//! generator that waits for each answer would quietly send less.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use hdrhistogram::Histogram;
use threadle::chan::{self, Receiver, RecvTimeoutError};

use super::client::{Client, Template};
use super::latency::{LONGEST, new_histogram};
use crate::console;

/// What to send.
#[derive(Clone, Copy, Debug)]
pub struct Load {
    /// The service.
    pub target: SocketAddr,
    /// Requests in all.
    pub total: u64,
    /// Requests a second.
    pub rate: u64,
    /// Connections they are spread over.
    pub connections: u64,
}

/// How it went.
#[derive(Debug)]
pub struct Sent {
    /// Requests written whole.
    pub sent: u64,
    /// Ids whose request was answered with 200.
    pub acked: Arc<Ids>,
    /// Requests answered with something else.
    pub refused: u64,
    /// Requests that got no answer, or could not even be written.
    pub failed: u64,
    /// Latencies of the acknowledged ones from their due time, in microseconds.
    pub latency: Histogram<u32>,
    /// From when the first request was due until the last answer came.
    pub took: Duration,
}

/// A set of ids from 0 to a limit; shared, and added to by many.
#[derive(Debug)]
pub struct Ids(Vec<AtomicU64>);

impl Ids {
    /// The empty set of ids below `limit`.
    pub fn below(limit: u64) -> Self {
        Self((0..limit.div_ceil(64)).map(|_| AtomicU64::new(0)).collect())
    }

    /// Adds an id; false if it was there, or is out of range.
    pub fn add(&self, id: u64) -> bool {
        let bit = 1 << (id % 64);
        self.0.get((id / 64) as usize).is_some_and(|word| word.fetch_or(bit, Ordering::Relaxed) & bit == 0)
    }

    /// How many there are.
    pub fn count(&self) -> u64 {
        self.0.iter().map(|word| u64::from(word.load(Ordering::Relaxed).count_ones())).sum()
    }

    /// How many are not in `other`.
    pub fn count_missing_in(&self, other: &Self) -> u64 {
        let missing = |(mine, theirs): (&AtomicU64, &AtomicU64)| {
            u64::from((mine.load(Ordering::Relaxed) & !theirs.load(Ordering::Relaxed)).count_ones())
        };
        self.0.iter().zip(&other.0).map(missing).sum()
    }
}

#[derive(Debug)]
struct Shared {
    load: Load,
    start: Instant,
    acked: Arc<Ids>,
    sent: AtomicU64,
    answered: AtomicU64,
    refused: AtomicU64,
    unsent: AtomicU64,
    unanswered: AtomicU64,
}

impl Load {
    /// Sends everything; returns once the last answer has come or was given up.
    pub fn run(&self) -> Sent {
        let shared = Arc::new(Shared {
            load: *self,
            // All connections stand before the first request is due.
            start: Instant::now() + Duration::from_millis(200),
            acked: Arc::new(Ids::below(self.total)),
            sent: AtomicU64::new(0),
            answered: AtomicU64::new(0),
            refused: AtomicU64::new(0),
            unsent: AtomicU64::new(0),
            unanswered: AtomicU64::new(0),
        });
        let senders: Vec<_> = (0..self.connections)
            .map(|index| {
                let shared = Arc::clone(&shared);
                threadle::go(move || shared.send_share(index))
            })
            .collect();
        let (done, end) = chan::bounded(0);
        let printer = {
            let shared = Arc::clone(&shared);
            threadle::go(move || shared.print_progress(&end))
        };
        let mut latency = new_histogram();
        let mut last_answer = shared.start;
        for sender in senders {
            match sender.join() {
                Ok((share, last)) => {
                    latency.add(share).expect("all histograms have the same bounds");
                    last_answer = last_answer.max(last);
                }
                Err(ended) => std::panic::resume_unwind(ended.into_panic()),
            }
        }
        drop(done);
        if let Err(ended) = printer.join() {
            std::panic::resume_unwind(ended.into_panic());
        }
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Sent {
            sent: read(&shared.sent),
            acked: Arc::clone(&shared.acked),
            refused: read(&shared.refused),
            failed: read(&shared.unsent) + read(&shared.unanswered),
            latency,
            took: last_answer.saturating_duration_since(shared.start),
        }
    }
}

impl Shared {
    fn due(&self, id: u64) -> Instant {
        self.start + Duration::from_nanos((u128::from(id) * 1_000_000_000 / u128::from(self.load.rate)) as u64)
    }

    /// One connection's goroutine: every `connections`th request.
    fn send_share(&self, index: u64) -> (Histogram<u32>, Instant) {
        let mut latency = new_histogram();
        let mut last_answer = self.start;
        let mut template = Template::new(self.load.target);
        let mut client = None;
        for id in (index..self.load.total).step_by(self.load.connections as usize) {
            if client.is_none() {
                client = Client::connect(self.load.target).ok();
            }
            let due = self.due(id);
            threadle::time::sleep_until(due);
            // A connection on which writing failed is of no more use.
            client = client.filter(|client| client.send(template.with_id(id)).is_ok());
            let Some(connected) = &mut client else {
                self.unsent.fetch_add(1, Ordering::Relaxed);
                continue;
            };
            self.sent.fetch_add(1, Ordering::Relaxed);
            let status = connected.answer(Instant::now() + LONGEST);
            let now = Instant::now();
            match status {
                Ok(200) => {
                    self.acked.add(id);
                    self.answered.fetch_add(1, Ordering::Relaxed);
                    latency.saturating_record((now - due).as_micros() as u64);
                    last_answer = now;
                }
                Ok(_) => {
                    self.refused.fetch_add(1, Ordering::Relaxed);
                    last_answer = now;
                }
                Err(_) => {
                    self.unanswered.fetch_add(1, Ordering::Relaxed);
                    client = None;
                }
            }
        }
        (latency, last_answer)
    }

    fn print_progress(&self, end: &Receiver<()>) {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let mut before = 0;
        for second in 1.. {
            let next = self.start + Duration::from_secs(second);
            match end.recv_deadline(next) {
                Err(RecvTimeoutError::Timeout) => {}
                _ => return,
            }
            let acked = read(&self.answered);
            let (sent, refused) = (read(&self.sent), read(&self.refused));
            let (unsent, unanswered) = (read(&self.unsent), read(&self.unanswered));
            console::log(format_args!(
                "{second:3} s: {sent} sent, {acked} acknowledged (+{}), {} under way, {refused} refused, {} failed",
                acked - before,
                sent.saturating_sub(acked + refused + unanswered),
                unsent + unanswered,
            ));
            before = acked;
        }
    }
}
