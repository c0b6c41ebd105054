//! Addresses, and what stands for one.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4, SocketAddrV6};

use super::lookup;

/// What can be resolved to socket addresses: the types for which [`std::net::ToSocketAddrs`] does it.
///
/// A trait of its own because looking up a name is a blocking call, which must not hold up other goroutines, whereas an address
/// should cost nothing. So it only tells which of the two it is.
///
/// ```
/// use threadle::net::{TcpStream, ToSocketAddrs};
///
/// fn greet(whom: impl ToSocketAddrs) -> std::io::Result<TcpStream> {
///     TcpStream::connect(whom)
/// }
/// // Nobody is asked: that is an address. And nobody listens.
/// threadle::run(|| assert!(greet(("127.0.0.1", 1)).is_err()));
/// ```
pub trait ToSocketAddrs {
    /// The addresses, as far as they are known without asking anybody, or the name to ask for.
    ///
    /// Switches: no.
    ///
    /// # Errors
    /// Neither an address nor a name and a port: `InvalidInput`.
    ///
    /// ```
    /// use threadle::net::{Host, ToSocketAddrs};
    /// assert_eq!("localhost:80".host().unwrap(), Host::Name("localhost".into(), 80));
    /// ```
    fn host(&self) -> io::Result<Host>;

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
    fn addresses(&self) -> io::Result<Vec<SocketAddr>> {
        lookup::addresses(self.host()?)
    }
}

/// What a [`ToSocketAddrs`] is.
///
/// ```
/// use threadle::net::{Host, ToSocketAddrs};
/// assert_eq!("[::1]:80".host().unwrap(), Host::Addresses(vec!["[::1]:80".parse().unwrap()]));
/// assert_eq!(("localhost", 80).host().unwrap(), Host::Name("localhost".into(), 80));
/// ```
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Host {
    /// These addresses.
    Addresses(Vec<SocketAddr>),
    /// Those that the system's resolver knows under this name, with this port.
    Name(String, u16),
}

macro_rules! already_an_address {
    ($($type:ty),*) => {$(
        impl ToSocketAddrs for $type {
            fn host(&self) -> io::Result<Host> {
                Ok(Host::Addresses(vec![SocketAddr::from(*self)]))
            }
        }
    )*};
}

already_an_address!(SocketAddr, SocketAddrV4, SocketAddrV6, (IpAddr, u16), (Ipv4Addr, u16), (Ipv6Addr, u16));

impl ToSocketAddrs for [SocketAddr] {
    fn host(&self) -> io::Result<Host> {
        Ok(Host::Addresses(self.to_vec()))
    }
}

impl ToSocketAddrs for str {
    fn host(&self) -> io::Result<Host> {
        if let Ok(address) = self.parse() {
            return Ok(Host::Addresses(vec![address]));
        }
        let invalid = |text| io::Error::new(io::ErrorKind::InvalidInput, text);
        let (name, port) = self.rsplit_once(':').ok_or_else(|| invalid("invalid socket address"))?;
        if name.contains(['[', ']']) {
            // Half an IPv6 address is no name: nobody needs to be asked.
            return Err(invalid("invalid socket address"));
        }
        Ok(Host::Name(name.into(), port.parse().map_err(|_| invalid("invalid port value"))?))
    }
}

impl ToSocketAddrs for (&str, u16) {
    fn host(&self) -> io::Result<Host> {
        let (host, port) = *self;
        Ok(match host.parse::<IpAddr>() {
            Ok(address) => Host::Addresses(vec![(address, port).into()]),
            Err(_) => Host::Name(host.into(), port),
        })
    }
}

impl ToSocketAddrs for (String, u16) {
    fn host(&self) -> io::Result<Host> {
        (self.0.as_str(), self.1).host()
    }
}

impl ToSocketAddrs for String {
    fn host(&self) -> io::Result<Host> {
        self.as_str().host()
    }
}

impl<T: ToSocketAddrs + ?Sized> ToSocketAddrs for &T {
    fn host(&self) -> io::Result<Host> {
        (**self).host()
    }
}

pub(super) fn no_address() -> io::Error {
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
        for wrong in ["", ":", "localhost", "localhost:", "localhost:65536", "localhost:-1", "[::1:80"] {
            assert_eq!(wrong.addresses().unwrap_err().kind(), io::ErrorKind::InvalidInput, "{wrong:?}");
        }
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
