//! Between std's addresses and the system's.

use std::io;
use std::os::linux::net::SocketAddrExt;
use std::path::{Path, PathBuf};

use socket2::SockAddr;

use super::SocketAddr;

pub(super) fn of_path(path: impl AsRef<Path>) -> io::Result<SockAddr> {
    SockAddr::unix(path)
}

/// A path, or a name that is no file's ("abstract": after a zero byte).
pub(super) fn of_std(address: &SocketAddr) -> io::Result<SockAddr> {
    use std::ffi::OsString;
    use std::os::unix::ffi::OsStringExt;

    if let Some(path) = address.as_pathname() {
        return of_path(path);
    }
    let Some(name) = address.as_abstract_name() else {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "an address without a name"));
    };
    of_path(PathBuf::from(OsString::from_vec([&[0], name].concat())))
}

pub(in crate::net) fn to_std(address: &SockAddr) -> io::Result<SocketAddr> {
    if let Some(path) = address.as_pathname() {
        SocketAddr::from_pathname(path)
    } else if let Some(name) = address.as_abstract_namespace() {
        SocketAddr::from_abstract_name(name)
    } else if address.is_unnamed() || address.len() == 0 {
        // Also of a datagram whose sender has no address: the system gives none, not even a family.
        SocketAddr::from_pathname("")
    } else {
        Err(io::Error::other("not an address of a Unix socket"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_there_and_back() {
        let path = SocketAddr::from_pathname("/tmp/a socket").unwrap();
        let name = SocketAddr::from_abstract_name(b"a name \xff").unwrap();
        assert_eq!(to_std(&of_std(&path).unwrap()).unwrap().as_pathname(), path.as_pathname());
        assert_eq!(to_std(&of_std(&name).unwrap()).unwrap().as_abstract_name(), name.as_abstract_name());
        let nameless = SocketAddr::from_pathname("").unwrap();
        assert_eq!(of_std(&nameless).unwrap_err().kind(), io::ErrorKind::InvalidInput);
        let internet = SockAddr::from(std::net::SocketAddr::from(([127, 0, 0, 1], 80)));
        assert!(to_std(&internet).is_err());
        assert!(of_path("x".repeat(200)).is_err());
    }
}
