//! What is given to a goroutine whose runtime ends before it runs: it goes to the next who waits, in another runtime or on a plain thread, or back to
//! where it came from.

#![allow(clippy::disallowed_methods, reason = "what blocks its thread here is not to switch goroutines")]

mod support;

use std::io::{self, Read, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::time::{Duration, Instant};

use support::{Census, Counted};
use threadle::chan::{self, Sender};
use threadle::context::Context;
use threadle::net::unix::UnixStream;
use threadle::sync::{Condvar, Mutex, RwLock, Semaphore};
use threadle::{Builder, go, select, yield_now};

/// Attempts of one kind until one succeeds, in either mode. Each runs a body as the main goroutine of a runtime with one processor, and says
/// whether what that made ready just before it returned has never run. As a rule it has not, for a [`Keeper`] has the processor until the runtime
/// ends; but a machine that is busy may keep threads from running, and then the runtime gives the processor to another.
fn attempts(name: &'static str, attempt: impl Fn(&Runtime<'_>) -> bool) {
    let _watchdog = support::watchdog(name);
    let builder = Builder::new().procs(1);
    let keeping = |body: &(dyn Fn() + Sync)| {
        let keeper = Keeper::start();
        body();
        keeper.keep();
    };
    let runtimes: [&Runtime<'_>; 2] = [
        &|body| builder.clone().run(|| keeping(body)).unwrap(),
        // SAFETY: the bodies name no thread-local, and hold nothing that is bound to a thread.
        &|body| unsafe { builder.clone().run_migrating(|| keeping(body)) }.unwrap(),
    ];
    for runtime in runtimes {
        assert!((0..200).any(|_| attempt(runtime)), "{name}: what was woken always runs");
    }
}

/// A goroutine that keeps the one processor when the main goroutine has returned: `run`'s caller needs a moment to end the runtime, in which
/// whoever is ready would run.
struct Keeper(Sender<()>);

impl Keeper {
    fn start() -> Keeper {
        let (keep, told) = chan::bounded(0);
        go(move || {
            if told.recv().is_ok() {
                std::thread::sleep(Duration::from_millis(5));
            }
        });
        yield_now();
        Keeper(keep)
    }

    /// Woken last, it runs first.
    fn keep(self) {
        self.0.send(()).unwrap();
    }
}

type Runtime<'a> = dyn Fn(&(dyn Fn() + Sync)) + 'a;

/// Tells whether those goroutines have run on that were to be woken too late.
#[derive(Clone, Default)]
struct Late(Arc<AtomicUsize>);

impl Late {
    /// Starts a goroutine that waits in `wait`, and lets it run until it is about to.
    fn go<T: 'static>(&self, wait: impl FnOnce() -> T + Send + 'static) {
        let ready = Arc::new(AtomicBool::new(false));
        let (told, ran) = (Arc::clone(&ready), Arc::clone(&self.0));
        go(move || {
            told.store(true, SeqCst);
            let got = wait();
            ran.fetch_add(1, SeqCst);
            drop(got);
        });
        while !ready.load(SeqCst) {
            yield_now();
        }
        // It waits, but for another it needs.
        (0..3).for_each(|_| yield_now());
    }

    fn have_run(&self) -> usize {
        self.0.load(SeqCst)
    }
}

/// A plain thread's part in an attempt: started by the main goroutine, joined after it.
struct Beside<T>(std::sync::Mutex<Option<std::thread::JoinHandle<T>>>);

impl<T: Send + 'static> Beside<T> {
    fn new() -> Self {
        Beside(std::sync::Mutex::new(None))
    }

    fn start(&self, f: impl FnOnce() -> T + Send + 'static) {
        *self.0.lock().unwrap() = Some(std::thread::spawn(f));
    }

    fn is_over(&self) -> bool {
        self.0.lock().unwrap().as_ref().expect("it was started").is_finished()
    }

    fn join(self) -> T {
        self.0.into_inner().unwrap().expect("it was started").join().unwrap()
    }
}

#[test]
fn a_value_goes_back_to_the_front_of_its_channel() {
    for capacity in [0, 2] {
        attempts("value", |run| {
            let (census, late, handed) = (Census::default(), Late::default(), AtomicBool::new(false));
            let (sender, receiver) = chan::bounded::<Counted>(capacity);
            run(&|| {
                for _ in 0..2 {
                    let receiver = receiver.clone();
                    late.go(move || receiver.recv());
                }
                let sent = (0..2).all(|_| sender.try_send(census.make()).is_ok());
                handed.store(sent && receiver.is_empty(), SeqCst);
            });
            if late.have_run() > 0 || !handed.load(SeqCst) {
                return false;
            }
            assert_eq!((census.dropped(), receiver.len()), (0, 2));
            // In some order: both were the oldest.
            let mut received = [receiver.try_recv().unwrap().id, receiver.try_recv().unwrap().id];
            received.sort_unstable();
            assert_eq!(received, [0, 1]);
            assert!(receiver.try_recv().is_err());
            assert_eq!(census.dropped(), 2);
            // And the channel is as it was.
            for _ in 0..capacity {
                sender.try_send(census.make()).unwrap();
            }
            assert!(sender.try_send(census.make()).unwrap_err().is_full());
            true
        });
    }
}

#[test]
fn a_value_goes_to_the_next_who_waits_for_it() {
    attempts("next", |run| {
        let (sender, receiver) = chan::bounded::<&str>(0);
        let (late, beside) = (Late::default(), Beside::new());
        run(&|| {
            let (first, next) = (receiver.clone(), receiver.clone());
            late.go(move || first.recv());
            // Behind the goroutine; should the thread be late, the value waits for it in the channel.
            beside.start(move || next.recv());
            sender.send("from hand to hand").unwrap();
        });
        if late.have_run() > 0 {
            sender.send("from hand to hand").unwrap();
        }
        assert_eq!(beside.join(), Ok("from hand to hand"));
        late.have_run() == 0
    });
}

#[test]
fn a_select_that_received_gives_it_back() {
    attempts("select", |run| {
        let (sender, receiver) = chan::bounded::<u8>(0);
        let (other, from_other) = chan::bounded::<u8>(1);
        let (late, handed) = (Late::default(), AtomicBool::new(false));
        run(&|| {
            let (receiver, from_other) = (receiver.clone(), from_other.clone());
            late.go(move || select! { recv(receiver) -> value => value, recv(from_other) -> value => value });
            handed.store(sender.try_send(7).is_ok(), SeqCst);
        });
        if late.have_run() > 0 || !handed.load(SeqCst) {
            return false;
        }
        assert_eq!(receiver.try_recv(), Ok(7));
        // Nor does it wait in the other any more.
        other.try_send(8).unwrap();
        assert_eq!(from_other.try_recv(), Ok(8));
        true
    });
}

#[test]
fn a_select_that_may_send_gives_its_place_back() {
    attempts("place", |run| {
        let (sender, receiver) = chan::bounded::<u8>(1);
        let late = Late::default();
        sender.send(1).unwrap();
        run(&|| {
            let sender = sender.clone();
            late.go(move || select! { send(sender, 2) -> sent => sent });
            assert_eq!(receiver.try_recv(), Ok(1));
        });
        if late.have_run() > 0 {
            return false;
        }
        assert_eq!(sender.try_send(3), Ok(()), "the place is taken for good");
        assert!(sender.try_send(4).unwrap_err().is_full());
        true
    });
}

/// A select was chosen to send to a receiver on a plain thread, and never made the value: the receiver looks for another.
#[test]
fn a_promise_that_is_not_kept_is_withdrawn() {
    attempts("promise", |run| {
        let (sender, receiver) = chan::bounded::<u8>(0);
        let (late, beside) = (Late::default(), Beside::new());
        run(&|| {
            let (receiver, sender) = (receiver.clone(), sender.clone());
            late.go(move || select! { send(sender, 2) -> sent => sent });
            let begun = Arc::new(AtomicBool::new(false));
            let told = Arc::clone(&begun);
            beside.start(move || {
                told.store(true, SeqCst);
                receiver.recv()
            });
            // No call that switches from here on; and time for the thread to choose the select.
            while !begun.load(SeqCst) {
                std::hint::spin_loop();
            }
            std::thread::sleep(Duration::from_millis(1));
        });
        if late.have_run() > 0 {
            assert_eq!(beside.join(), Ok(2));
            return false;
        }
        sender.send(9).unwrap();
        assert_eq!(beside.join(), Ok(9));
        true
    });
}

/// The first waiter of a lock was woken and never runs: whoever waits behind it gets the lock.
#[test]
fn a_mutex_goes_to_the_next() {
    attempts("mutex", |run| {
        let mutex = Arc::new(Mutex::new(0));
        let (late, beside) = (Late::default(), Beside::new());
        run(&|| {
            let guard = mutex.lock();
            let (first, next) = (Arc::clone(&mutex), Arc::clone(&mutex));
            late.go(move || *first.lock() += 1);
            beside.start(move || *next.lock() += 1);
            std::thread::sleep(Duration::from_millis(2));
            drop(guard);
        });
        beside.join();
        assert_eq!(*mutex.lock(), 1 + late.have_run());
        late.have_run() == 0
    });
}

#[test]
fn permits_and_locks_for_reading_and_writing_go_back() {
    attempts("permits", |run| {
        let semaphore = Arc::new(Semaphore::new(0));
        let (written, read) = (Arc::new(RwLock::new(0)), Arc::new(RwLock::new(0)));
        let late = Late::default();
        run(&|| {
            let (wanted, permits) = (Arc::clone(&semaphore), 3);
            late.go(move || wanted.acquire(permits).forget());
            let (for_writing, for_reading) = (read.write(), written.read());
            let (reader, writer) = (Arc::clone(&read), Arc::clone(&written));
            late.go(move || drop(reader.read()));
            late.go(move || drop(writer.write()));
            semaphore.add(permits);
            drop((for_writing, for_reading));
        });
        if late.have_run() > 0 {
            return false;
        }
        assert_eq!(semaphore.available(), 3);
        *read.try_write().expect("nobody reads") += 1;
        *written.try_write().expect("nobody writes") += 1;
        assert!(read.try_read().is_some() && written.try_read().is_some());
        true
    });
}

#[test]
fn a_notification_reaches_somebody() {
    attempts("notification", |run| {
        let pair = Arc::new((Mutex::new(0), Condvar::new()));
        let (late, beside) = (Late::default(), Beside::new());
        let wait = |pair: Arc<(Mutex<u32>, Condvar)>| {
            move || {
                let mut waiting = pair.0.lock();
                *waiting += 1;
                drop(pair.1.wait(waiting));
            }
        };
        run(&|| {
            let waits = |many| *pair.0.lock() == many;
            late.go(wait(Arc::clone(&pair)));
            assert!(waits(1));
            beside.start(wait(Arc::clone(&pair)));
            while !waits(2) {
                yield_now();
            }
            pair.1.notify_one();
        });
        // A goroutine that has run on may be left behind as it locks the mutex again, and then the notification was its own.
        let notified = (0..50).any(|_| {
            std::thread::sleep(Duration::from_millis(10));
            beside.is_over()
        });
        pair.1.notify_one();
        beside.join();
        notified && late.have_run() == 0
    });
}

/// Who was not woken has nothing to give back. But those behind it may have waited for nothing else than for it to go.
#[test]
fn who_waits_no_more_makes_way() {
    let _watchdog = support::watchdog("way");
    let builder = Builder::new().procs(1);
    let runtimes: [&Runtime<'_>; 2] = [
        &|body| builder.clone().run(body).unwrap(),
        // SAFETY: the bodies name no thread-local, and hold nothing that is bound to a thread.
        &|body| unsafe { builder.clone().run_migrating(body) }.unwrap(),
    ];
    for run in runtimes {
        // Two permits are not to be had, and it is not for who wants one to overtake.
        let semaphore = Arc::new(Semaphore::new(1));
        let (late, beside) = (Late::default(), Beside::new());
        run(&|| {
            let (many, one) = (Arc::clone(&semaphore), Arc::clone(&semaphore));
            late.go(move || many.acquire(2).forget());
            beside.start(move || one.acquire(1).forget());
            std::thread::sleep(Duration::from_millis(2));
        });
        beside.join();
        assert_eq!((semaphore.available(), late.have_run()), (0, 0));

        // Nor for a reader to overtake a writer, while another reads.
        let lock = Arc::new(RwLock::new(()));
        let (late, beside) = (Late::default(), Beside::new());
        let reads = lock.read();
        run(&|| {
            let (writer, reader) = (Arc::clone(&lock), Arc::clone(&lock));
            late.go(move || drop(writer.write()));
            beside.start(move || drop(reader.read()));
            std::thread::sleep(Duration::from_millis(2));
        });
        beside.join();
        assert_eq!(late.have_run(), 0);
        drop(reads);
        assert!(lock.try_write().is_some());
    }
}

/// A runtime that has sockets, and outlives those whose goroutines wait on them.
struct Elsewhere {
    over: Sender<()>,
    thread: std::thread::JoinHandle<()>,
}

impl Elsewhere {
    fn start() -> (Elsewhere, UnixStream, UnixStream) {
        let (over, ends) = chan::bounded::<()>(0);
        let (give, take) = std::sync::mpsc::channel();
        let thread = std::thread::spawn(move || {
            threadle::run(|| {
                give.send(UnixStream::pair().unwrap()).unwrap();
                assert!(ends.recv().is_err());
            });
        });
        let (reader, writer) = take.recv().unwrap();
        (Elsewhere { over, thread }, reader, writer)
    }

    fn end(self) {
        drop(self.over);
        self.thread.join().unwrap();
    }
}

type WayToRead = fn(UnixStream) -> io::Result<usize>;

/// The first who waited for a socket was woken by its event and never runs: whoever waits behind it is told, of whatever runtime it is.
#[test]
fn an_event_goes_to_the_next() {
    let ways: [(&str, WayToRead); 3] = [
        ("event", |mut reader| reader.read(&mut [0])),
        ("event before a deadline", |mut reader| {
            reader.set_read_deadline(Some(Instant::now() + Duration::from_secs(600)));
            reader.read(&mut [0])
        }),
        ("event in a context", |reader| {
            let (context, _cancel) = Context::background().with_cancel();
            reader.with_context(&context).read(&mut [0])
        }),
    ];
    for (name, way) in ways {
        attempts(name, |run| {
            let (elsewhere, reader, writer) = Elsewhere::start();
            let (late, beside) = (Late::default(), Beside::new());
            run(&|| {
                let (first, mut next) = (reader.clone(), reader.clone());
                late.go(move || way(first));
                beside.start(move || next.read(&mut [0]));
                std::thread::sleep(Duration::from_millis(2));
                (&writer).write_all(b"x").unwrap();
                // Time for the poller of the other runtime.
                std::thread::sleep(Duration::from_millis(2));
            });
            // Who had not parked yet when the byte came has it, and may not have got so far as to say so: not what is tried here.
            let told = (0..20_000).any(|_| {
                std::thread::sleep(Duration::from_micros(50));
                beside.is_over() || late.have_run() > 0
            });
            if late.have_run() > 0 || !told {
                (&writer).write_all(b"y").unwrap();
            }
            assert_eq!(beside.join().unwrap(), 1);
            elsewhere.end();
            told && late.have_run() == 0
        });
    }
}

/// A byte comes at about the end of the runtime whose goroutines wait for it: one of them reads it, or the thread that waits behind them.
#[test]
fn no_event_is_lost_with_the_runtimes_that_end() {
    const READERS: usize = 4;
    let _watchdog = support::watchdog("storm of events");
    let (elsewhere, reader, writer) = Elsewhere::start();
    let mut void = 0;
    for round in 0..300 {
        let waiting = Arc::new(AtomicUsize::new(0));
        let reads = |count: &Arc<AtomicUsize>| {
            let (mut reader, waiting, count) = (reader.clone(), Arc::clone(&waiting), Arc::clone(count));
            move || {
                waiting.fetch_add(1, SeqCst);
                let one = reader.read(&mut [0]).unwrap();
                count.fetch_add(one, SeqCst);
            }
        };
        let (by_goroutines, by_thread) = <(Arc<AtomicUsize>, Arc<AtomicUsize>)>::default();
        let (beside, peer) = (Beside::new(), Beside::new());
        let body = || {
            (0..READERS).for_each(|_| drop(go(reads(&by_goroutines))));
            beside.start(reads(&by_thread));
            while waiting.load(SeqCst) <= READERS {
                yield_now();
            }
            let mut writer = writer.clone();
            peer.start(move || {
                std::thread::sleep(Duration::from_micros(round % 20 * 10));
                writer.write_all(b"x").unwrap();
            });
            std::thread::sleep(Duration::from_micros(round % 7 * 30));
        };
        let builder = Builder::new().procs(2);
        // SAFETY: the body names no thread-local, and holds nothing that is bound to a thread.
        if round % 2 == 0 { builder.run(body) } else { unsafe { builder.run_migrating(body) } }.unwrap();
        peer.join();
        let told = (0..20_000).any(|_| {
            std::thread::sleep(Duration::from_micros(50));
            by_goroutines.load(SeqCst) + by_thread.load(SeqCst) > 0
        });
        // A goroutine that had not parked yet took the byte, and then its runtime ended before it could say so.
        void += usize::from(!told);
        if by_thread.load(SeqCst) == 0 {
            (&writer).write_all(b"y").unwrap();
        }
        beside.join();
    }
    elsewhere.end();
    assert!(void <= 10, "of 300 bytes {void} were read by nobody");
}

/// Plain threads send to the goroutines of one short runtime after the other: each value is received once, by a goroutine that then runs, or
/// by those who come after.
#[test]
fn nothing_sent_is_lost_with_the_runtimes_that_end() {
    let _watchdog = support::watchdog("storm");
    for capacity in [0, 4] {
        let census = Census::default();
        let (sender, receiver) = chan::bounded::<Counted>(capacity);
        let received = Arc::new(AtomicUsize::new(0));
        let over = Arc::new(AtomicBool::new(false));
        let senders: Vec<_> = (0..2)
            .map(|_| {
                let (sender, census, over) = (sender.clone(), census.clone(), Arc::clone(&over));
                std::thread::spawn(move || {
                    let mut sent = 0;
                    while !over.load(SeqCst) {
                        sent += usize::from(sender.send_timeout(census.make(), Duration::from_millis(1)).is_ok());
                    }
                    sent
                })
            })
            .collect();
        for round in 0..60 {
            let body = || {
                for number in 0..20 {
                    let (receiver, received) = (receiver.clone(), Arc::clone(&received));
                    go(move || {
                        let nothing = chan::never::<u8>();
                        loop {
                            let value = if number % 2 == 0 {
                                receiver.recv()
                            } else {
                                select! { recv(receiver) -> value => value, recv(nothing) -> _ => continue }
                            };
                            assert!(value.is_ok());
                            received.fetch_add(1, SeqCst);
                        }
                    });
                }
                while received.load(SeqCst) < round * 20 {
                    yield_now();
                }
            };
            let builder = Builder::new().procs(2);
            // SAFETY: the body names no thread-local, and holds nothing that is bound to a thread.
            if round % 2 == 0 { builder.run(body) } else { unsafe { builder.run_migrating(body) } }.unwrap();
        }
        over.store(true, SeqCst);
        let sent: usize = senders.into_iter().map(|thread| thread.join().unwrap()).sum();
        let left = receiver.try_iter().count();
        assert_eq!(received.load(SeqCst) + left, sent, "capacity {capacity}");
        assert_eq!(census.dropped(), census.made(), "capacity {capacity}");
    }
}
