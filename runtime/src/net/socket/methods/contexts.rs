//! Streams with a context.

/// Streams: the calls with a context.
macro_rules! contexts {
    ($name:ident, $example:literal) => {
        /// With a [context](crate::context).
        impl $name {
            /// One read, until the context ends at most.
            ///
            /// Switches: yes.
            ///
            /// # Errors
            /// Those of a read; the context has ended ([`ContextError::of`](crate::context::ContextError::of) tells): then nothing was read.
            ///
            /// ```
            #[doc = $example]
            /// # use std::{io::ErrorKind, time::Duration};
            /// # use threadle::context::Context;
            /// threadle::run(|| {
            ///     let (ours, _theirs) = pair();
            ///     let (context, _) = Context::background().with_timeout(Duration::from_millis(1));
            ///     assert_eq!(ours.read_with(&context, &mut [0]).unwrap_err().kind(), ErrorKind::TimedOut);
            /// });
            /// ```
            #[track_caller]
            pub fn read_with(&self, context: &$crate::context::Context, buffer: &mut [u8]) -> io::Result<usize> {
                self.handle.receive(Some(&$crate::context::Watch::new(context)?), buffer)
            }

            /// As [`peek`](Self::peek), until the context ends at most.
            ///
            /// Switches: yes.
            ///
            /// # Errors
            /// Those of a read; the context has ended.
            ///
            /// ```
            #[doc = $example]
            /// # use threadle::context::Context;
            /// threadle::run(|| {
            ///     let (ours, theirs) = pair();
            ///     drop(theirs);
            ///     assert_eq!(ours.peek_with(&Context::background(), &mut [0]).unwrap(), 0);
            /// });
            /// ```
            #[track_caller]
            pub fn peek_with(&self, context: &$crate::context::Context, buffer: &mut [u8]) -> io::Result<usize> {
                self.handle.peek(Some(&$crate::context::Watch::new(context)?), buffer)
            }

            /// One write, until the context ends at most; how many of the bytes were taken.
            ///
            /// Switches: yes.
            ///
            /// # Errors
            /// Those of a write; the context has ended: then nothing was written by this call.
            ///
            /// ```
            #[doc = $example]
            /// # use threadle::context::Context;
            /// threadle::run(|| {
            ///     let (ours, _theirs) = pair();
            ///     assert_eq!(ours.write_with(&Context::background(), b"hello").unwrap(), 5);
            /// });
            /// ```
            #[track_caller]
            pub fn write_with(&self, context: &$crate::context::Context, bytes: &[u8]) -> io::Result<usize> {
                self.handle.send(Some(&$crate::context::Watch::new(context)?), bytes)
            }

            /// The stream for as long as a context goes on: a reader and writer all of whose calls give up when that ends, so that what is built
            /// on `Read` and `Write` (`read_exact`, `write_all`, a `BufReader`) does.
            ///
            /// Switches: no; its reads and writes do.
            ///
            /// ```
            #[doc = $example]
            /// # use std::{io::{Read, Write}, time::Duration};
            /// # use threadle::context::{Context, ContextError};
            /// threadle::run(|| {
            ///     let (ours, _theirs) = pair();
            ///     let (context, _) = Context::background().with_timeout(Duration::from_millis(5));
            ///     let mut request = ours.with_context(&context);
            ///     request.write_all(b"hello?").unwrap();
            ///     let error = request.read_exact(&mut [0; 6]).unwrap_err();
            ///     assert!(ContextError::of(&error).unwrap().is_timeout());
            /// });
            /// ```
            pub fn with_context<'a>(&'a self, context: &'a $crate::context::Context) -> $crate::net::WithContext<'a> {
                $crate::net::WithContext::new(&self.handle, context)
            }
        }
    };
}

pub(in crate::net) use contexts;
