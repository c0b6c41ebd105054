#![expect(clippy::disallowed_methods, reason = "the process that looks on has no goroutines")]

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::thread;
use std::time::Duration;

use threadle::{Builder, chan, go, time};

use crate::{Mode, system};

/// A thousand goroutines wait, for a channel, for the network or for a time that is far off, while `look_on` runs on a plain thread.
///
/// # Panics
///
/// If no socket can be had.
pub fn rest(mode: Mode, look_on: impl FnOnce() + Send + 'static) {
    mode.run(Builder::new(), move || {
        let (hold, gate) = chan::bounded::<()>(0);
        let waiting = Arc::new(AtomicUsize::new(0));
        let mut handles = Vec::new();
        for number in 0..1000 {
            let (gate, waiting) = (gate.clone(), Arc::clone(&waiting));
            handles.push(go(move || {
                waiting.fetch_add(1, SeqCst);
                if number % 10 == 0 {
                    gate.recv_timeout(Duration::from_secs(3600)).expect_err("nothing is ever sent");
                } else {
                    gate.recv().expect_err("nothing is ever sent");
                }
            }));
        }
        let listener = threadle::net::TcpListener::bind("127.0.0.1:0").expect("a port is free");
        let address = listener.local_addr().expect("a listener has an address");
        let acceptor = go(move || listener.accept().map(|_| ()));
        while waiting.load(SeqCst) < 1000 {
            time::sleep(Duration::from_millis(1));
        }
        let (done, seen) = chan::bounded::<()>(1);
        let onlooker = thread::spawn(move || {
            look_on();
            done.send(())
        });
        seen.recv().expect("the onlooker says when");
        onlooker.join().expect("looking on does not panic").expect("we waited for it");
        drop(hold);
        for handle in handles {
            handle.join().expect("each was woken");
        }
        threadle::net::TcpStream::connect(address).expect("somebody accepts");
        acceptor.join().expect("it only accepts").expect("it was connected to");
    });
}

/// How often the threads of `process` were switched to or from within `window`: the least of up to five windows, because what winds down
/// (idle threads, warm stacks) is not at rest yet.
///
/// # Errors
///
/// If the process is gone.
pub fn switches_at_rest(process: u32, window: Duration) -> io::Result<u64> {
    let mut least = u64::MAX;
    for _ in 0..5 {
        let before = system::context_switches(process)?;
        thread::sleep(window);
        let after = system::context_switches(process)?;
        let of_the_living: u64 =
            after.iter().map(|(thread, count)| count - before.get(thread).copied().unwrap_or(0)).sum();
        let ended = before.keys().filter(|thread| !after.contains_key(*thread)).count() as u64;
        least = least.min(of_the_living + ended);
        if least == 0 {
            break;
        }
    }
    Ok(least)
}
