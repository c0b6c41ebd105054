//! Waiting with a context: that it ends the wait, that the wait leaves nothing behind, and that nothing is lost.

#[path = "context_waits/ends.rs"]
mod ends;
mod support;

use std::io::Read;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use support::{Census, Place, Random, Task, assert_received_once, everywhere, in_runtimes};
use threadle::chan;
use threadle::context::{Cancel, Context, ContextError, RecvWithError, SendWithError};
use threadle::net::{TcpListener, TcpStream};
use threadle::sync::{Barrier, Condvar, Mutex, Once, OnceLock, RwLock, Semaphore, WaitGroup};
use threadle::time::{Ticker, Timer, sleep, sleep_until_with, sleep_with};

const FAR: Duration = Duration::from_secs(3600);
const MILLI: Duration = Duration::from_millis(1);

/// A call that would wait for ever, with a context: how it ended.
type Wait = Arc<dyn Fn(&Context) -> ContextError + Send + Sync>;

/// Checks the four ways in which the end of its context ends a wait.
fn gives_up(place: Place, what: &str, wait: impl Fn(&Context) -> ContextError + Send + Sync + 'static) {
    let wait: Wait = Arc::new(wait);
    let background = Context::background();
    // Ended before.
    let (context, cancel) = background.with_cancel();
    cancel.cancel_with("before");
    assert_eq!(wait(&context).cause().unwrap().to_string(), "before", "{what}");
    // By a deadline.
    let (context, _) = background.with_timeout(MILLI);
    assert!(wait(&context).is_timeout(), "{what}");
    assert!(context.is_done());
    // Cancelled while it waits; by way of a parent; some of many.
    let (context, cancel) = background.with_cancel();
    let (child, cancel_child) = context.with_timeout(FAR);
    let waiters: Vec<_> = [&context, &child, &child]
        .into_iter()
        .map(|context| {
            let (context, wait) = (context.clone(), Arc::clone(&wait));
            place.spawn(move || wait(&context))
        })
        .collect();
    sleep(MILLI);
    cancel_child.cancel_with("child");
    let mut waiters = waiters.into_iter();
    let first = waiters.next().unwrap();
    for waiter in waiters {
        assert_eq!(waiter.join().cause().unwrap().to_string(), "child", "{what}");
    }
    cancel.cancel_with("parent");
    let error = first.join();
    assert!(error.is_cancelled() && error.cause().unwrap().to_string() == "parent", "{what}");
}

#[test]
fn channels() {
    everywhere("channels", |place| {
        for capacity in [0, 1] {
            let (sender, receiver) = chan::bounded(capacity);
            {
                let (kept, receiver) = (sender.clone(), receiver.clone());
                gives_up(place, "recv_with", move |context| {
                    let _kept = &kept;
                    receiver.recv_with(context).unwrap_err().context().unwrap().clone()
                });
            }
            for n in 0..capacity {
                sender.send(n).unwrap();
            }
            {
                let (sender, kept) = (sender.clone(), receiver.clone());
                gives_up(place, "send_with", move |context| {
                    let _kept = &kept;
                    let error = sender.send_with(context, 7).unwrap_err();
                    let why = error.context().unwrap().clone();
                    assert_eq!(error.into_inner(), 7);
                    why
                });
            }
            // Those who gave up have left the queues: nobody takes their value, and none of theirs comes.
            assert!(receiver.try_iter().eq(0..capacity));
            assert_eq!(sender.try_send(1).is_ok(), capacity > 0);
            let context = Context::background();
            let taker = {
                let (receiver, context) = (receiver.clone(), context.clone());
                receiver.try_iter().for_each(drop);
                place.spawn(move || receiver.recv_with(&context).unwrap())
            };
            sender.send_with(&context, 3).unwrap();
            assert_eq!(taker.join(), 3);
            sender.close();
            assert!(matches!(receiver.recv_with(&context), Err(RecvWithError::Disconnected)));
            assert!(matches!(sender.send_with(&context, 1), Err(SendWithError::Disconnected(1))));
        }
    });
}

/// The context of a receiver ends while a `select!` that it has met makes its value.
#[test]
fn a_receiver_that_was_promised_a_value() {
    everywhere("promised", |place| {
        let (sender, receiver) = chan::bounded(0);
        let (context, cancel) = Context::background().with_cancel();
        let (gave_up, told) = chan::bounded(1);
        let hasty = {
            let receiver = receiver.clone();
            place.spawn(move || {
                let received = receiver.recv_with(&context);
                gave_up.send(()).unwrap();
                received
            })
        };
        let sending = place.spawn(move || {
            let value = || {
                cancel.cancel();
                told.recv().unwrap();
                7
            };
            threadle::select! { send(sender, value()) -> sent => sent }
        });
        assert!(hasty.join().unwrap_err().is_cancelled());
        assert_eq!((receiver.recv(), sending.join()), (Ok(7), Ok(())));
    });
}

#[test]
fn what_comes_due() {
    everywhere("due", |place| {
        gives_up(place, "never", |context| {
            chan::never::<u8>().recv_with(context).unwrap_err().context().unwrap().clone()
        });
        gives_up(place, "after", |context| chan::after(FAR).recv_with(context).unwrap_err().context().unwrap().clone());
        gives_up(place, "timer", |context| {
            Timer::after(FAR).recv_with(context).unwrap_err().context().unwrap().clone()
        });
        gives_up(place, "ticker", |context| {
            Ticker::new(FAR).recv_with(context).unwrap_err().context().unwrap().clone()
        });
        gives_up(place, "another context", |context| {
            let (other, _cancel) = Context::background().with_timeout(FAR);
            other.done().recv_with(context).unwrap_err().context().unwrap().clone()
        });
        gives_up(place, "sleep_with", |context| sleep_with(context, FAR).unwrap_err());
        gives_up(place, "sleep_with for ever", |context| sleep_with(context, Duration::MAX).unwrap_err());
        gives_up(place, "sleep_until_with", |context| sleep_until_with(context, Instant::now() + FAR).unwrap_err());
        let (context, _cancel) = Context::background().with_timeout(FAR);
        let start = Instant::now();
        sleep_with(&context, 2 * MILLI).unwrap();
        assert!(start.elapsed() >= 2 * MILLI);
        assert!(Timer::after(MILLI).recv_with(&context).is_ok());
        assert!(Ticker::new(MILLI).recv_with(&context).is_ok());
    });
}

#[test]
fn locks() {
    everywhere("locks", |place| {
        let background = Context::background();
        let mutex = Arc::new(Mutex::new(0));
        let held = mutex.lock();
        {
            let mutex = Arc::clone(&mutex);
            gives_up(place, "lock_with", move |context| mutex.lock_with(context).map(drop).unwrap_err());
        }
        drop(held);
        *mutex.lock_with(&background).unwrap() += 1;
        assert!(mutex.try_lock().is_some());

        let lock = Arc::new(RwLock::new(0));
        let held = lock.read();
        {
            let lock = Arc::clone(&lock);
            gives_up(place, "write_with", move |context| lock.write_with(context).map(drop).unwrap_err());
        }
        assert!(lock.try_read().is_some(), "writers that gave up hold up no reader");
        drop(held);
        let held = lock.write();
        {
            let lock = Arc::clone(&lock);
            gives_up(place, "read_with", move |context| lock.read_with(context).map(drop).unwrap_err());
        }
        drop(held);
        *lock.write_with(&background).unwrap() += 1;
        assert_eq!(*lock.read_with(&background).unwrap(), 1);

        let semaphore = Arc::new(Semaphore::new(1));
        {
            let semaphore = Arc::clone(&semaphore);
            gives_up(place, "acquire_with", move |context| semaphore.acquire_with(context, 2).map(drop).unwrap_err());
        }
        {
            let semaphore = Arc::clone(&semaphore);
            gives_up(place, "acquire_owned_with", move |context| {
                Arc::clone(&semaphore).acquire_owned_with(context, 2).map(drop).unwrap_err()
            });
        }
        assert_eq!(semaphore.available(), 1);
        assert!(semaphore.try_acquire(1).is_some(), "nobody waits before us any more");
    });
}

#[test]
fn meetings() {
    everywhere("meetings", |place| {
        let pair = Arc::new((Mutex::new(0), Condvar::new()));
        {
            let pair = Arc::clone(&pair);
            gives_up(place, "Condvar::wait_with", move |context| {
                let (mut guard, result) = pair.1.wait_with(context, pair.0.lock());
                *guard += 1;
                result.unwrap_err()
            });
        }
        {
            let pair = Arc::clone(&pair);
            gives_up(place, "Condvar::wait_while_with", move |context| {
                pair.1.wait_while_with(context, pair.0.lock(), |_| true).1.unwrap_err()
            });
        }
        // A notification goes to one who still waits.
        let waiter = {
            let pair = Arc::clone(&pair);
            place.spawn(move || {
                let guard = pair.0.lock();
                let (_guard, waited) = pair.1.wait_while_with(&Context::background(), guard, |count| *count < 1000);
                waited.unwrap();
            })
        };
        sleep(MILLI);
        *pair.0.lock() = 1000;
        pair.1.notify_one();
        waiter.join();

        let barrier = Arc::new(Barrier::new(2));
        {
            let barrier = Arc::clone(&barrier);
            // The waiters of `gives_up` would meet each other.
            let alone = Mutex::new(());
            gives_up(place, "Barrier::wait_with", move |context| match alone.lock_with(context) {
                Ok(_alone) => barrier.wait_with(context).map(drop).unwrap_err(),
                Err(error) => error,
            });
        }
        let other = {
            let barrier = Arc::clone(&barrier);
            place.spawn(move || barrier.wait_with(&Context::background()).unwrap().is_leader())
        };
        assert_ne!(barrier.wait().is_leader(), other.join(), "those who gave up count for nothing");

        let (once, cell, group) = (Arc::new(Once::new()), Arc::new(OnceLock::<u8>::new()), WaitGroup::new());
        group.add(1);
        {
            let (once, cell, group) = (Arc::clone(&once), Arc::clone(&cell), group.clone());
            gives_up(place, "Once::wait_with", move |context| once.wait_with(context).unwrap_err());
            gives_up(place, "OnceLock::wait_with", move |context| cell.wait_with(context).map(drop).unwrap_err());
            gives_up(place, "WaitGroup::wait_with", move |context| group.wait_with(context).unwrap_err());
        }
        once.call_once(|| ());
        cell.set(7).unwrap();
        group.done();
        let (context, _cancel) = Context::background().with_timeout(FAR);
        once.wait_with(&context).unwrap();
        assert_eq!(cell.wait_with(&context).unwrap(), &7);
        group.wait_with(&context).unwrap();
    });
}

fn connection() -> (TcpListener, TcpStream, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let server = listener.accept().unwrap().0;
    (listener, client, server)
}

fn of(error: &std::io::Error) -> ContextError {
    ContextError::of(error).unwrap_or_else(|| panic!("not the context's: {error}")).clone()
}

#[test]
fn sockets() {
    in_runtimes("sockets", |place| {
        let background = Context::background();
        let (listener, client, server) = connection();
        // Where the context's threads are outside the runtime, nobody could accept or connect.
        if place != Place::Mixed {
            let (listener, address) = (listener.clone(), listener.local_addr().unwrap());
            gives_up(place, "accept_with", move |context| of(&listener.accept_with(context).unwrap_err()));
            let (context, cancel) = background.with_cancel();
            assert!(TcpStream::connect_with(&context, address).is_ok());
            cancel.cancel();
            assert!(of(&TcpStream::connect_with(&context, address).unwrap_err()).is_cancelled());
        }
        {
            let client = client.clone();
            gives_up(place, "read_with", move |context| of(&client.read_with(context, &mut [0; 9]).unwrap_err()));
        }
        {
            let client = client.clone();
            gives_up(place, "peek_with", move |context| of(&client.peek_with(context, &mut [0; 9]).unwrap_err()));
        }
        {
            let client = client.clone();
            gives_up(place, "read_exact", move |context| {
                let mut view = client.with_context(context);
                of(&view.read_exact(&mut [0; 9]).unwrap_err())
            });
        }
        // Those who gave up took nothing, and stand in nobody's way.
        server.write_with(&background, b"hello").unwrap();
        let mut text = [0; 5];
        client.with_context(&background).read_exact(&mut text).unwrap();
        assert_eq!(&text, b"hello");
        // A peer that does not read.
        gives_up(place, "write_with", move |context| {
            loop {
                if let Err(error) = client.write_with(context, &[0; 64 << 10]) {
                    return of(&error);
                }
            }
        });
        drop((server, listener));
    });
}

/// Readers of one socket that give up at any moment: each byte is read once, and who still waits is woken for it.
#[test]
fn ends_racing_readers_lose_no_byte() {
    let seeds = std::sync::Mutex::new(Random::new("ends racing readers"));
    in_runtimes("ends racing readers", |place| {
        let (_listener, client, server) = connection();
        let short = Short::new(place);
        let readers: Vec<_> = (0..3)
            .map(|_| {
                let (client, short, mut random) = (client.clone(), short.clone(), seeds.lock().unwrap().fork());
                place.spawn(move || {
                    let (mut count, mut byte) = (0_usize, [0]);
                    loop {
                        match client.read_with(&short.context(&mut random), &mut byte) {
                            Ok(0) => return count,
                            Ok(read) => count += read,
                            Err(error) => drop(of(&error)),
                        }
                    }
                })
            })
            .collect();
        let mut random = seeds.lock().unwrap().fork();
        for _ in 0..500 {
            server.write_with(&Context::background(), &[1]).unwrap();
            if random.below(3) == 0 {
                sleep(Duration::from_micros(random.below(100)));
            }
        }
        server.shutdown(std::net::Shutdown::Write).unwrap();
        assert_eq!(readers.into_iter().map(Task::join).sum::<usize>(), 500);
    });
}

#[test]
fn an_arm_of_a_select() {
    everywhere("select", |place| {
        let (context, cancel) = Context::background().with_cancel();
        let (_sender, receiver) = chan::bounded::<u8>(0);
        let waiters: Vec<_> = (0..3)
            .map(|_| {
                let (context, receiver) = (context.clone(), receiver.clone());
                place.spawn(move || {
                    threadle::select! {
                        recv(receiver) -> _ => false,
                        recv(context.done()) -> ended => ended.is_err(),
                    }
                })
            })
            .collect();
        sleep(MILLI);
        cancel.cancel();
        assert!(waiters.into_iter().all(Task::join));
        // A timer that is reset while a select waits for it, and a deadline nobody else looks at.
        let timer = Arc::new(Timer::after(FAR));
        let waiter = {
            let (timer, receiver) = (Arc::clone(&timer), receiver.clone());
            place.spawn(move || {
                threadle::select! {
                    recv(receiver) -> _ => false,
                    recv(timer.receiver()) -> at => at.is_ok(),
                }
            })
        };
        sleep(MILLI);
        timer.reset(Duration::ZERO);
        assert!(waiter.join());
        let (context, _cancel) = Context::background().with_timeout(MILLI);
        threadle::select! {
            recv(receiver) -> _ => unreachable!("nobody sends"),
            recv(context.done()) -> ended => assert!(ended.is_err()),
            default(Duration::from_secs(60)) => unreachable!("the deadline has passed"),
        }
    });
}

/// Contexts that end soon; one of eight by somebody else's hand.
#[derive(Clone)]
struct Short(chan::Sender<Cancel>);

impl Short {
    fn new(place: Place) -> Short {
        let (sender, cancels) = chan::unbounded::<Cancel>();
        place.spawn(move || cancels.iter().for_each(|cancel| cancel.cancel()));
        Short(sender)
    }

    fn context(&self, random: &mut Random) -> Context {
        let (context, cancel) = Context::background().with_timeout(Duration::from_nanos(random.below(90_000)));
        if random.below(8) == 0 {
            self.0.send(cancel).unwrap();
        }
        context
    }
}

/// Contexts that end at any moment, against senders and receivers: every value is received once, or comes back.
#[test]
fn ends_racing_exchanges_lose_and_double_nothing() {
    let seeds = std::sync::Mutex::new(Random::new("ends racing exchanges"));
    everywhere("ends racing exchanges", |place| {
        for capacity in [0, 1, 3] {
            let census = Census::default();
            let (sender, receiver) = chan::bounded(capacity);
            let end = Instant::now() + Duration::from_millis(80);
            let (short, seed) = (Short::new(place), || seeds.lock().unwrap().fork());
            let senders: Vec<_> = (0..3)
                .map(|_| {
                    let (sender, census, mut random) = (sender.clone(), census.clone(), seed());
                    let short = short.clone();
                    place.spawn(move || {
                        let (mut sent, mut value) = (0, census.make());
                        while Instant::now() < end {
                            let context = short.context(&mut random);
                            value = match sender.send_with(&context, value) {
                                Ok(()) => {
                                    sent += 1;
                                    census.make()
                                }
                                Err(error) => {
                                    assert!(error.context().is_some() && context.is_done());
                                    error.into_inner()
                                }
                            };
                        }
                        sent
                    })
                })
                .collect();
            let receivers: Vec<_> = (0..3)
                .map(|_| {
                    let (receiver, short, mut random) = (receiver.clone(), short.clone(), seed());
                    place.spawn(move || {
                        let mut mine = Vec::new();
                        loop {
                            let context = short.context(&mut random);
                            match receiver.recv_with(&context) {
                                Ok(value) => mine.push(value.id),
                                Err(RecvWithError::Disconnected) => return mine,
                                Err(RecvWithError::Context(_)) => assert!(context.is_done()),
                            }
                        }
                    })
                })
                .collect();
            drop((sender, receiver));
            let sent: usize = senders.into_iter().map(Task::join).sum();
            let received = receivers.into_iter().flat_map(Task::join).collect();
            assert_received_once(received, sent, &format!("{place:?} {capacity}"));
            assert_eq!(census.dropped(), census.made(), "{place:?} {capacity}: values leaked");
        }
    });
}

/// The same against a mutex: exclusion holds, and those who give up leave it usable.
#[test]
fn ends_racing_locks_keep_exclusion() {
    let seeds = std::sync::Mutex::new(Random::new("ends racing locks"));
    everywhere("ends racing locks", |place| {
        let (mutex, locked) = (Arc::new(Mutex::new(0_usize)), Arc::new(AtomicUsize::new(0)));
        let (end, short) = (Instant::now() + Duration::from_millis(80), Short::new(place));
        let lockers: Vec<_> = (0..6)
            .map(|_| {
                let (mutex, locked, short) = (Arc::clone(&mutex), Arc::clone(&locked), short.clone());
                let mut random = seeds.lock().unwrap().fork();
                place.spawn(move || {
                    while Instant::now() < end {
                        let context = short.context(&mut random);
                        if let Ok(mut guard) = mutex.lock_with(&context) {
                            *guard += 1;
                            let now = *guard;
                            if random.below(4) == 0 {
                                place.pause();
                            }
                            assert_eq!(*guard, now, "two at once");
                            locked.fetch_add(1, Ordering::Relaxed);
                        }
                    }
                })
            })
            .collect();
        lockers.into_iter().for_each(Task::join);
        assert_eq!(*mutex.lock(), locked.load(Ordering::Relaxed));
    });
}
