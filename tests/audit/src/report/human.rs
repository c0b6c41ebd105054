//! The report for people.

use super::{Finding, Held, Place, Report, Step, Use};
use std::fmt;

/// A longer way is cut in the middle.
const LONGEST_WAY: usize = 8;

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, finding) in self.findings.iter().enumerate() {
            writeln!(f, "{}. {finding}", number + 1)?;
        }
        match self.findings.len() {
            0 => writeln!(f, "No function holds the address of a thread-local over a switch.")?,
            1 => writeln!(f, "1 address of a thread-local is held over a switch.")?,
            count => writeln!(f, "{count} addresses of thread-locals are held over a switch.")?,
        }
        if !self.findings.is_empty() {
            f.write_str(MEND)?;
        }
        if self.allowed > 0 {
            writeln!(f, "Allowed, and not shown: {}.", self.allowed)?;
        }
        writeln!(
            f,
            "\nLooked at: {} functions, {} calls and {} calls through pointers; {} functions read the thread pointer, {} can reach the \
             switch, {} were followed.",
            self.functions, self.calls, self.pointer_calls, self.readers, self.reaching, self.followed
        )?;
        writeln!(f, "The switch is in: {}.", self.switches.join(", "))?;
        if !self.lost.is_empty() {
            writeln!(f, "Jumps whose destinations were not found, in: {}.", self.lost.join(", "))?;
        }
        if !self.given_up.is_empty() {
            writeln!(f, "Too large to follow: {}.", self.given_up.join(", "))?;
        }
        if self.no_lines {
            writeln!(f, "There are no line tables: build with `debug = \"line-tables-only\"` to see source lines.")?;
        }
        Ok(())
    }
}

const MEND: &str = "\
To mend one: touch the thread-local on one side of the call only; or in a function of its own on each side, `#[inline(never)]`, which gives
out a copy through `std::hint::black_box`; or keep what it holds in goroutine-local storage. A function that runs on plain threads only
needs nothing: name it with --allow.
";

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.function)?;
        let variables = if self.variables.is_empty() { "a thread-local".to_owned() } else { self.variables.join(", ") };
        write_place(f, &format!("address of {variables}"), &self.computed)?;
        self.held.iter().try_for_each(|held| held.fmt(f))
    }
}

impl fmt::Display for Held {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_place(f, "held over a call", &self.call)?;
        let cut = self.path.len().saturating_sub(LONGEST_WAY);
        let half = LONGEST_WAY / 2;
        for (index, step) in self.path.iter().enumerate() {
            if cut > 0 && index == half {
                writeln!(f, "      -> .. {cut} more ..")?;
            }
            if cut == 0 || index < half || index >= half + cut {
                writeln!(f, "      -> {step}")?;
            }
        }
        let mut shown = None;
        for (kind, place) in &self.uses {
            // One line of source is often several instructions.
            if shown.replace((kind, &place.lines)) != Some((kind, &place.lines)) || place.lines.is_empty() {
                write_place(f, &kind.to_string(), place)?;
            }
        }
        Ok(())
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Step::Function(name) => f.write_str(name),
            Step::Pointer => f.write_str("a call through a pointer"),
            Step::Switch => f.write_str("the switch"),
        }
    }
}

impl fmt::Display for Use {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Use::Read => "then read through",
            Use::Written => "then written through",
            Use::Passed => "then passed on",
            Use::Stored => "then stored",
            Use::Returned => "then returned",
            Use::Within => "used within, after it",
        })
    }
}

fn write_place(f: &mut fmt::Formatter<'_>, what: &str, place: &Place) -> fmt::Result {
    write!(f, "    {what:<24} ")?;
    let Some((own, inlined)) = place.lines.split_first() else { return writeln!(f, "at {:#x}", place.address) };
    write!(f, "{}:{}", own.file, own.line)?;
    if let Some(innermost) = inlined.last() {
        write!(f, "  (inlined: {}, {}:{})", innermost.function, innermost.file, innermost.line)?;
    }
    writeln!(f)
}
