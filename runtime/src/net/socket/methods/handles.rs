//! Handles of one socket, its end, its descriptor.

/// Every kind: handles of one socket, its end, its descriptor.
macro_rules! handles {
    ($name:ident, $example:literal, $made:literal) => {
        impl $name {
            /// Ends the socket for all handles: waiting and later calls end with an error, a connected peer sees the end. Dropping the last handle
            /// ends it too. Closing again does nothing.
            ///
            /// Switches: no.
            ///
            /// # Errors
            /// What the system says; the socket is unusable nevertheless.
            ///
            /// ```
            #[doc = $example]
            /// threadle::run(|| {
            #[doc = concat!("    let socket = ", $made, ";")]
            ///     socket.close().unwrap();
            ///     socket.close().unwrap();
            /// });
            /// ```
            pub fn close(&self) -> io::Result<()> {
                self.handle.close()
            }

            /// The error that is pending on the socket, which is then cleared.
            ///
            /// Switches: no.
            ///
            /// # Errors
            /// What the system says.
            ///
            /// ```
            #[doc = $example]
            /// threadle::run(|| {
            #[doc = concat!("    let socket = ", $made, ";")]
            ///     assert!(socket.take_error().unwrap().is_none());
            /// });
            /// ```
            pub fn take_error(&self) -> io::Result<Option<io::Error>> {
                self.handle.file().take_error()
            }

            /// Another handle, as [`Clone`] makes; for code written against std.
            ///
            /// Switches: no.
            ///
            /// # Errors
            /// None.
            ///
            /// ```
            #[doc = $example]
            /// threadle::run(|| {
            #[doc = concat!("    let socket = ", $made, ";")]
            ///     drop(socket.try_clone().unwrap());
            ///     assert!(socket.local_addr().is_ok());
            /// });
            /// ```
            pub fn try_clone(&self) -> io::Result<$name> {
                Ok(self.clone())
            }
        }

        impl std::os::fd::AsFd for $name {
            fn as_fd(&self) -> std::os::fd::BorrowedFd<'_> {
                self.handle.file().as_fd()
            }
        }

        impl std::os::fd::AsRawFd for $name {
            fn as_raw_fd(&self) -> std::os::fd::RawFd {
                self.handle.file().as_raw_fd()
            }
        }
    };
}

pub(in crate::net) use handles;
