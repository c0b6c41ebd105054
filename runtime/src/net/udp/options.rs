//! What is set and asked of a UDP socket: addresses, options, groups.

use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};

use super::UdpSocket;
use crate::net::tcp::internet;

/// Addresses, options and groups. None of these switches; their errors are what the system says.
impl UdpSocket {
    /// The address of this end.
    ///
    /// Switches: no.
    ///
    /// # Errors
    /// What the system says.
    ///
    /// ```
    /// threadle::run(|| {
    ///     let socket = threadle::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    ///     assert!(socket.local_addr().unwrap().ip().is_loopback());
    /// });
    /// ```
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        internet(self.handle.file().local_addr()?)
    }

    /// The peer of a connected socket.
    ///
    /// Switches: no.
    ///
    /// # Errors
    /// Not connected; what the system says.
    ///
    /// ```
    /// threadle::run(|| {
    ///     let socket = threadle::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    ///     assert!(socket.peer_addr().is_err(), "not connected");
    ///     let address = socket.local_addr().unwrap();
    ///     socket.connect(address).unwrap(); // to itself
    ///     assert_eq!(socket.peer_addr().unwrap(), address);
    /// });
    /// ```
    pub fn peer_addr(&self) -> io::Result<SocketAddr> {
        internet(self.handle.file().peer_addr()?)
    }

    /// Sets whether datagrams may go to a broadcast address (`SO_BROADCAST`).
    ///
    /// Switches: no.
    ///
    /// # Errors
    /// What the system says.
    ///
    /// ```
    /// threadle::run(|| {
    ///     let socket = threadle::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    ///     socket.set_broadcast(true).unwrap();
    /// });
    /// ```
    pub fn set_broadcast(&self, broadcast: bool) -> io::Result<()> {
        self.handle.file().set_broadcast(broadcast)
    }

    /// Whether datagrams may go to a broadcast address.
    ///
    /// Switches: no.
    ///
    /// # Errors
    /// What the system says.
    ///
    /// ```
    /// threadle::run(|| {
    ///     let socket = threadle::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    ///     assert!(!socket.broadcast().unwrap());
    /// });
    /// ```
    pub fn broadcast(&self) -> io::Result<bool> {
        self.handle.file().broadcast()
    }

    /// Sets the time-to-live of the packets sent.
    ///
    /// Switches: no.
    ///
    /// # Errors
    /// What the system says.
    ///
    /// ```
    /// threadle::run(|| {
    ///     let socket = threadle::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    ///     socket.set_ttl(17).unwrap();
    ///     assert_eq!(socket.ttl().unwrap(), 17);
    /// });
    /// ```
    pub fn set_ttl(&self, ttl: u32) -> io::Result<()> {
        self.handle.file().set_ttl_v4(ttl)
    }

    /// The time-to-live of the packets sent.
    ///
    /// Switches: no.
    ///
    /// # Errors
    /// What the system says.
    ///
    /// ```
    /// threadle::run(|| {
    ///     let socket = threadle::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    ///     assert!(socket.ttl().unwrap() > 0); // as the system is set
    /// });
    /// ```
    pub fn ttl(&self) -> io::Result<u32> {
        self.handle.file().ttl_v4()
    }

    /// Sets whether what is sent to an IPv4 group comes back to this machine's own members.
    ///
    /// Switches: no.
    ///
    /// # Errors
    /// What the system says.
    ///
    /// ```
    /// threadle::run(|| {
    ///     let socket = threadle::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    ///     socket.set_multicast_loop_v4(false).unwrap();
    /// });
    /// ```
    pub fn set_multicast_loop_v4(&self, back: bool) -> io::Result<()> {
        self.handle.file().set_multicast_loop_v4(back)
    }

    /// Whether what is sent to an IPv4 group comes back to this machine's own members.
    ///
    /// Switches: no.
    ///
    /// # Errors
    /// What the system says.
    ///
    /// ```
    /// threadle::run(|| {
    ///     let socket = threadle::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    ///     assert!(socket.multicast_loop_v4().unwrap());
    /// });
    /// ```
    pub fn multicast_loop_v4(&self) -> io::Result<bool> {
        self.handle.file().multicast_loop_v4()
    }

    /// Sets over how many routers what is sent to an IPv4 group may go.
    ///
    /// Switches: no.
    ///
    /// # Errors
    /// What the system says.
    ///
    /// ```
    /// threadle::run(|| {
    ///     let socket = threadle::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    ///     socket.set_multicast_ttl_v4(3).unwrap();
    /// });
    /// ```
    pub fn set_multicast_ttl_v4(&self, ttl: u32) -> io::Result<()> {
        self.handle.file().set_multicast_ttl_v4(ttl)
    }

    /// Over how many routers what is sent to an IPv4 group may go.
    ///
    /// Switches: no.
    ///
    /// # Errors
    /// What the system says.
    ///
    /// ```
    /// threadle::run(|| {
    ///     let socket = threadle::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    ///     assert_eq!(socket.multicast_ttl_v4().unwrap(), 1); // not beyond this network
    /// });
    /// ```
    pub fn multicast_ttl_v4(&self) -> io::Result<u32> {
        self.handle.file().multicast_ttl_v4()
    }

    /// Sets whether what is sent to an IPv6 group comes back to this machine's own members.
    ///
    /// Switches: no.
    ///
    /// # Errors
    /// What the system says.
    ///
    /// ```
    /// threadle::run(|| {
    ///     // A machine without IPv6 has no such socket.
    ///     if let Ok(socket) = threadle::net::UdpSocket::bind("[::1]:0") {
    ///         socket.set_multicast_loop_v6(false).unwrap();
    ///         assert!(!socket.multicast_loop_v6().unwrap());
    ///     }
    /// });
    /// ```
    pub fn set_multicast_loop_v6(&self, back: bool) -> io::Result<()> {
        self.handle.file().set_multicast_loop_v6(back)
    }

    /// Whether what is sent to an IPv6 group comes back to this machine's own members.
    ///
    /// Switches: no.
    ///
    /// # Errors
    /// What the system says.
    ///
    /// ```
    /// threadle::run(|| {
    ///     // A machine without IPv6 has no such socket.
    ///     if let Ok(socket) = threadle::net::UdpSocket::bind("[::1]:0") {
    ///         assert!(socket.multicast_loop_v6().unwrap());
    ///     }
    /// });
    /// ```
    pub fn multicast_loop_v6(&self) -> io::Result<bool> {
        self.handle.file().multicast_loop_v6()
    }

    /// Joins an IPv4 group on the interface that has the address `interface`; unspecified: one of the system's choice.
    ///
    /// Switches: no.
    ///
    /// # Errors
    /// What the system says.
    ///
    /// ```
    /// use std::net::Ipv4Addr;
    /// threadle::run(|| {
    ///     let socket = threadle::net::UdpSocket::bind("0.0.0.0:0").unwrap();
    ///     socket.join_multicast_v4(&Ipv4Addr::new(224, 0, 0, 251), &Ipv4Addr::LOCALHOST).unwrap();
    /// });
    /// ```
    pub fn join_multicast_v4(&self, group: &Ipv4Addr, interface: &Ipv4Addr) -> io::Result<()> {
        self.handle.file().join_multicast_v4(group, interface)
    }

    /// Leaves an IPv4 group.
    ///
    /// Switches: no.
    ///
    /// # Errors
    /// What the system says.
    ///
    /// ```
    /// use std::net::Ipv4Addr;
    /// threadle::run(|| {
    ///     let socket = threadle::net::UdpSocket::bind("0.0.0.0:0").unwrap();
    ///     let group = Ipv4Addr::new(224, 0, 0, 251);
    ///     assert!(socket.leave_multicast_v4(&group, &Ipv4Addr::LOCALHOST).is_err(), "it has not joined");
    ///     socket.join_multicast_v4(&group, &Ipv4Addr::LOCALHOST).unwrap();
    ///     socket.leave_multicast_v4(&group, &Ipv4Addr::LOCALHOST).unwrap();
    /// });
    /// ```
    pub fn leave_multicast_v4(&self, group: &Ipv4Addr, interface: &Ipv4Addr) -> io::Result<()> {
        self.handle.file().leave_multicast_v4(group, interface)
    }

    /// Joins an IPv6 group on the interface of that index; 0: one of the system's choice.
    ///
    /// Switches: no.
    ///
    /// # Errors
    /// What the system says.
    ///
    /// ```
    /// use std::net::Ipv6Addr;
    /// threadle::run(|| {
    ///     // A machine without IPv6 has no such socket.
    ///     if let Ok(socket) = threadle::net::UdpSocket::bind("[::]:0") {
    ///         assert!(socket.join_multicast_v6(&Ipv6Addr::LOCALHOST, 0).is_err(), "that is no group");
    ///     }
    /// });
    /// ```
    pub fn join_multicast_v6(&self, group: &Ipv6Addr, interface: u32) -> io::Result<()> {
        self.handle.file().join_multicast_v6(group, interface)
    }

    /// Leaves an IPv6 group.
    ///
    /// Switches: no.
    ///
    /// # Errors
    /// What the system says.
    ///
    /// ```
    /// use std::net::Ipv6Addr;
    /// threadle::run(|| {
    ///     // A machine without IPv6 has no such socket.
    ///     if let Ok(socket) = threadle::net::UdpSocket::bind("[::]:0") {
    ///         let group = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 0xfb);
    ///         assert!(socket.leave_multicast_v6(&group, 0).is_err(), "it has not joined");
    ///     }
    /// });
    /// ```
    pub fn leave_multicast_v6(&self, group: &Ipv6Addr, interface: u32) -> io::Result<()> {
        self.handle.file().leave_multicast_v6(group, interface)
    }
}
