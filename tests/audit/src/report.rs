//! What an audit found.

mod human;
mod json;

/// The findings, and what was looked at.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Report {
    /// By function, in the order of the file.
    pub findings: Vec<Finding>,
    /// Findings in functions that were allowed.
    pub allowed: usize,
    /// How many functions the binary has.
    pub functions: usize,
    /// How many of them were followed instruction by instruction.
    pub followed: usize,
    /// How many read the thread pointer.
    pub readers: usize,
    /// The functions that switch.
    pub switches: Vec<String>,
    /// How many functions can reach them.
    pub reaching: usize,
    /// Direct calls and tail calls.
    pub calls: usize,
    /// Calls through pointers that the file does not fix.
    pub pointer_calls: usize,
    /// Functions with a jump whose destinations were not found.
    pub lost: Vec<String>,
    /// Functions that were too large to follow.
    pub given_up: Vec<String>,
    /// The binary has no line tables.
    pub no_lines: bool,
}

/// A function that holds the address of a thread-local over a switch.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct Finding {
    /// The function, demangled.
    pub function: String,
    /// Its symbol.
    pub symbol: String,
    /// The thread-locals that it is, or leads to: several may be reached from one address. Empty where the binary does not tell.
    pub variables: Vec<String>,
    /// Where the address is computed.
    pub computed: Place,
    /// The calls it is held over.
    pub held: Vec<Held>,
}

/// A call that can reach the switch, and the uses of the address behind it.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct Held {
    /// Where the call is.
    pub call: Place,
    /// The way to the switch, the callee first.
    pub path: Vec<Step>,
    /// What is done with the address afterwards.
    pub uses: Vec<(Use, Place)>,
}

/// A position in the code and in the source.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct Place {
    /// The instruction's address in the file.
    pub address: u64,
    /// The source lines, that of the function itself first, then those of what was inlined there.
    pub lines: Vec<Line>,
}

/// A source line.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct Line {
    /// The file, as the compiler saw it.
    pub file: String,
    /// The line, from 1.
    pub line: u32,
    /// The function there.
    pub function: String,
}

/// A step on the way to the switch.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Step {
    /// A function.
    Function(String),
    /// A call through a pointer.
    Pointer,
    /// The switch.
    Switch,
}

/// What is done with an address that may be another thread's.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Use {
    /// Memory is read through it.
    Read,
    /// Memory is written through it.
    Written,
    /// It is given to a function.
    Passed,
    /// It is stored outside the frame.
    Stored,
    /// It is returned.
    Returned,
    /// The function that is called was given it, and uses it after its own switch.
    Within,
}
