//! The public calls, by whether they switch.

use std::cell::Cell;
use std::future::Future;
use std::io::{Read, Seek, Write};
use std::net::Shutdown;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::task::{Context, Waker};
use std::time::{Duration, Instant};

use threadle::chan::Select;
use threadle::net::{TcpListener, TcpStream, ToSocketAddrs};
use threadle::pool::Pool;
use threadle::process::{Command, Stdio};
use threadle::signal::{self, Signal};
use threadle::sync::{Mutex, WaitGroup};
use threadle::{
    GoBuilder, JoinHandle, block_on, blocking, chan, checkpoint, context, dump, fs, go, lock_os_thread, metrics,
    no_switch, num_goroutines, procs, scope, select, time, unlock_os_thread, yield_now,
};

use super::spin;

mod locks;

/// A call that never switches, ready to be made.
pub(crate) struct Prepared {
    pub(crate) call: Box<dyn FnOnce()>,
    /// Waits for what the call has set going.
    pub(crate) after: Box<dyn FnOnce()>,
}

/// Its name, how many goroutines it makes ready (none of which switches), and how it is prepared, which may switch.
pub(crate) type NonSwitching = (&'static str, u64, fn() -> Prepared);

pub(crate) type Call = (&'static str, fn());

impl Prepared {
    /// With something more to do after the call.
    fn and_then(self, more: impl FnOnce() + 'static) -> Prepared {
        let Prepared { call, after } = self;
        let after = Box::new(move || {
            after();
            more();
        });
        Prepared { call, after }
    }
}

fn alone(call: impl FnOnce() + 'static) -> Prepared {
    Prepared { call: Box::new(call), after: Box::new(|| ()) }
}

/// Of a waiter, and a call that ends its wait.
fn wakes<T: Send + 'static>(waiter: JoinHandle<T>, call: impl FnOnce() + 'static) -> Prepared {
    Prepared { call: Box::new(call), after: Box::new(|| drop(waiter.join().expect("it only waits"))) }
}

/// A goroutine that has parked in `wait`.
fn parked<T: Send + 'static>(reason: &str, wait: impl FnOnce() -> T + Send + 'static) -> JoinHandle<T> {
    let waiter = go(wait);
    let line = format!("goroutine {} [{reason}", waiter.id());
    loop {
        // Not a yield: dumps are long, and those of eight callers would leave the waiter no time.
        time::sleep(Duration::from_millis(1));
        let mut text = Vec::new();
        dump(&mut text).expect("a Vec takes it");
        if String::from_utf8_lossy(&text).contains(&line) {
            return waiter;
        }
    }
}

fn pair() -> (TcpStream, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
    let client = TcpStream::connect(listener.local_addr().expect("a listener has an address")).expect("it listens");
    (client, listener.accept().expect("somebody connects").0)
}

/// A stream, its peer, and a goroutine that has parked in a read of the stream.
fn read_from() -> (TcpStream, TcpStream, JoinHandle<()>) {
    let (stream, peer) = pair();
    let reader = stream.clone();
    let waiter = parked("IO wait", move || assert!(!matches!((&reader).read(&mut [0]), Ok(1..))));
    (stream, peer, waiter)
}

/// A pool whose only worker has a job until the gate is dropped.
fn occupied(queue: usize) -> (Pool, chan::Sender<()>) {
    let pool = Pool::new(1, queue);
    let (gate, wait) = chan::bounded(0);
    pool.submit(move || assert!(wait.recv().is_err())).expect("it is open");
    while pool.stats().running == 0 {
        yield_now();
    }
    (pool, gate)
}

/// A guard that outlives the function that took it.
static CONTENDED: Mutex<u64> = Mutex::new(0);

const FAR: Duration = Duration::from_secs(9);

pub(crate) fn non_switching() -> impl Iterator<Item = &'static NonSwitching> {
    NON_SWITCHING.iter().chain(locks::NON_SWITCHING)
}

pub(crate) fn switching() -> impl Iterator<Item = &'static Call> {
    SWITCHING.iter().chain(locks::SWITCHING)
}

const NON_SWITCHING: &[NonSwitching] = &[
    ("go", 1, || alone(|| drop(go(|| ())))),
    ("GoBuilder::go", 1, || alone(|| drop(GoBuilder::new().name("built").stack_size(128 << 10).go(|| ())))),
    ("JoinHandle::is_finished, id", 1, || {
        alone(|| {
            let handle = go(|| ());
            handle.is_finished();
            assert!(handle.id() > 1);
        })
    }),
    ("JoinHandle::poll", 1, || {
        alone(|| {
            let mut handle = go(|| ());
            let _perhaps = Pin::new(&mut handle).poll(&mut Context::from_waker(Waker::noop())).is_ready();
        })
    }),
    ("lock_os_thread, unlock_os_thread", 0, || {
        // Bound, others may be at home here: then it is refused.
        alone(|| {
            if lock_os_thread().is_ok() {
                unlock_os_thread()
            }
        })
    }),
    ("num_goroutines", 0, || alone(|| assert!(num_goroutines() > 0))),
    ("procs", 0, || alone(|| assert!(procs() > 0))),
    ("LocalKey::with, try_with, set, get, take, replace", 0, || {
        threadle::local!(static LOCAL: Cell<u8> = const { Cell::new(0) });
        alone(|| {
            assert_eq!((LOCAL.with(Cell::get), LOCAL.try_with(Cell::get)), (0, Ok(0)));
            LOCAL.set(4);
            assert_eq!((LOCAL.replace(5), LOCAL.get(), LOCAL.take()), (4, 5, 5));
        })
    }),
    ("time::now", 0, || alone(|| assert!(time::now() <= Instant::now()))),
    ("metrics", 0, || alone(|| drop(metrics()))),
    ("dump", 0, || alone(|| dump(&mut Vec::new()).expect("a Vec takes it"))),
    ("no_switch, checkpoint inside it", 0, || alone(|| no_switch(checkpoint))),
    ("chan::bounded, unbounded, never, after, tick", 0, || {
        alone(|| {
            drop((chan::bounded::<u8>(1), chan::unbounded::<u8>(), chan::never::<u8>()));
            drop((chan::after(Duration::from_secs(9)), chan::tick(Duration::from_secs(9))));
        })
    }),
    ("Context: background, with_.., done, err, deadline; Cancel", 0, || {
        alone(|| {
            let (request, cancel) = context::Context::background().with_value(7).with_timeout(FAR);
            let (part, _) = request.with_cancel();
            assert!(part.done().try_recv().is_err() && !part.is_done() && part.deadline().is_some());
            assert_eq!(part.without_cancel().value(), Some(&7));
            cancel.cancel_with("over");
            assert!(part.err().is_some() && part.cause().is_some());
        })
    }),
    ("Context::after_func, AfterFunc::stop", 0, || {
        alone(|| {
            let (context, _cancel) = context::Context::background().with_timeout(FAR);
            assert!(context.after_func(|| ()).stop());
        })
    }),
    ("Cancel::cancel with a function to call", 1, || {
        let (context, cancel) = context::Context::background().with_cancel();
        context.after_func(|| ());
        alone(move || cancel.cancel())
    }),
    ("Cancel::cancel with one that waits", 1, || {
        let (context, cancel) = context::Context::background().with_cancel();
        wakes(parked("chan receive", move || context.done().recv().is_err()), move || cancel.cancel())
    }),
    ("Timer, Ticker: after, receiver, reset, stop", 0, || {
        alone(|| {
            let (timer, ticker) = (time::Timer::after(Duration::ZERO), time::Ticker::new(Duration::from_secs(9)));
            assert!(timer.receiver().try_recv().is_ok() && ticker.receiver().try_recv().is_err());
            assert!(!timer.reset(Duration::from_secs(9)) && timer.stop());
            ticker.reset(Duration::from_secs(7));
            ticker.stop();
        })
    }),
    ("Timer: after_func, every, reset, stop", 0, || {
        alone(|| {
            let (once, always) = (time::Timer::after_func(FAR, || ()), time::every(FAR, || ()));
            assert!(once.reset(2 * FAR) && once.stop() && always.reset(FAR) && always.stop());
        })
    }),
    ("Timer::reset to one that waits", 1, || {
        let timer = Arc::new(time::Timer::after(FAR));
        let waiting = Arc::clone(&timer);
        wakes(parked("chan receive", move || waiting.recv()), move || assert!(timer.reset(Duration::ZERO)))
    }),
    ("try_send, try_recv, try_iter", 0, || {
        alone(|| {
            let (send, receive) = chan::bounded(1);
            send.try_send(1).expect("there is room");
            assert!(send.try_send(2).is_err());
            assert_eq!(receive.try_recv(), Ok(1));
            assert!(receive.try_recv().is_err());
            assert_eq!(receive.try_iter().count(), 0);
        })
    }),
    ("what is asked of a channel", 0, || {
        alone(|| {
            let (send, receive) = chan::bounded::<u8>(1);
            assert!(send.same_channel(&send.clone()) && receive.same_channel(&receive.clone()));
            assert_eq!((send.len(), receive.len()), (0, 0));
            assert_eq!((send.capacity(), receive.capacity()), (Some(1), Some(1)));
            assert!(send.is_empty() && receive.is_empty() && !send.is_full() && !receive.is_full());
        })
    }),
    ("try_send to one that waits", 1, || {
        let (send, receive) = chan::bounded(1);
        wakes(parked("chan receive", move || assert_eq!(receive.recv(), Ok(1))), move || {
            send.try_send(1).expect("there is room");
        })
    }),
    ("try_recv from one that waits", 1, || {
        let (send, receive) = chan::bounded(0);
        wakes(parked("chan send", move || send.send(1).expect("it is received")), move || {
            assert_eq!(receive.try_recv(), Ok(1));
        })
    }),
    ("select! with default", 0, || {
        alone(|| {
            let (send, receive) = chan::bounded(1);
            select! { recv(receive) -> _ => unreachable!("it is empty"), default => {} }
            select! { send(send, 1) -> sent => sent.expect("it is open"), default => unreachable!("there is room") }
            select! { recv(receive) -> got => assert_eq!(got, Ok(1)), default => unreachable!("it is there") }
        })
    }),
    ("select! with default to one that waits", 1, || {
        let (send, receive) = chan::bounded(0);
        // The park that is ended is the last: where the receiver is quick, it waits once more for the value.
        wakes(parked("chan receive", move || assert_eq!(receive.recv(), Ok(1))), move || {
            select! { send(send, 1) -> sent => sent.expect("it is open"), default => unreachable!("it waits") }
        })
    }),
    ("select! with default from one that waits", 1, || {
        let (send, receive) = chan::bounded(0);
        wakes(parked("chan send", move || send.send(1).expect("it is received")), move || {
            select! { recv(receive) -> got => assert_eq!(got, Ok(1)), default => unreachable!("it waits") }
        })
    }),
    ("try_send to one that waits in a select!", 1, || {
        let (send, receive) = chan::bounded(0);
        let waiting =
            move || select! { recv(receive) -> got => assert_eq!(got, Ok(1)), recv(chan::never::<u8>()) -> _ => {} };
        wakes(parked("select", waiting), move || send.try_send(1).expect("it waits"))
    }),
    ("Select::send, recv, try_select, try_ready, remove", 0, || {
        alone(|| {
            let (send, receive) = chan::bounded(1);
            let mut select = Select::new();
            let (sends, receives) = (select.send(&send), select.recv(&receive));
            assert_eq!(select.try_ready(), Ok(sends));
            select.try_select().expect("there is room").send(&send, 1).expect("it is open");
            let chosen = select.try_select().expect("it is there");
            assert_eq!(chosen.index(), receives);
            assert_eq!(chosen.recv(&receive), Ok(1));
            select.remove(sends);
            assert!(select.clone().try_select().is_err());
        })
    }),
    ("close", 0, || alone(|| assert!(chan::bounded::<u8>(1).0.close()))),
    ("close under one that receives", 1, || {
        let (send, receive) = chan::bounded::<u8>(1);
        wakes(parked("chan receive", move || assert!(receive.recv().is_err())), move || assert!(send.close()))
    }),
    ("close under one that sends", 1, || {
        let (send, receive) = chan::bounded(0);
        wakes(parked("chan send", move || assert!(send.send(1).is_err())), move || assert!(receive.close()))
    }),
    ("drop of the last sender", 1, || {
        let (send, receive) = chan::bounded::<u8>(1);
        wakes(parked("chan receive", move || assert!(receive.recv().is_err())), move || drop(send))
    }),
    ("drop of the last receiver", 1, || {
        let (send, receive) = chan::bounded(0);
        wakes(parked("chan send", move || assert!(send.send(1).is_err())), move || drop(receive))
    }),
    ("Mutex::try_lock, unlock, get_mut, into_inner", 0, || {
        alone(|| {
            let mut mutex = Mutex::new(1);
            drop(mutex.try_lock().expect("it is free"));
            *mutex.get_mut() += 1;
            assert_eq!(mutex.into_inner(), 2);
        })
    }),
    ("unlock of a mutex another waits for", 1, || {
        let guard = CONTENDED.lock();
        wakes(parked("sync.Mutex.lock", || *CONTENDED.lock() += 1), move || drop(guard))
    }),
    ("WaitGroup::add, done", 0, || {
        alone(|| {
            let group = WaitGroup::new();
            group.add(1);
            group.done();
        })
    }),
    ("WaitGroup::done that others wait for", 1, || {
        let group = WaitGroup::new();
        group.add(1);
        let waiting = group.clone();
        wakes(parked("sync.WaitGroup.wait", move || waiting.wait()), move || group.done())
    }),
    ("WaitGroup::go", 1, || alone(|| drop(WaitGroup::new().go(|| ())))),
    ("Pool::try_submit, try_reserve, Slot::submit, Slot::go, stats, close", 0, || {
        // Its worker is occupied: one that is woken would wait again.
        let (pool, gate) = occupied(4);
        let call = move || {
            pool.try_submit(|| ()).expect("there is a place");
            let (first, second) = (pool.try_reserve().expect("a second"), pool.try_reserve().expect("a third"));
            first.submit(|| ()).expect("it is open");
            assert!(!second.go(|| ()).expect("it is open").is_finished());
            drop(pool.try_reserve());
            assert_eq!((pool.stats().running, pool.stats().queued), (1, 3));
            pool.close();
        };
        alone(call).and_then(move || drop(gate))
    }),
    ("time::every_on, every_on_overlapping, stop", 0, || {
        let (pool, gate) = occupied(0);
        let call = move || {
            assert!(time::every_on(&pool, Duration::from_secs(9), || ()).stop());
            assert!(time::every_on_overlapping(&pool, Duration::from_secs(9), || ()).stop());
        };
        alone(call).and_then(move || drop(gate))
    }),
    ("Pool::close under one that waits for a place", 1, || {
        let (pool, gate) = occupied(0);
        let waiting = pool.clone();
        let waiter = parked("chan send", move || assert!(waiting.submit(|| ()).is_err()));
        wakes(waiter, move || pool.close()).and_then(move || drop(gate))
    }),
    ("Child::try_wait, kill, killer, id; a pipe's set_deadline, into_std", 0, || {
        let child = Command::new("sleep").arg("1000").stdout(Stdio::piped()).spawn().expect("every Linux has it");
        let child = Arc::new(Mutex::new(child));
        let ended = Arc::clone(&child);
        let call = move || {
            let mut child = child.try_lock().expect("it is free");
            assert!(child.try_wait().expect("it is ours").is_none());
            let pipe = child.stdout.take().expect("it is piped");
            pipe.set_deadline(Some(Instant::now()));
            drop(pipe.into_std().expect("it is made blocking"));
            child.kill().expect("it is ours");
            assert_eq!(format!("{:?}", child.killer()), format!("Killer {{ id: {} }}", child.id()));
        };
        alone(call).and_then(move || assert!(!ended.lock().wait().expect("it is ours").success()))
    }),
    ("signal::notify, reset", 0, || {
        alone(|| {
            drop(signal::notify(&[Signal::WINDOW_CHANGE]).expect("it is permitted"));
            signal::reset(&[Signal::WINDOW_CHANGE]).expect("it is permitted");
        })
    }),
    ("File::from_std, try_clone, into_std", 0, || {
        alone(|| {
            let file = fs::File::from_std(std::fs::File::open("/dev/null").expect("Linux has it"));
            drop(file.try_clone().expect("a descriptor is free").into_std());
        })
    }),
    ("TcpListener::bind to an address, drop", 0, || {
        alone(|| drop(TcpListener::bind("127.0.0.1:0").expect("a port is free")))
    }),
    ("a listener from std and back", 0, || {
        alone(|| {
            let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port is free");
            let listener = TcpListener::from_std(listener).expect("it is registered");
            listener.set_deadline(Some(Instant::now()));
            listener.local_addr().expect("a listener has an address");
            assert!(listener.take_error().expect("it is asked").is_none());
            drop(listener.into_std().expect("there is no other handle"));
        })
    }),
    ("TcpListener::close under one that accepts", 1, || {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
        let acceptor = listener.clone();
        let waiter = parked("IO wait", move || assert!(acceptor.accept().is_err()));
        wakes(waiter, move || listener.close().expect("it is open"))
    }),
    ("what is set and asked of a stream", 0, || {
        let (stream, _peer) = pair();
        alone(move || {
            stream.set_nodelay(true).expect("it is a TCP socket");
            stream.set_read_timeout(Some(Duration::from_secs(9))).expect("it is not zero");
            stream.set_write_timeout(None).expect("it is none");
            assert!(stream.peer_addr().expect("it was connected") != stream.local_addr().expect("it is bound"));
            assert!(stream.read_deadline().is_none() && stream.write_deadline().is_none());
            let clone = stream.try_clone().expect("a handle is only counted");
            drop(clone);
            let stream = TcpStream::from_std(stream.into_std().expect("there is no other handle"));
            drop(stream.expect("it is registered"));
        })
    }),
    ("TcpStream::poll_read, poll_write, poll_shutdown", 0, || {
        let (mut stream, peer) = pair();
        alone(move || {
            let mut context = Context::from_waker(Waker::noop());
            assert!(stream.poll_read(&mut context, &mut [0]).is_pending());
            assert!(stream.poll_write(&mut context, b"x").is_ready());
            assert!(stream.poll_shutdown(&mut context).is_ready());
            drop((stream, peer));
        })
    }),
    ("TcpStream::set_deadline under one that reads", 1, || {
        let (stream, peer, waiter) = read_from();
        wakes(waiter, move || {
            stream.set_deadline(Some(Instant::now()));
            drop((stream, peer));
        })
    }),
    ("TcpStream::shutdown under one that reads", 1, || {
        let (stream, peer, waiter) = read_from();
        wakes(waiter, move || {
            stream.shutdown(Shutdown::Both).expect("it is connected");
            drop((stream, peer));
        })
    }),
    ("TcpStream::close under one that reads", 1, || {
        let (stream, peer, waiter) = read_from();
        wakes(waiter, move || {
            stream.close().expect("it is open");
            drop(peer);
        })
    }),
];

/// Calls that may switch, so made that most of them do.
const SWITCHING: &[Call] = &[
    ("yield_now", yield_now),
    ("checkpoint", checkpoint),
    ("sleep", || time::sleep(Duration::from_micros(100))),
    ("sleep_until", || time::sleep_until(Instant::now() + Duration::from_micros(100))),
    ("sleep_with", || {
        time::sleep_with(&context::Context::background(), Duration::from_micros(100)).expect("it never ends");
    }),
    ("sleep_with, given up", || {
        let (context, _cancel) = context::Context::background().with_timeout(Duration::from_micros(100));
        assert!(time::sleep_with(&context, FAR).is_err());
    }),
    ("recv_with, send_with", || {
        let (context, _cancel) = context::Context::background().with_timeout(Duration::from_micros(100));
        let (send, receive) = chan::bounded::<u8>(0);
        assert!(send.send_with(&context, 1).is_err());
        let (context, _cancel) = context::Context::background().with_timeout(Duration::from_micros(100));
        assert!(receive.recv_with(&context).is_err());
    }),
    ("lock_with", || {
        let mutex = Mutex::new(());
        let guard = mutex.lock_with(&context::Context::background()).expect("nobody has it");
        let (context, _cancel) = context::Context::background().with_timeout(Duration::from_micros(100));
        assert!(mutex.lock_with(&context).is_err());
        drop(guard);
    }),
    ("Timer::recv", || assert!(time::Timer::after(Duration::from_micros(100)).recv().is_ok())),
    ("Ticker::recv", || assert!(time::Ticker::new(Duration::from_micros(100)).recv().is_ok())),
    ("join", || go(yield_now).join().expect("it only yields")),
    ("recv", || {
        let (send, receive) = chan::bounded(1);
        drop(go(move || send.send(1)));
        assert_eq!(receive.recv(), Ok(1));
    }),
    ("recv_timeout", || {
        let (_send, receive) = chan::bounded::<u8>(0);
        assert!(receive.recv_timeout(Duration::from_micros(50)).is_err());
    }),
    ("recv_deadline", || {
        let (_send, receive) = chan::bounded::<u8>(0);
        assert!(receive.recv_deadline(Instant::now() + Duration::from_micros(50)).is_err());
    }),
    ("iteration of a receiver", || {
        let (send, receive) = chan::bounded(1);
        let sender = go(move || (0..4).for_each(|number| send.send(number).expect("it is received")));
        assert_eq!(receive.iter().sum::<u32>(), 6);
        sender.join().expect("it only sends");
    }),
    ("send", || {
        let (send, receive) = chan::bounded(0);
        drop(go(move || receive.recv()));
        send.send(1).expect("it is received");
    }),
    ("send_timeout", || {
        let (send, _receive) = chan::bounded(0);
        assert!(send.send_timeout(1, Duration::from_micros(50)).is_err());
    }),
    ("send_deadline", || {
        let (send, _receive) = chan::bounded(0);
        assert!(send.send_deadline(1, Instant::now() + Duration::from_micros(50)).is_err());
    }),
    ("select! that receives", || {
        let (send, receive) = chan::bounded(0);
        drop(go(move || send.send(1)));
        select! { recv(receive) -> got => assert_eq!(got, Ok(1)), recv(chan::never::<u8>()) -> _ => {} }
    }),
    ("select! that sends", || {
        let (send, receive) = chan::bounded(0);
        drop(go(move || receive.recv()));
        select! { send(send, 1) -> sent => sent.expect("it is received"), recv(chan::never::<u8>()) -> _ => {} }
    }),
    ("select! that meets a select!", || {
        let (send, receive) = chan::bounded(0);
        drop(go(move || select! { send(send, 1) -> sent => sent.expect("it is received") }));
        select! { recv(receive) -> got => assert_eq!(got, Ok(1)), recv(chan::never::<u8>()) -> _ => {} }
    }),
    ("select! with a time-out", || {
        let (_send, receive) = chan::bounded::<u8>(0);
        select! { recv(receive) -> _ => unreachable!("nothing is sent"), default(Duration::from_micros(50)) => {} }
    }),
    ("Select::select", || {
        let (send, receive) = chan::bounded(0);
        drop(go(move || send.send(1)));
        let mut select = Select::new();
        select.recv(&receive);
        assert_eq!(select.select().recv(&receive), Ok(1));
    }),
    ("Select::ready", || {
        let (send, receive) = chan::bounded(1);
        drop(go(move || send.send(1)));
        let mut select = Select::new();
        select.recv(&receive);
        assert_eq!(select.ready(), 0);
    }),
    ("Select::select_timeout, ready_timeout", || {
        let (_send, receive) = chan::bounded::<u8>(0);
        let mut select = Select::new();
        select.recv(&receive);
        assert!(select.select_timeout(Duration::from_micros(50)).is_err());
        assert!(select.ready_timeout(Duration::from_micros(50)).is_err());
    }),
    ("Mutex::lock", || {
        let mutex = Arc::new(Mutex::new(1));
        let (locked, lock) = chan::bounded(1);
        let holder = go({
            let mutex = Arc::clone(&mutex);
            move || {
                let _guard = mutex.lock();
                locked.send(()).expect("there is room");
                yield_now();
            }
        });
        lock.recv().expect("it locks");
        assert_eq!(*mutex.lock(), 1);
        holder.join().expect("it only yields");
    }),
    ("WaitGroup::wait", || {
        let group = WaitGroup::new();
        group.go(yield_now);
        group.wait();
    }),
    ("Pool::submit, go, join, shutdown", || {
        let pool = Pool::new(1, 0);
        pool.submit(yield_now).expect("it is open");
        pool.go(yield_now).expect("it is open").join().expect("it only yields");
        assert!(pool.shutdown().is_complete());
    }),
    ("scope", || {
        let mut sums = [0; 2];
        scope(|s| {
            for sum in &mut sums {
                s.go(|| {
                    yield_now();
                    *sum += 1;
                });
            }
        });
        assert_eq!(sums, [1; 2]);
    }),
    ("scope without goroutines", || scope(|_| ())),
    ("ScopedJoinHandle::join", || {
        scope(|s| s.go(yield_now).join().expect("it only yields"));
    }),
    ("Command::spawn, Child::wait", || {
        assert!(Command::new("true").spawn().expect("every Linux has it").wait().expect("it is ours").success());
    }),
    ("blocking", || blocking(|| ())),
    ("blocking, for longer", || blocking(|| spin(Duration::from_micros(100)))),
    ("block_on", || block_on(go(yield_now)).expect("it only yields")),
    ("TcpStream::connect", || {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port is free");
        drop(TcpStream::connect(listener.local_addr().expect("a listener has an address")).expect("it listens"));
    }),
    ("TcpStream", || {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
        let address = listener.local_addr().expect("a listener has an address");
        let client = go(move || TcpStream::connect(address)?.write_all(b"x"));
        let (stream, _) = listener.accept().expect("somebody connects");
        let mut letter = [0];
        (&stream).read_exact(&mut letter).expect("a letter comes");
        client.join().expect("it does not panic").expect("it is read");
    }),
    ("a name's look-up", look_a_name_up),
    ("fs", write_sync_and_read_a_file),
];

pub(crate) fn look_a_name_up() {
    assert!(!("localhost", 80).addresses().expect("every machine knows it").is_empty());
}

pub(crate) fn write_sync_and_read_a_file() {
    static FILES: AtomicU64 = AtomicU64::new(1);
    let name = format!("threadle-thread-identity-{}-{}", std::process::id(), FILES.fetch_add(1, Relaxed));
    let path = std::env::temp_dir().join(name);
    let mut file = fs::File::create_new(&path).expect("the name is new");
    // What is open stays: a failure below leaves nothing behind.
    fs::remove_file(&path).expect("it is there");
    file.write_all(b"written").expect("there is room");
    file.sync_all().expect("it reaches the disk");
    file.rewind().expect("it is a file");
    let mut text = String::new();
    file.read_to_string(&mut text).expect("it is text");
    assert_eq!(text, "written");
}
