//! Reading, writing, and ending either.

/// Streams: reading, writing, and ending either.
macro_rules! streams {
    ($name:ident, $example:literal) => {
        impl $name {
            /// As a read, but leaves the bytes to be read again.
            ///
            /// Switches: yes.
            ///
            /// # Errors
            /// Those of a read.
            ///
            /// ```
            #[doc = $example]
            /// # use std::io::{Read, Write};
            /// threadle::run(|| {
            ///     let (mut ours, mut theirs) = pair();
            ///     theirs.write_all(b"x").unwrap();
            ///     let (mut peeked, mut read) = ([0], [0]);
            ///     assert_eq!(ours.peek(&mut peeked).unwrap(), 1);
            ///     ours.read_exact(&mut read).unwrap();
            ///     assert_eq!(peeked, read);
            /// });
            /// ```
            #[track_caller]
            pub fn peek(&self, buffer: &mut [u8]) -> io::Result<usize> {
                self.handle.peek(None, buffer)
            }

            /// Ends one or both directions, for all handles. Waiting calls of that direction end as at the peer's end.
            ///
            /// Switches: no.
            ///
            /// # Errors
            /// What the system says.
            ///
            /// ```
            #[doc = $example]
            /// # use std::{io::Read, net::Shutdown};
            /// threadle::run(|| {
            ///     let (ours, mut theirs) = pair();
            ///     ours.shutdown(Shutdown::Write).unwrap();
            ///     assert_eq!(theirs.read(&mut [0]).unwrap(), 0, "the end");
            /// });
            /// ```
            pub fn shutdown(&self, how: std::net::Shutdown) -> io::Result<()> {
                self.handle.file().shutdown(how)
            }

            /// The two directions, for two goroutines of one [`scope`](crate::scope). `&self` reads and writes as well; these can do no more than
            /// their one direction.
            ///
            /// Switches: no.
            ///
            /// ```
            #[doc = $example]
            /// # use std::io::{Read, Write};
            /// threadle::run(|| {
            ///     let (mut ours, mut theirs) = pair();
            ///     let (mut reader, mut writer) = ours.split();
            ///     threadle::scope(|scope| {
            ///         scope.go(move || writer.write_all(b"ping").unwrap());
            ///         theirs.read_exact(&mut [0; 4]).unwrap();
            ///         theirs.write_all(b"pong").unwrap();
            ///         reader.read_exact(&mut [0; 4]).unwrap();
            ///     });
            /// });
            /// ```
            pub fn split(&mut self) -> ($crate::net::ReadRef<'_, $name>, $crate::net::WriteRef<'_, $name>) {
                $crate::net::split::borrowed(self)
            }

            /// The two directions, to be owned by two goroutines. Dropping the one that writes [shuts down](Self::shutdown) that direction, as
            /// the peer of a copy expects; [`reunite`](crate::net::WriteHalf::reunite) makes one of them again.
            ///
            /// Switches: no.
            ///
            /// ```
            #[doc = $example]
            /// # use std::io::{Read, Write};
            /// threadle::run(|| {
            ///     let (ours, theirs) = pair();
            ///     let (mut reader, mut writer) = ours.into_split();
            ///     threadle::go(move || writer.write_all(b"hello")); // and then the end
            ///     threadle::go(move || std::io::copy(&mut &theirs, &mut &theirs));
            ///     let mut echo = String::new();
            ///     reader.read_to_string(&mut echo).unwrap();
            ///     assert_eq!(echo, "hello");
            /// });
            /// ```
            pub fn into_split(self) -> ($crate::net::ReadHalf<$name>, $crate::net::WriteHalf<$name>) {
                $crate::net::split::owned(self)
            }
        }

        impl std::io::Read for &$name {
            #[track_caller]
            fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
                self.handle.receive(None, buffer)
            }

            #[track_caller]
            fn read_vectored(&mut self, slices: &mut [std::io::IoSliceMut<'_>]) -> io::Result<usize> {
                self.handle.receive_vectored(None, slices)
            }
        }

        impl std::io::Write for &$name {
            #[track_caller]
            fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
                self.handle.send(None, bytes)
            }

            #[track_caller]
            fn write_vectored(&mut self, slices: &[std::io::IoSlice<'_>]) -> io::Result<usize> {
                self.handle.send_vectored(None, slices)
            }

            fn flush(&mut self) -> io::Result<()> {
                Ok(())
            }
        }

        impl std::io::Read for $name {
            #[track_caller]
            fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
                (&*self).read(buffer)
            }

            #[track_caller]
            fn read_vectored(&mut self, slices: &mut [std::io::IoSliceMut<'_>]) -> io::Result<usize> {
                (&*self).read_vectored(slices)
            }
        }

        impl std::io::Write for $name {
            #[track_caller]
            fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
                (&*self).write(bytes)
            }

            #[track_caller]
            fn write_vectored(&mut self, slices: &[std::io::IoSlice<'_>]) -> io::Result<usize> {
                (&*self).write_vectored(slices)
            }

            fn flush(&mut self) -> io::Result<()> {
                Ok(())
            }
        }

        impl $crate::net::split::Stream for $name {
            fn end(&self, how: std::net::Shutdown) -> io::Result<()> {
                self.shutdown(how)
            }

            fn is_same(&self, other: &$name) -> bool {
                self.handle.is_of(&other.handle)
            }

            #[track_caller]
            fn receive(&self, context: Option<&$crate::context::Context>, buffer: &mut [u8]) -> io::Result<usize> {
                let watch = context.map($crate::context::Watch::new).transpose()?;
                self.handle.receive(watch.as_ref(), buffer)
            }

            #[track_caller]
            fn send_all(&self, context: Option<&$crate::context::Context>, bytes: &[u8]) -> io::Result<()> {
                let watch = context.map($crate::context::Watch::new).transpose()?;
                $crate::net::copy::send_all(|bytes| self.handle.send(watch.as_ref(), bytes), bytes)
            }

            #[track_caller]
            fn send_from(
                &self,
                context: Option<&$crate::context::Context>,
                file: std::os::fd::BorrowedFd<'_>,
                offset: u64,
                most: usize,
            ) -> io::Result<usize> {
                let watch = context.map($crate::context::Watch::new).transpose()?;
                self.handle.send_file(watch.as_ref(), file, offset, most)
            }

            #[track_caller]
            fn splice_into(
                &self,
                context: Option<&$crate::context::Context>,
                pipe: std::os::fd::BorrowedFd<'_>,
                most: usize,
            ) -> io::Result<usize> {
                let watch = context.map($crate::context::Watch::new).transpose()?;
                self.handle.splice_into(watch.as_ref(), pipe, most)
            }

            #[track_caller]
            fn splice_from(
                &self,
                context: Option<&$crate::context::Context>,
                pipe: std::os::fd::BorrowedFd<'_>,
                most: usize,
            ) -> io::Result<usize> {
                let watch = context.map($crate::context::Watch::new).transpose()?;
                self.handle.splice_from(watch.as_ref(), pipe, most)
            }
        }
    };
}

pub(in crate::net) use streams;
