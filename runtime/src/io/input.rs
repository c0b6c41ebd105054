//! Standard input.

use std::fmt;
use std::io::{self, BufRead, BufReader, Read};
use std::sync::LazyLock;

use threadle_scheduler::blocking;

use crate::sync::{Mutex, MutexGuard};

/// Std's stream, by calls handed off. Its own buffer is passed over: ours asks for as much as that holds.
struct Raw(io::Stdin);

impl Read for Raw {
    #[track_caller]
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        blocking(|| self.0.read(buffer))
    }
}

static INPUT: LazyLock<Mutex<BufReader<Raw>>> = LazyLock::new(|| Mutex::new(BufReader::new(Raw(io::stdin()))));

/// The standard input of the process. Switches: no.
///
/// ```
/// # let (reader, mut writer) = std::io::pipe().unwrap();
/// # std::io::Write::write_all(&mut writer, b"one\ntwo\n").unwrap();
/// # drop(writer);
/// # // SAFETY: the reader is open, and a standard stream that anybody holds goes on to be one.
/// # assert_eq!(unsafe { libc::dup2(std::os::fd::AsRawFd::as_raw_fd(&reader), 0) }, 0);
/// // $ printf 'one\ntwo\n' | program
/// threadle::run(|| {
///     for (line, said) in threadle::io::stdin().lines().zip(["one", "two"]) {
///         assert_eq!(line.unwrap(), said);
///     }
/// });
/// ```
pub fn stdin() -> Stdin {
    Stdin { input: &INPUT }
}

/// The standard input of the process, with a buffer that all handles share. Each call locks it; [`lock`](Self::lock) does so for several.
///
/// What was read ahead into the buffer is not seen by [`std::io::stdin`].
///
/// ```
/// # let (reader, mut writer) = std::io::pipe().unwrap();
/// # std::io::Write::write_all(&mut writer, b"all of it").unwrap();
/// # drop(writer);
/// # // SAFETY: the reader is open, and a standard stream that anybody holds goes on to be one.
/// # assert_eq!(unsafe { libc::dup2(std::os::fd::AsRawFd::as_raw_fd(&reader), 0) }, 0);
/// // $ printf 'all of it' | program
/// use std::io::Read;
/// threadle::run(|| {
///     let mut all = String::new();
///     threadle::io::stdin().read_to_string(&mut all).unwrap();
///     assert_eq!(all, "all of it");
/// });
/// ```
pub struct Stdin {
    input: &'static Mutex<BufReader<Raw>>,
}

/// The standard input, locked; made by [`Stdin::lock`]. It may be held over switching calls.
///
/// ```
/// # let (reader, mut writer) = std::io::pipe().unwrap();
/// # std::io::Write::write_all(&mut writer, b"two words").unwrap();
/// # drop(writer);
/// # // SAFETY: the reader is open, and a standard stream that anybody holds goes on to be one.
/// # assert_eq!(unsafe { libc::dup2(std::os::fd::AsRawFd::as_raw_fd(&reader), 0) }, 0);
/// // $ printf 'two words' | program
/// use std::io::BufRead;
/// threadle::run(|| {
///     let mut word = Vec::new();
///     threadle::io::stdin().lock().read_until(b' ', &mut word).unwrap();
///     assert_eq!(word, b"two ");
/// });
/// ```
pub struct StdinLock<'a> {
    input: MutexGuard<'a, BufReader<Raw>>,
}

impl Stdin {
    /// Waits until nobody else reads, and keeps others from it.
    ///
    /// Switches: yes.
    ///
    /// ```
    /// # let (reader, mut writer) = std::io::pipe().unwrap();
    /// # std::io::Write::write_all(&mut writer, b"one\ntwo\n").unwrap();
    /// # drop(writer);
    /// # // SAFETY: the reader is open, and a standard stream that anybody holds goes on to be one.
    /// # assert_eq!(unsafe { libc::dup2(std::os::fd::AsRawFd::as_raw_fd(&reader), 0) }, 0);
    /// // $ printf 'one\ntwo\n' | program
    /// use std::io::BufRead;
    /// threadle::run(|| {
    ///     let mut input = threadle::io::stdin().lock();
    ///     let mut lines = String::new();
    ///     while input.read_line(&mut lines).unwrap() > 0 {}
    ///     assert_eq!(lines, "one\ntwo\n");
    /// });
    /// ```
    #[track_caller]
    pub fn lock(&self) -> StdinLock<'static> {
        StdinLock { input: self.input.lock() }
    }

    /// Reads a line, its end included, behind what is in `line`; 0: the end of the input.
    ///
    /// Switches: yes.
    ///
    /// # Errors
    /// As [`BufRead::read_line`].
    ///
    /// ```
    /// # let (reader, mut writer) = std::io::pipe().unwrap();
    /// # std::io::Write::write_all(&mut writer, b"gopher\n").unwrap();
    /// # drop(writer);
    /// # // SAFETY: the reader is open, and a standard stream that anybody holds goes on to be one.
    /// # assert_eq!(unsafe { libc::dup2(std::os::fd::AsRawFd::as_raw_fd(&reader), 0) }, 0);
    /// // $ echo gopher | program
    /// threadle::run(|| {
    ///     let mut name = String::new();
    ///     assert_eq!(threadle::io::stdin().read_line(&mut name).unwrap(), 7);
    ///     assert_eq!(name.trim_end(), "gopher");
    /// });
    /// ```
    #[track_caller]
    pub fn read_line(&self, line: &mut String) -> io::Result<usize> {
        self.lock().read_line(line)
    }

    /// The lines to come, without their ends; the input is locked for as long. Switches: yes, and so does `next`.
    ///
    /// ```
    /// # let (reader, mut writer) = std::io::pipe().unwrap();
    /// # std::io::Write::write_all(&mut writer, b"one\ntwo\n").unwrap();
    /// # drop(writer);
    /// # // SAFETY: the reader is open, and a standard stream that anybody holds goes on to be one.
    /// # assert_eq!(unsafe { libc::dup2(std::os::fd::AsRawFd::as_raw_fd(&reader), 0) }, 0);
    /// // $ printf 'one\ntwo\n' | program
    /// threadle::run(|| assert_eq!(threadle::io::stdin().lines().count(), 2));
    /// ```
    pub fn lines(self) -> io::Lines<StdinLock<'static>> {
        self.lock().lines()
    }
}

impl Read for &Stdin {
    #[track_caller]
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.lock().read(buffer)
    }

    #[track_caller]
    fn read_to_end(&mut self, buffer: &mut Vec<u8>) -> io::Result<usize> {
        self.lock().read_to_end(buffer)
    }

    #[track_caller]
    fn read_to_string(&mut self, buffer: &mut String) -> io::Result<usize> {
        self.lock().read_to_string(buffer)
    }

    #[track_caller]
    fn read_exact(&mut self, buffer: &mut [u8]) -> io::Result<()> {
        self.lock().read_exact(buffer)
    }
}

impl Read for Stdin {
    #[track_caller]
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        (&*self).read(buffer)
    }

    #[track_caller]
    fn read_to_end(&mut self, buffer: &mut Vec<u8>) -> io::Result<usize> {
        (&*self).read_to_end(buffer)
    }

    #[track_caller]
    fn read_to_string(&mut self, buffer: &mut String) -> io::Result<usize> {
        (&*self).read_to_string(buffer)
    }

    #[track_caller]
    fn read_exact(&mut self, buffer: &mut [u8]) -> io::Result<()> {
        (&*self).read_exact(buffer)
    }
}

impl Read for StdinLock<'_> {
    #[track_caller]
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.input.read(buffer)
    }
}

impl BufRead for StdinLock<'_> {
    #[track_caller]
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        self.input.fill_buf()
    }

    fn consume(&mut self, amount: usize) {
        self.input.consume(amount);
    }
}

impl fmt::Debug for Stdin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Stdin { .. }")
    }
}

impl fmt::Debug for StdinLock<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("StdinLock { .. }")
    }
}
