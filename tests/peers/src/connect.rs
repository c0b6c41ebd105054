//! The client of `accept`: connections, a byte there and back on each, as many as the server takes.

use std::collections::VecDeque;
use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use socket2::SockRef;

use crate::load::Served;

/// As many as a server has workers: what a connection costs the client is about what it costs the server.
const THREADS: u64 = 2;

/// Makes `count` connections, at most about `at_once` of them at a time: less than every system's queue of those that nobody has accepted yet
/// has room for, since who finds that full waits a second to try again.
///
/// # Errors
///
/// If one is not made, or not answered within `limit`.
pub(crate) fn all(address: SocketAddr, count: u64, at_once: usize, limit: Duration) -> io::Result<Served> {
    let begun = Instant::now();
    thread::scope(|scope| {
        let share = |thread| count / THREADS + u64::from(thread < count % THREADS);
        let threads: Vec<_> = (0..THREADS)
            .map(|thread| scope.spawn(move || some(address, share(thread), at_once / THREADS as usize, limit)))
            .collect();
        threads.into_iter().try_for_each(|done| done.join().map_err(|_| io::Error::other("a client panicked"))?)
    })?;
    Ok(Served { count: count as f64, per_second: count as f64 / begun.elapsed().as_secs_f64() })
}

/// One thread's share, in the order in which they were made. While the oldest is waited for, the server has the others to do.
fn some(address: SocketAddr, count: u64, at_once: usize, limit: Duration) -> io::Result<()> {
    let mut open = VecDeque::with_capacity(at_once);
    for _ in 0..count {
        if open.len() >= at_once
            && let Some(oldest) = open.pop_front()
        {
            finish(oldest)?;
        }
        open.push_back(begin(address, limit)?);
    }
    open.into_iter().try_for_each(finish)
}

fn begin(address: SocketAddr, limit: Duration) -> io::Result<TcpStream> {
    let mut stream = TcpStream::connect(address)?;
    // Closed by a reset: a connection that ends in good order keeps its port for a minute more, and after 28 000 there would be none.
    SockRef::from(&stream).set_linger(Some(Duration::ZERO))?;
    stream.set_read_timeout(Some(limit))?;
    stream.write_all(&[7])?;
    Ok(stream)
}

fn finish(mut stream: TcpStream) -> io::Result<()> {
    stream.read_exact(&mut [0])
}

#[cfg(test)]
mod tests {
    use super::all;
    use std::io::{self, Read, Write};
    use std::net::TcpListener;
    use std::thread;
    use std::time::Duration;

    #[test]
    fn each_connection_is_made_and_answered() {
        for (count, at_once) in [(0, 2), (1, 2), (7, 2), (50, 8), (5, 1)] {
            let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
            let address = listener.local_addr().expect("it is bound");
            let serving = thread::spawn(move || -> io::Result<()> {
                (0..count).try_for_each(|_| {
                    let (mut stream, _) = listener.accept()?;
                    let mut byte = [0];
                    stream.read_exact(&mut byte)?;
                    stream.write_all(&byte)
                })
            });
            let served = all(address, count, at_once, Duration::from_secs(60)).expect("all are answered");
            assert_eq!(served.count, count as f64);
            serving.join().expect("it does not panic").expect("each client sends a byte");
        }
    }

    #[test]
    fn a_server_that_does_not_answer_is_not_waited_for_for_ever() {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
        let address = listener.local_addr().expect("it is bound");
        let error = all(address, 3, 2, Duration::from_millis(50)).expect_err("nobody accepts");
        assert_eq!(error.kind(), io::ErrorKind::WouldBlock);
    }
}
