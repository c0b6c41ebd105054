//! Standard output and standard error.

use std::fmt;
use std::io::{self, IoSlice, Write};

use threadle_scheduler::blocking;

use crate::sync::{Mutex, MutexGuard};

/// Who writes, so that others park instead of blocking a thread each in std's lock.
static OUTPUT: Mutex<()> = Mutex::new(());
static ERRORS: Mutex<()> = Mutex::new(());

/// Both streams and their locks, alike.
macro_rules! stream {
    ($make:ident, $name:ident, $lock:ident, $mutex:ident, $what:literal, $buffer:literal) => {
        #[doc = concat!($what, " of the process. Switches: no.")]
        ///
        /// ```
        /// use std::io::Write;
        #[doc = concat!("threadle::run(|| threadle::io::", stringify!($make), "().write_all(b\"hello\\n\").unwrap());")]
        /// ```
        pub fn $make() -> $name {
            $name { mutex: &$mutex }
        }

        #[doc = concat!($what, " of the process. ", $buffer, " Each call locks it, `write!` and `writeln!` for the whole of what they write;")]
        /// [`lock`](Self::lock) does so for several.
        ///
        /// ```
        /// use std::io::Write;
        #[doc = concat!("threadle::run(|| writeln!(threadle::io::", stringify!($make), "(), \"{} + {}\", 1, 2).unwrap());")]
        /// ```
        pub struct $name {
            mutex: &'static Mutex<()>,
        }

        #[doc = concat!($what, ", locked; made by [`", stringify!($name), "::lock`]. It may be held over switching calls, but not over")]
        /// std's macros for the same stream on another goroutine of this one's making.
        ///
        /// ```
        /// use std::io::Write;
        /// threadle::run(|| {
        #[doc = concat!("    let mut stream = threadle::io::", stringify!($make), "().lock();")]
        ///     writeln!(stream, "two lines").unwrap();
        ///     writeln!(stream, "side by side").unwrap();
        /// });
        /// ```
        pub struct $lock<'a> {
            _guard: MutexGuard<'a, ()>,
        }

        impl $name {
            /// Waits until nobody else writes, and keeps others from it.
            ///
            /// Switches: yes.
            ///
            /// ```
            /// use std::io::Write;
            #[doc = concat!("threadle::run(|| threadle::io::", stringify!($make), "().lock().flush().unwrap());")]
            /// ```
            #[track_caller]
            pub fn lock(&self) -> $lock<'static> {
                $lock { _guard: self.mutex.lock() }
            }
        }

        impl Write for $lock<'_> {
            #[track_caller]
            fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
                blocking(|| io::$make().write(bytes))
            }

            #[track_caller]
            fn write_vectored(&mut self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
                blocking(|| io::$make().write_vectored(slices))
            }

            #[track_caller]
            fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
                blocking(|| io::$make().write_all(bytes))
            }

            #[track_caller]
            fn write_fmt(&mut self, text: fmt::Arguments<'_>) -> io::Result<()> {
                // Put together here: what is formatted runs the user's code, and each piece of it would be a call of its own.
                match text.as_str() {
                    Some(text) => self.write_all(text.as_bytes()),
                    None => self.write_all(fmt::format(text).as_bytes()),
                }
            }

            #[track_caller]
            fn flush(&mut self) -> io::Result<()> {
                blocking(|| io::$make().flush())
            }
        }

        impl Write for &$name {
            #[track_caller]
            fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
                self.lock().write(bytes)
            }

            #[track_caller]
            fn write_vectored(&mut self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
                self.lock().write_vectored(slices)
            }

            #[track_caller]
            fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
                self.lock().write_all(bytes)
            }

            #[track_caller]
            fn write_fmt(&mut self, text: fmt::Arguments<'_>) -> io::Result<()> {
                // Before the lock: what is formatted may write to this stream itself.
                let text = fmt::format(text);
                self.lock().write_all(text.as_bytes())
            }

            #[track_caller]
            fn flush(&mut self) -> io::Result<()> {
                self.lock().flush()
            }
        }

        impl Write for $name {
            #[track_caller]
            fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
                (&*self).write(bytes)
            }

            #[track_caller]
            fn write_vectored(&mut self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
                (&*self).write_vectored(slices)
            }

            #[track_caller]
            fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
                (&*self).write_all(bytes)
            }

            #[track_caller]
            fn write_fmt(&mut self, text: fmt::Arguments<'_>) -> io::Result<()> {
                (&*self).write_fmt(text)
            }

            #[track_caller]
            fn flush(&mut self) -> io::Result<()> {
                (&*self).flush()
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(concat!(stringify!($name), " { .. }"))
            }
        }

        impl fmt::Debug for $lock<'_> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(concat!(stringify!($lock), " { .. }"))
            }
        }
    };
}

stream!(
    stdout,
    Stdout,
    StdoutLock,
    OUTPUT,
    "The standard output",
    "Whole lines are written at once, the rest at the next flush."
);
stream!(stderr, Stderr, StderrLock, ERRORS, "The standard error", "Nothing is buffered.");
