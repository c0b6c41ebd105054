//! Calls of futures.

/// Streams: the calls of tasks.
macro_rules! tasks {
    ($name:ident, $example:literal) => {
        /// For futures. Each handle remembers one waker a direction, that of its last pending call; tasks that read at the same time need a
        /// clone each. A deadline is looked at when a call is made, and a call that is pending is woken when the deadline is *set*, not when it
        /// passes: a task waits beside its own timer. Time-outs do not count.
        impl $name {
            /// Reads what there is.
            ///
            /// Switches: no.
            ///
            /// # Errors
            /// Those of a read.
            ///
            /// ```
            #[doc = $example]
            /// # use std::{future::poll_fn, io::Write};
            /// threadle::run(|| {
            ///     let (mut ours, mut theirs) = pair();
            ///     theirs.write_all(b"x").unwrap();
            ///     let mut byte = [0];
            ///     assert_eq!(threadle::block_on(poll_fn(|context| ours.poll_read(context, &mut byte))).unwrap(), 1);
            /// });
            /// ```
            pub fn poll_read(
                &mut self,
                context: &mut std::task::Context<'_>,
                buffer: &mut [u8],
            ) -> std::task::Poll<io::Result<usize>> {
                self.handle.poll_receive_initialised(context, buffer)
            }

            /// [`poll_read`](Self::poll_read) into memory that need not be initialised; so many of its first bytes are afterwards.
            ///
            /// Switches: no.
            ///
            /// # Errors
            /// Those of a read.
            ///
            /// ```
            #[doc = $example]
            /// # use std::{io::Write, mem::MaybeUninit, task::{Context, Waker}};
            /// threadle::run(|| {
            ///     let (mut ours, _theirs) = pair();
            ///     let mut context = Context::from_waker(Waker::noop());
            ///     assert!(ours.poll_read_uninit(&mut context, &mut [MaybeUninit::uninit(); 8]).is_pending());
            /// });
            /// ```
            pub fn poll_read_uninit(
                &mut self,
                context: &mut std::task::Context<'_>,
                buffer: &mut [std::mem::MaybeUninit<u8>],
            ) -> std::task::Poll<io::Result<usize>> {
                self.handle.poll_receive(context, buffer)
            }

            /// Writes what there is room for.
            ///
            /// Switches: no.
            ///
            /// # Errors
            /// Those of a write.
            ///
            /// ```
            #[doc = $example]
            /// # use std::task::{Context, Waker};
            /// threadle::run(|| {
            ///     let (mut ours, _theirs) = pair();
            ///     assert!(ours.poll_write(&mut Context::from_waker(Waker::noop()), b"hello").is_ready());
            /// });
            /// ```
            pub fn poll_write(
                &mut self,
                context: &mut std::task::Context<'_>,
                bytes: &[u8],
            ) -> std::task::Poll<io::Result<usize>> {
                self.handle.poll_send(context, bytes)
            }

            /// Writes what there is room for, from several slices.
            ///
            /// Switches: no.
            ///
            /// # Errors
            /// Those of a write.
            ///
            /// ```
            #[doc = $example]
            /// # use std::{io::IoSlice, task::{Context, Waker}};
            /// threadle::run(|| {
            ///     let (mut ours, _theirs) = pair();
            ///     let slices = [IoSlice::new(b"he"), IoSlice::new(b"llo")];
            ///     assert!(ours.poll_write_vectored(&mut Context::from_waker(Waker::noop()), &slices).is_ready());
            /// });
            /// ```
            pub fn poll_write_vectored(
                &mut self,
                context: &mut std::task::Context<'_>,
                slices: &[std::io::IoSlice<'_>],
            ) -> std::task::Poll<io::Result<usize>> {
                self.handle.poll_send_vectored(context, slices)
            }

            /// Ends the direction of writes; a connection that the peer has ended already counts as ended. Always ready.
            ///
            /// Switches: no.
            ///
            /// # Errors
            /// What the system says.
            ///
            /// ```
            #[doc = $example]
            /// # use std::task::{Context, Waker};
            /// threadle::run(|| {
            ///     let (mut ours, _theirs) = pair();
            ///     assert!(ours.poll_shutdown(&mut Context::from_waker(Waker::noop())).is_ready());
            /// });
            /// ```
            pub fn poll_shutdown(&mut self, _context: &mut std::task::Context<'_>) -> std::task::Poll<io::Result<()>> {
                std::task::Poll::Ready(match self.shutdown(std::net::Shutdown::Write) {
                    Err(error) if error.kind() == io::ErrorKind::NotConnected => Ok(()),
                    result => result,
                })
            }
        }
    };
}

pub(in crate::net) use tasks;
