//! From a reader to a writer.

use std::io::{self, ErrorKind, Read, Write};

use threadle_scheduler::checkpoint;

/// Larger than std's: for a file each read and write is a call handed off.
const BUFFER: usize = 64 << 10;

/// Copies all that `reader` gives to `writer`, and flushes that; how many bytes. As [`std::io::copy`], with a larger buffer, and a
/// [`checkpoint`] between its pieces: endless ones that never wait hold up nobody.
///
/// Switches: yes.
///
/// # Errors
/// Those of reading and writing; interrupted calls are repeated. What was read and not written is lost.
///
/// ```
/// use threadle::{fs::File, io};
/// threadle::run(|| {
///     let mut copied = Vec::new();
///     let length = io::copy(&mut File::open("/proc/self/status").unwrap(), &mut copied).unwrap();
///     assert_eq!(length, copied.len() as u64);
/// });
/// ```
#[track_caller]
pub fn copy<R, W>(reader: &mut R, writer: &mut W) -> io::Result<u64>
where
    R: Read + ?Sized,
    W: Write + ?Sized,
{
    let mut buffer = vec![0; BUFFER];
    let mut copied = 0;
    loop {
        match reader.read(&mut buffer) {
            Ok(0) => {
                writer.flush()?;
                return Ok(copied);
            }
            Ok(length) => {
                writer.write_all(&buffer[..length])?;
                copied += length as u64;
            }
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
        checkpoint();
    }
}
