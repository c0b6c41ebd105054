//! Connecting to whichever of several addresses answers first: "happy eyeballs", RFC 8305.
//!
//! A host often has addresses that do not work from here: IPv6 without a route, a machine of several that is down. Tried one after the other, each of
//! them costs the whole time-out of the system, two minutes, before the next one's turn comes. So the attempts overlap: every
//! [`ATTEMPT_DELAY`], or as soon as one has failed, the next begins, families in turn, in the order that the resolver (which sorts by RFC 6724)
//! gave. The first that is connected is taken, the others are closed.
//!
//! The race takes place in the calling goroutine: no goroutines or threads to be called off afterwards. One park is entered into the queues of all
//! the sockets at once, and whichever has an event wakes it; the others then hold a ticket of a wait that is over, which wakes nobody.

use std::io;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use socket2::{Domain, Protocol, Type};
use threadle_scheduler::io::{Direction, Operation, Wait, closed_error, stopped_error, wake_all};
use threadle_scheduler::{Parking, Reason, checkpoint};

use super::TcpStream;
use crate::context::Watch;
use crate::net::address::no_address;
use crate::net::socket::Socket;
use crate::polled::{earlier, timed_out};

/// How long an attempt has the field for itself: RFC 8305, section 5, recommends it.
const ATTEMPT_DELAY: Duration = Duration::from_millis(250);

/// Connects to one of the addresses, until the deadline and the end of the watched context at most.
#[track_caller]
pub(super) fn connect(
    addresses: Vec<SocketAddr>,
    deadline: Option<Instant>,
    watch: Option<&Watch<'_>>,
) -> io::Result<TcpStream> {
    let mut race = Race {
        untried: in_turn(addresses).into_iter(),
        next: None,
        under_way: Vec::new(),
        last_error: None,
        parked: false,
    };
    let result = loop {
        if let Some(Err(error)) = watch.map(Watch::check) {
            break Err(error.into());
        }
        race.begin_what_is_due();
        if race.under_way.is_empty() {
            break Err(race.last_error.take().unwrap_or_else(no_address));
        }
        match race.wait(deadline, watch) {
            Ok(None) => {}
            Ok(Some(winner)) => break Ok(TcpStream::of(race.under_way.swap_remove(winner))),
            Err(error) => break Err(error),
        }
    };
    if !race.parked {
        checkpoint();
    }
    result
}

struct Race {
    untried: std::vec::IntoIter<SocketAddr>,
    /// When the next address has its turn, though none has failed; `None`: now.
    next: Option<Instant>,
    under_way: Vec<Socket>,
    last_error: Option<io::Error>,
    parked: bool,
}

impl Race {
    /// Begins the next attempt if its time has come, and more where they fail at once.
    #[track_caller]
    fn begin_what_is_due(&mut self) {
        while self.under_way.is_empty() || self.next.is_none_or(|next| next <= crate::base::now()) {
            let Some(address) = self.untried.next() else { return };
            match begin(address) {
                Ok(socket) => {
                    self.under_way.push(socket);
                    self.next = crate::base::now().checked_add(ATTEMPT_DELAY);
                }
                Err(error) => self.last_error = Some(error),
            }
        }
    }

    /// Looks at the attempts, and waits where none has come to an end; the index of one that is connected.
    #[track_caller]
    fn wait(&mut self, deadline: Option<Instant>, watch: Option<&Watch<'_>>) -> io::Result<Option<usize>> {
        // Each looks at its descriptor now, before the attempts are asked.
        let mut operations: Vec<_> = self.under_way.iter().map(|socket| socket.operation(Direction::Write)).collect();
        let mut failed = None;
        for (index, socket) in self.under_way.iter().enumerate() {
            match outcome(socket.file()) {
                Ok(()) => return Ok(Some(index)),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => failed = Some((index, error)),
            }
        }
        if let Some((index, error)) = failed {
            drop(operations);
            self.under_way.swap_remove(index);
            (self.last_error, self.next) = (Some(error), None);
            return Ok(None);
        }
        let parking = Parking::open(Reason::IoWait);
        for operation in &mut operations {
            match operation.wait(parking.ticket())? {
                Wait::Park => {}
                // The park is closed unused; its ticket, where it was entered already, wakes nobody.
                Wait::Retry => return Ok(None),
                Wait::Closed => return Err(closed_error()),
                Wait::Stopped => return Err(stopped_error()),
            }
        }
        if deadline.is_some_and(|deadline| deadline <= crate::base::now()) {
            return Err(timed_out());
        }
        self.parked = true;
        let end = earlier(deadline, self.next.filter(|_| !self.untried.as_slice().is_empty()));
        match watch {
            None => {
                parking.wait_until(end);
            }
            Some(watch) => watch.park(parking, end),
        }
        operations.into_iter().filter_map(Operation::finish).for_each(wake_all);
        Ok(None)
    }
}

#[track_caller]
fn begin(address: SocketAddr) -> io::Result<Socket> {
    let kind = Type::STREAM.nonblocking().cloexec();
    let file = socket2::Socket::new(Domain::for_address(address), kind, Some(Protocol::TCP))?;
    match file.connect(&address.into()) {
        // Interrupted, it goes on all the same.
        Err(error) if !matches!(error.raw_os_error(), Some(libc::EINPROGRESS | libc::EINTR)) => return Err(error),
        _ => {}
    }
    Socket::new(file)
}

/// What has become of an attempt; `WouldBlock`: nothing yet.
fn outcome(file: &socket2::Socket) -> io::Result<()> {
    match file.take_error()? {
        Some(error) => Err(error),
        // Writable for no reason of ours: not connected and no error yet.
        None => match file.peer_addr() {
            Err(error) if error.kind() == io::ErrorKind::NotConnected => Err(io::ErrorKind::WouldBlock.into()),
            result => result.map(drop),
        },
    }
}

/// The same addresses, families in turn, beginning with that of the first (RFC 8305, section 4).
fn in_turn(addresses: Vec<SocketAddr>) -> Vec<SocketAddr> {
    let Some(first) = addresses.first().map(SocketAddr::is_ipv6) else { return addresses };
    let count = addresses.len();
    let (preferred, other): (Vec<_>, Vec<_>) = addresses.into_iter().partition(|address| address.is_ipv6() == first);
    let (mut preferred, mut other) = (preferred.into_iter(), other.into_iter());
    let mut ordered = Vec::with_capacity(count);
    while ordered.len() < count {
        ordered.extend(preferred.next());
        ordered.extend(other.next());
    }
    ordered
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn families_take_turns_in_the_order_given() {
        let addresses = |ports: &str| -> Vec<SocketAddr> {
            let parse = |text: &str| match text.split_at(1) {
                ("a", port) => SocketAddr::from(([127, 0, 0, 1], port.parse().unwrap())),
                (_, port) => SocketAddr::from(([0, 0, 0, 0, 0, 0, 0, 1], port.parse().unwrap())),
            };
            ports.split_whitespace().map(parse).collect()
        };
        for (given, expected) in [
            ("", ""),
            ("a1", "a1"),
            ("a1 a2 a3", "a1 a2 a3"),
            ("b1 b2 a1", "b1 a1 b2"),
            ("a1 b1 b2 b3", "a1 b1 b2 b3"),
            ("b1 b2 b3 a1 a2", "b1 a1 b2 a2 b3"),
        ] {
            assert_eq!(in_turn(addresses(given)), addresses(expected), "{given}");
        }
    }
}
