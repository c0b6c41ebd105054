//! Text from within a signal handler.

/// Gathers a line and writes it to stderr: no allocation, no lock, no formatting machinery. Async-signal-safe.
#[derive(Debug)]
pub(crate) struct SignalWriter {
    buffer: [u8; 512],
    length: usize,
}

impl SignalWriter {
    pub(super) const fn new() -> SignalWriter {
        SignalWriter { buffer: [0; 512], length: 0 }
    }

    /// Adds text.
    pub(crate) fn str(&mut self, text: &str) {
        let mut rest = text.as_bytes();
        while !rest.is_empty() {
            if self.length == self.buffer.len() {
                self.flush();
            }
            let count = rest.len().min(self.buffer.len() - self.length);
            self.buffer[self.length..self.length + count].copy_from_slice(&rest[..count]);
            self.length += count;
            rest = &rest[count..];
        }
    }

    /// Adds a number.
    pub(crate) fn decimal(&mut self, number: u64) {
        let mut digits = [0; 20];
        let mut start = digits.len();
        let mut rest = number;
        loop {
            start -= 1;
            digits[start] = b'0' + (rest % 10) as u8;
            rest /= 10;
            if rest == 0 {
                break;
            }
        }
        self.str(str::from_utf8(&digits[start..]).unwrap_or("?"));
    }

    /// Writes what was gathered. Where stderr takes nothing, it is lost: there is nobody else to tell.
    pub(super) fn flush(&mut self) {
        let mut rest = &self.buffer[..self.length];
        while !rest.is_empty() {
            // SAFETY: the buffer is readable for the length given.
            let count = unsafe { libc::write(libc::STDERR_FILENO, rest.as_ptr().cast(), rest.len()) };
            match usize::try_from(count) {
                Ok(count) if count > 0 => rest = &rest[count..],
                _ if std::io::Error::last_os_error().raw_os_error() == Some(libc::EINTR) => {}
                _ => break,
            }
        }
        self.length = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(writer: &SignalWriter) -> &str {
        str::from_utf8(&writer.buffer[..writer.length]).expect("only text was written")
    }

    #[test]
    fn numbers_and_text() {
        let mut writer = SignalWriter::new();
        for number in [0, 7, 10, 42, u64::MAX] {
            writer.decimal(number);
            writer.str(" ");
        }
        writer.str("\"käse\"");
        assert_eq!(text(&writer), "0 7 10 42 18446744073709551615 \"käse\"");
    }
}
