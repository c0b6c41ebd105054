//! Lines for the operator.
//!
//! `println!` and `eprintln!` panic when nobody reads the other end any more,
//! and would take the worker along that had something to say. What the service
//! tells is worth less than what it does: an error in telling it is passed over.

use std::fmt;
use std::io::{self, Write};

/// Writes `text` and a newline to stderr.
pub fn log(text: fmt::Arguments<'_>) {
    let _nobody_reads = write_line(io::stderr(), text);
}

/// Writes `text` and a newline to stdout.
pub fn print(text: fmt::Arguments<'_>) {
    let _nobody_reads = write_line(io::stdout(), text);
}

fn write_line(mut to: impl Write, text: fmt::Arguments<'_>) -> io::Result<()> {
    // In one piece: stderr has no buffer.
    to.write_all(format!("{text}\n").as_bytes())?;
    to.flush()
}
