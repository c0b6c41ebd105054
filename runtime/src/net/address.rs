//! Names and addresses.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4, SocketAddrV6, ToSocketAddrs as _};

use threadle_scheduler::blocking;

/// What can be resolved to socket addresses: the types for which [`std::net::ToSocketAddrs`] does it.
///
/// A trait of its own because looking up a name is a blocking call, which must not hold up other goroutines, whereas an address
/// should cost nothing.
pub trait ToSocketAddrs {
    /// The addresses, at least one.
    ///
    /// Switches: yes if a name has to be looked up.
    ///
    /// # Errors
    /// Not an address and not a name that resolves to one; the last is `InvalidInput`.
    ///
    /// ```
    /// use threadle::net::ToSocketAddrs;
    /// assert_eq!("127.0.0.1:80".addresses().unwrap(), [([127, 0, 0, 1], 80).into()]);
    /// assert!("no port".addresses().is_err());
    /// ```
    #[track_caller]
    fn addresses(&self) -> io::Result<Vec<SocketAddr>>;
}

macro_rules! already_an_address {
    ($($type:ty),*) => {$(
        impl ToSocketAddrs for $type {
            fn addresses(&self) -> io::Result<Vec<SocketAddr>> {
                Ok(vec![SocketAddr::from(*self)])
            }
        }
    )*};
}

already_an_address!(SocketAddr, SocketAddrV4, SocketAddrV6, (IpAddr, u16), (Ipv4Addr, u16), (Ipv6Addr, u16));

impl ToSocketAddrs for [SocketAddr] {
    fn addresses(&self) -> io::Result<Vec<SocketAddr>> {
        if self.is_empty() { Err(no_address()) } else { Ok(self.to_vec()) }
    }
}

impl ToSocketAddrs for str {
    fn addresses(&self) -> io::Result<Vec<SocketAddr>> {
        match self.parse() {
            Ok(address) => Ok(vec![address]),
            Err(_) => look_up(|| self.to_socket_addrs()),
        }
    }
}

impl ToSocketAddrs for (&str, u16) {
    fn addresses(&self) -> io::Result<Vec<SocketAddr>> {
        let (host, port) = *self;
        match host.parse::<IpAddr>() {
            Ok(address) => Ok(vec![(address, port).into()]),
            Err(_) => look_up(|| (host, port).to_socket_addrs()),
        }
    }
}

impl ToSocketAddrs for (String, u16) {
    fn addresses(&self) -> io::Result<Vec<SocketAddr>> {
        (self.0.as_str(), self.1).addresses()
    }
}

impl ToSocketAddrs for String {
    fn addresses(&self) -> io::Result<Vec<SocketAddr>> {
        self.as_str().addresses()
    }
}

impl<T: ToSocketAddrs + ?Sized> ToSocketAddrs for &T {
    fn addresses(&self) -> io::Result<Vec<SocketAddr>> {
        (**self).addresses()
    }
}

/// The system's resolver, where it stalls nobody.
#[track_caller]
fn look_up<I>(resolve: impl FnOnce() -> io::Result<I> + Send) -> io::Result<Vec<SocketAddr>>
where
    I: Iterator<Item = SocketAddr>,
{
    let addresses: Vec<_> = blocking(|| resolve().map(Iterator::collect))?;
    addresses.as_slice().addresses()
}

fn no_address() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, "could not resolve to any addresses")
}

/// The first success of `attempt` over the addresses, else the last error.
#[track_caller]
pub(super) fn each_address<T>(
    addresses: impl ToSocketAddrs,
    mut attempt: impl FnMut(SocketAddr) -> io::Result<T>,
) -> io::Result<T> {
    let mut last = no_address();
    for address in addresses.addresses()? {
        match attempt(address) {
            Ok(done) => return Ok(done),
            Err(error) => last = error,
        }
    }
    Err(last)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_shape_of_an_address() {
        let expected: SocketAddr = "127.0.0.1:80".parse().unwrap();
        let shapes: [&dyn ToSocketAddrs; 7] = [
            &expected,
            &"127.0.0.1:80",
            &String::from("127.0.0.1:80"),
            &("127.0.0.1", 80),
            &(String::from("127.0.0.1"), 80),
            &(Ipv4Addr::LOCALHOST, 80),
            &&[expected][..],
        ];
        for shape in shapes {
            assert_eq!(shape.addresses().unwrap(), [expected]);
        }
        assert!(("localhost", 80).addresses().unwrap().iter().all(|address| address.ip().is_loopback()));
        assert_eq!((&[][..] as &[SocketAddr]).addresses().unwrap_err().kind(), io::ErrorKind::InvalidInput);
    }

    #[test]
    fn attempts_go_on_to_the_next_address_and_the_last_error_counts() {
        let addresses: Vec<SocketAddr> = (1..=3).map(|port| ([127, 0, 0, 1], port).into()).collect();
        assert_eq!(
            each_address(&addresses[..], |at| if at.port() == 2 { Ok(at.port()) } else { Err(no_address()) }).unwrap(),
            2
        );
        let error =
            each_address(&addresses[..], |at| Err::<(), _>(io::Error::other(at.port().to_string()))).unwrap_err();
        assert_eq!(error.to_string(), "3");
    }
}
