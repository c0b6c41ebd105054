//! Deadlines, time-outs and buffers of both directions.

/// What is not a listener: deadlines and time-outs of both directions.
macro_rules! deadlines {
    ($name:ident, $example:literal, $receive:literal) => {
        impl $name {
            #[doc = "Until when calls of either direction may go on, for all handles; `None`: for ever. Calls that wait already are held to it too."]
            ///
            /// Switches: no.
            ///
            /// ```
            #[doc = $example]
            /// # use std::io::{ErrorKind, Read};
            /// # use std::time::{Duration, Instant};
            /// threadle::run(|| {
            ///     let (mut ours, _theirs) = pair();
            ///     ours.set_deadline(Some(Instant::now() + Duration::from_millis(2)));
            #[doc = concat!("    assert_eq!(ours.", $receive, "(&mut [0]).unwrap_err().kind(), ErrorKind::TimedOut);")]
            /// });
            /// ```
            pub fn set_deadline(&self, deadline: Option<std::time::Instant>) {
                self.set_read_deadline(deadline);
                self.set_write_deadline(deadline);
            }

            /// [`set_deadline`](Self::set_deadline) for reading and receiving alone.
            ///
            /// Switches: no.
            ///
            /// ```
            #[doc = $example]
            /// # use std::time::Instant;
            /// threadle::run(|| {
            ///     let (ours, _theirs) = pair();
            ///     ours.set_read_deadline(Some(Instant::now()));
            ///     assert!(ours.read_deadline().is_some() && ours.write_deadline().is_none());
            /// });
            /// ```
            pub fn set_read_deadline(&self, deadline: Option<std::time::Instant>) {
                self.handle.socket().set_deadline(threadle_scheduler::io::Direction::Read, deadline);
            }

            /// [`set_deadline`](Self::set_deadline) for writing and sending alone.
            ///
            /// Switches: no.
            ///
            /// ```
            #[doc = $example]
            /// # use std::time::Instant;
            /// threadle::run(|| {
            ///     let (ours, _theirs) = pair();
            ///     ours.set_write_deadline(Some(Instant::now()));
            ///     assert!(ours.read_deadline().is_none() && ours.write_deadline().is_some());
            /// });
            /// ```
            pub fn set_write_deadline(&self, deadline: Option<std::time::Instant>) {
                self.handle.socket().set_deadline(threadle_scheduler::io::Direction::Write, deadline);
            }

            /// The deadline of reading and receiving.
            ///
            /// Switches: no.
            ///
            /// ```
            #[doc = $example]
            /// threadle::run(|| assert_eq!(pair().0.read_deadline(), None));
            /// ```
            pub fn read_deadline(&self) -> Option<std::time::Instant> {
                self.handle.socket().limit(threadle_scheduler::io::Direction::Read).deadline()
            }

            /// The deadline of writing and sending.
            ///
            /// Switches: no.
            ///
            /// ```
            #[doc = $example]
            /// threadle::run(|| assert_eq!(pair().0.write_deadline(), None));
            /// ```
            pub fn write_deadline(&self) -> Option<std::time::Instant> {
                self.handle.socket().limit(threadle_scheduler::io::Direction::Write).deadline()
            }

            /// How long each single call that reads or receives may wait, as in std; it ends with `TimedOut`. Holds for calls made from now on.
            ///
            /// Switches: no.
            ///
            /// # Errors
            /// A zero time-out is `InvalidInput`.
            ///
            /// ```
            #[doc = $example]
            /// # use std::io::{ErrorKind, Read};
            /// # use std::time::Duration;
            /// threadle::run(|| {
            ///     let (mut ours, _theirs) = pair();
            ///     ours.set_read_timeout(Some(Duration::from_millis(2))).unwrap();
            #[doc = concat!("    assert_eq!(ours.", $receive, "(&mut [0]).unwrap_err().kind(), ErrorKind::TimedOut);")]
            /// });
            /// ```
            pub fn set_read_timeout(&self, timeout: Option<std::time::Duration>) -> io::Result<()> {
                self.handle.socket().limit(threadle_scheduler::io::Direction::Read).set_timeout(timeout)
            }

            /// How long each single call that writes or sends may wait, as in std; it ends with `TimedOut`. Holds for calls made from now on.
            ///
            /// Switches: no.
            ///
            /// # Errors
            /// A zero time-out is `InvalidInput`.
            ///
            /// ```
            #[doc = $example]
            /// # use std::time::Duration;
            /// threadle::run(|| {
            ///     let (ours, _theirs) = pair();
            ///     assert!(ours.set_write_timeout(Some(Duration::ZERO)).is_err());
            ///     ours.set_write_timeout(Some(Duration::from_secs(1))).unwrap();
            /// });
            /// ```
            pub fn set_write_timeout(&self, timeout: Option<std::time::Duration>) -> io::Result<()> {
                self.handle.socket().limit(threadle_scheduler::io::Direction::Write).set_timeout(timeout)
            }

            /// The time-out of reading and receiving.
            ///
            /// Switches: no.
            ///
            /// # Errors
            /// None.
            ///
            /// ```
            #[doc = $example]
            /// threadle::run(|| assert_eq!(pair().0.read_timeout().unwrap(), None));
            /// ```
            pub fn read_timeout(&self) -> io::Result<Option<std::time::Duration>> {
                Ok(self.handle.socket().limit(threadle_scheduler::io::Direction::Read).timeout())
            }

            /// The time-out of writing and sending.
            ///
            /// Switches: no.
            ///
            /// # Errors
            /// None.
            ///
            /// ```
            #[doc = $example]
            /// threadle::run(|| assert_eq!(pair().0.write_timeout().unwrap(), None));
            /// ```
            pub fn write_timeout(&self) -> io::Result<Option<std::time::Duration>> {
                Ok(self.handle.socket().limit(threadle_scheduler::io::Direction::Write).timeout())
            }

            /// Sets how many bytes the kernel keeps of what was received and not yet read (`SO_RCVBUF`; Linux doubles it).
            ///
            /// Switches: no.
            ///
            /// # Errors
            /// What the system says.
            ///
            /// ```
            #[doc = $example]
            /// threadle::run(|| {
            ///     let (ours, _theirs) = pair();
            ///     ours.set_recv_buffer_size(20_000).unwrap();
            ///     assert!(ours.recv_buffer_size().unwrap() >= 20_000);
            /// });
            /// ```
            pub fn set_recv_buffer_size(&self, bytes: usize) -> io::Result<()> {
                self.handle.file().set_recv_buffer_size(bytes)
            }

            /// How many bytes the kernel keeps of what was received and not yet read.
            ///
            /// Switches: no.
            ///
            /// # Errors
            /// What the system says.
            ///
            /// ```
            #[doc = $example]
            /// threadle::run(|| assert!(pair().0.recv_buffer_size().unwrap() > 0));
            /// ```
            pub fn recv_buffer_size(&self) -> io::Result<usize> {
                self.handle.file().recv_buffer_size()
            }

            /// Sets how many bytes the kernel takes that are not yet sent and acknowledged (`SO_SNDBUF`; Linux doubles it).
            ///
            /// Switches: no.
            ///
            /// # Errors
            /// What the system says.
            ///
            /// ```
            #[doc = $example]
            /// threadle::run(|| {
            ///     let (ours, _theirs) = pair();
            ///     ours.set_send_buffer_size(20_000).unwrap();
            ///     assert!(ours.send_buffer_size().unwrap() >= 20_000);
            /// });
            /// ```
            pub fn set_send_buffer_size(&self, bytes: usize) -> io::Result<()> {
                self.handle.file().set_send_buffer_size(bytes)
            }

            /// How many bytes the kernel takes that are not yet sent and acknowledged.
            ///
            /// Switches: no.
            ///
            /// # Errors
            /// What the system says.
            ///
            /// ```
            #[doc = $example]
            /// threadle::run(|| assert!(pair().0.send_buffer_size().unwrap() > 0));
            /// ```
            pub fn send_buffer_size(&self) -> io::Result<usize> {
                self.handle.file().send_buffer_size()
            }
        }
    };
}

pub(in crate::net) use deadlines;
