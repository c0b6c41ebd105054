//! The deadline of `accept`, and `incoming`.

/// Listeners: the deadline of `accept`, and `incoming`.
macro_rules! listens {
    ($name:ident, $stream:ident, $incoming:ident, $example:literal) => {
        impl $name {
            /// Until when `accept` may go on, for all handles; `None`: for ever. Calls that wait already are held to it too.
            ///
            /// Switches: no.
            ///
            /// ```
            #[doc = $example]
            /// threadle::run(|| {
            ///     let listener = listener();
            ///     listener.set_deadline(Some(std::time::Instant::now()));
            ///     assert_eq!(listener.accept().unwrap_err().kind(), std::io::ErrorKind::TimedOut);
            /// });
            /// ```
            pub fn set_deadline(&self, deadline: Option<std::time::Instant>) {
                self.handle.socket().set_deadline(threadle_scheduler::io::Direction::Read, deadline);
            }

            /// The deadline of `accept`.
            ///
            /// Switches: no.
            ///
            /// ```
            #[doc = $example]
            /// threadle::run(|| assert_eq!(listener().deadline(), None));
            /// ```
            pub fn deadline(&self) -> Option<std::time::Instant> {
                self.handle.socket().limit(threadle_scheduler::io::Direction::Read).deadline()
            }

            /// [`accept`](Self::accept) without end: yields its errors too, closed and timed out among them. `next` switches.
            ///
            /// ```
            #[doc = $example]
            /// threadle::run(|| {
            ///     let listener = listener();
            ///     listener.close().unwrap();
            ///     assert!(listener.incoming().next().unwrap().is_err());
            /// });
            /// ```
            pub fn incoming(&self) -> $incoming<'_> {
                $incoming { listener: self }
            }
        }

        #[doc = concat!("Connections as they come, without end. Made by [`", stringify!($name), "::incoming`].")]
        ///
        /// ```
        #[doc = $example]
        /// threadle::run(|| {
        ///     let listener = listener();
        ///     listener.set_deadline(Some(std::time::Instant::now()));
        ///     let mut incoming = listener.incoming();
        ///     assert_eq!(incoming.next().unwrap().unwrap_err().kind(), std::io::ErrorKind::TimedOut);
        ///     listener.set_deadline(None); // and it goes on
        /// });
        /// ```
        #[derive(Debug)]
        pub struct $incoming<'a> {
            listener: &'a $name,
        }

        impl Iterator for $incoming<'_> {
            type Item = io::Result<$stream>;

            #[track_caller]
            fn next(&mut self) -> Option<io::Result<$stream>> {
                Some(self.listener.accept().map(|(stream, _peer)| stream))
            }
        }
    };
}

pub(in crate::net) use listens;
