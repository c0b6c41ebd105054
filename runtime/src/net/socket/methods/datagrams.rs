//! Datagrams between connected sockets.

/// Datagrams between connected sockets.
macro_rules! datagrams {
    ($name:ident, $example:literal) => {
        impl $name {
            /// Receives one datagram; of a connected socket, only from its peer. What does not fit into `buffer` is lost.
            ///
            /// Switches: yes.
            ///
            /// # Errors
            /// `TimedOut` at the deadline or time-out; closed; what the system says, among it that an earlier datagram was refused.
            ///
            /// ```
            #[doc = $example]
            /// threadle::run(|| {
            ///     let (ours, theirs) = pair();
            ///     theirs.send(b"hello").unwrap();
            ///     let mut buffer = [0; 16];
            ///     assert_eq!(ours.recv(&mut buffer).unwrap(), 5);
            /// });
            /// ```
            #[track_caller]
            pub fn recv(&self, buffer: &mut [u8]) -> io::Result<usize> {
                self.handle.receive(None, buffer)
            }

            /// As [`recv`](Self::recv), until the context ends at most.
            ///
            /// Switches: yes.
            ///
            /// # Errors
            /// As `recv`; the context has ended: then nothing was received.
            ///
            /// ```
            #[doc = $example]
            /// # use std::{io::ErrorKind, time::Duration};
            /// # use threadle::context::Context;
            /// threadle::run(|| {
            ///     let (ours, _theirs) = pair();
            ///     let (context, _) = Context::background().with_timeout(Duration::from_millis(1));
            ///     assert_eq!(ours.recv_with(&context, &mut [0]).unwrap_err().kind(), ErrorKind::TimedOut);
            /// });
            /// ```
            #[track_caller]
            pub fn recv_with(&self, context: &$crate::context::Context, buffer: &mut [u8]) -> io::Result<usize> {
                self.handle.receive(Some(&$crate::context::Watch::new(context)?), buffer)
            }

            /// As [`recv`](Self::recv), but leaves the datagram to be received again.
            ///
            /// Switches: yes.
            ///
            /// # Errors
            /// As `recv`.
            ///
            /// ```
            #[doc = $example]
            /// threadle::run(|| {
            ///     let (ours, theirs) = pair();
            ///     theirs.send(b"hello").unwrap();
            ///     assert_eq!(ours.peek(&mut [0; 16]).unwrap(), 5);
            ///     assert_eq!(ours.recv(&mut [0; 16]).unwrap(), 5);
            /// });
            /// ```
            #[track_caller]
            pub fn peek(&self, buffer: &mut [u8]) -> io::Result<usize> {
                self.handle.peek(None, buffer)
            }

            /// As [`peek`](Self::peek), until the context ends at most.
            ///
            /// Switches: yes.
            ///
            /// # Errors
            /// As `peek`; the context has ended.
            ///
            /// ```
            #[doc = $example]
            /// # use threadle::context::Context;
            /// threadle::run(|| {
            ///     let (ours, theirs) = pair();
            ///     theirs.send(b"hello").unwrap();
            ///     assert_eq!(ours.peek_with(&Context::background(), &mut [0; 16]).unwrap(), 5);
            /// });
            /// ```
            #[track_caller]
            pub fn peek_with(&self, context: &$crate::context::Context, buffer: &mut [u8]) -> io::Result<usize> {
                self.handle.peek(Some(&$crate::context::Watch::new(context)?), buffer)
            }

            /// Sends one datagram to the peer of a connected socket.
            ///
            /// Switches: yes.
            ///
            /// # Errors
            /// `TimedOut`; closed; not connected; what the system says, among it that an earlier datagram was refused.
            ///
            /// ```
            #[doc = $example]
            /// threadle::run(|| assert_eq!(pair().0.send(b"hello").unwrap(), 5));
            /// ```
            #[track_caller]
            pub fn send(&self, bytes: &[u8]) -> io::Result<usize> {
                self.handle.send(None, bytes)
            }

            /// As [`send`](Self::send), until the context ends at most.
            ///
            /// Switches: yes.
            ///
            /// # Errors
            /// As `send`; the context has ended: then nothing was sent.
            ///
            /// ```
            #[doc = $example]
            /// # use threadle::context::Context;
            /// threadle::run(|| assert_eq!(pair().0.send_with(&Context::background(), b"hello").unwrap(), 5));
            /// ```
            #[track_caller]
            pub fn send_with(&self, context: &$crate::context::Context, bytes: &[u8]) -> io::Result<usize> {
                self.handle.send(Some(&$crate::context::Watch::new(context)?), bytes)
            }

            /// For a future: receives one datagram if there is one. As to the waker, see
            /// [`TcpStream::poll_read`](crate::net::TcpStream::poll_read).
            ///
            /// Switches: no.
            ///
            /// # Errors
            /// As [`recv`](Self::recv).
            ///
            /// ```
            #[doc = $example]
            /// # use std::task::{Context, Waker};
            /// threadle::run(|| {
            ///     let (mut ours, _theirs) = pair();
            ///     assert!(ours.poll_recv(&mut Context::from_waker(Waker::noop()), &mut [0]).is_pending());
            /// });
            /// ```
            pub fn poll_recv(
                &mut self,
                context: &mut std::task::Context<'_>,
                buffer: &mut [u8],
            ) -> std::task::Poll<io::Result<usize>> {
                self.handle.poll_receive_initialised(context, buffer)
            }

            /// For a future: sends one datagram to the peer of a connected socket if there is room.
            ///
            /// Switches: no.
            ///
            /// # Errors
            /// As [`send`](Self::send).
            ///
            /// ```
            #[doc = $example]
            /// # use std::task::{Context, Waker};
            /// threadle::run(|| {
            ///     let (mut ours, _theirs) = pair();
            ///     assert!(ours.poll_send(&mut Context::from_waker(Waker::noop()), b"hello").is_ready());
            /// });
            /// ```
            pub fn poll_send(
                &mut self,
                context: &mut std::task::Context<'_>,
                bytes: &[u8],
            ) -> std::task::Poll<io::Result<usize>> {
                self.handle.poll_send(context, bytes)
            }
        }
    };
}

pub(in crate::net) use datagrams;
