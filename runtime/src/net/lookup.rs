//! Looking names up.
//!
//! The system's resolver is the one that knows what this machine knows (`/etc/hosts`, `nsswitch.conf`, whatever container it is), and it blocks:
//! up to half a minute where a name server is silent, with nothing to wait for and no way to call it off. So
//!
//! * without a limit it is a [`blocking`](crate::blocking) call, which stalls nobody;
//! * with one (a deadline, a context) it is made by a goroutine of its own, or outside a runtime by a thread, which the caller leaves to
//!   itself when it gives up: its answer is then nobody's.
//!
//! What is given up goes on, and a silent name server under load would pile such calls up, each with a thread. So they are counted: of those
//! with a limit at most 64 go on at once in the process, and more wait their turn, within their limits.

use std::io;
use std::net::{SocketAddr, ToSocketAddrs as _};
use std::time::{Duration, Instant};

use threadle_scheduler::blocking;
use threadle_scheduler::io::is_in_runtime;

use super::address::{Host, ToSocketAddrs, no_address};
use crate::chan::{self, Unreceived};
use crate::context::{Context, Watch};
use crate::polled::timed_out;
use crate::sync::Semaphore;
use crate::wait::Limit;

/// How many look-ups that may be given up go on at once.
const MOST: usize = 64;

/// The addresses of a host: as [`ToSocketAddrs::addresses`].
///
/// Switches: yes if a name has to be looked up.
///
/// # Errors
/// Not an address and not a name that resolves to one.
///
/// ```
/// threadle::run(|| {
///     let addresses = threadle::net::lookup_host(("localhost", 80)).unwrap();
///     assert!(addresses.iter().all(|address| address.ip().is_loopback()));
/// });
/// ```
#[track_caller]
pub fn lookup_host<A: ToSocketAddrs>(host: A) -> io::Result<Vec<SocketAddr>> {
    host.addresses()
}

/// As [`lookup_host`], for `timeout` at most. The system's own look-up cannot be called off and goes on, unheard.
///
/// Switches: yes if a name has to be looked up.
///
/// # Errors
/// As `lookup_host`; `TimedOut`.
///
/// ```
/// use std::time::Duration;
/// threadle::run(|| {
///     let addresses = threadle::net::lookup_host_timeout("localhost:80", Duration::from_secs(60)).unwrap();
///     assert!(!addresses.is_empty());
/// });
/// ```
#[track_caller]
pub fn lookup_host_timeout<A: ToSocketAddrs>(host: A, timeout: Duration) -> io::Result<Vec<SocketAddr>> {
    within(host.host()?, crate::base::now().checked_add(timeout), None)
}

/// As [`lookup_host`], until the context ends at most. The system's own look-up cannot be called off and goes on, unheard.
///
/// Switches: yes if a name has to be looked up.
///
/// # Errors
/// As `lookup_host`; the context has ended.
///
/// ```
/// use threadle::context::{Context, ContextError};
/// threadle::run(|| {
///     let (context, cancel) = Context::background().with_cancel();
///     cancel.cancel();
///     let error = threadle::net::lookup_host_with(&context, "localhost:80").unwrap_err();
///     assert!(ContextError::of(&error).unwrap().is_cancelled());
/// });
/// ```
#[track_caller]
pub fn lookup_host_with<A: ToSocketAddrs>(context: &Context, host: A) -> io::Result<Vec<SocketAddr>> {
    within(host.host()?, None, Some(&Watch::new(context)?))
}

/// Without a limit.
#[track_caller]
pub(super) fn addresses(host: Host) -> io::Result<Vec<SocketAddr>> {
    match host {
        Host::Addresses(addresses) => at_least_one(addresses),
        Host::Name(name, port) => blocking(|| resolve(&name, port)),
    }
}

/// Until the deadline, and until the context ends, at most.
#[track_caller]
pub(super) fn within(host: Host, deadline: Option<Instant>, watch: Option<&Watch<'_>>) -> io::Result<Vec<SocketAddr>> {
    static PLACES: Semaphore = Semaphore::new(MOST);

    let (name, port) = match host {
        Host::Addresses(addresses) => return at_least_one(addresses),
        host if deadline.is_none() && watch.is_none() => return addresses(host),
        Host::Name(name, port) => (name, port),
    };
    let limit = watch.map_or(Limit::NONE, Watch::limit).no_later_than(deadline);
    let gave_up = || watch.and_then(|watch| watch.check().err()).map_or_else(timed_out, io::Error::from);
    let place = PLACES.acquire_within(1, limit).map_err(|_gave_up| gave_up())?;
    let (answer, answered) = chan::bounded(1);
    let ask = move || {
        let addresses = blocking(move || {
            // With the call, which ends whatever becomes of this goroutine.
            let _place = place;
            resolve(&name, port)
        });
        // Full it never is; and gone is a caller who has given up.
        let _unheard = answer.try_send(addresses);
    };
    if is_in_runtime() {
        drop(crate::go(ask));
    } else {
        std::thread::Builder::new().name("threadle-lookup".into()).spawn(ask)?;
    }
    answered.recv_within(limit).unwrap_or_else(|error| match error {
        Unreceived::GaveUp => Err(gave_up()),
        Unreceived::Closed => Err(io::Error::other("the look-up ended without an answer")),
    })
}

fn resolve(name: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
    at_least_one((name, port).to_socket_addrs()?.collect())
}

fn at_least_one(addresses: Vec<SocketAddr>) -> io::Result<Vec<SocketAddr>> {
    if addresses.is_empty() { Err(no_address()) } else { Ok(addresses) }
}
