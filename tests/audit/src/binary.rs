//! The audit of one binary.

use crate::calls::{CallGraph, Indirect};
use crate::findings;
use crate::image::Image;
use crate::report::Report;
use crate::summaries;
use std::fmt;

/// What to look for.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// What is assumed of calls through pointers.
    pub indirect: Indirect,
    /// Further functions that switch: whose name contains one of these.
    pub switches: Vec<String>,
    /// Functions that were looked at and found to be right: findings in functions whose name contains one of these are counted only.
    pub allowed: Vec<String>,
}

/// Why a file could not be audited.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum CannotLook {
    /// Nothing the object-file reader knows, or it is damaged.
    NotAnObject(String),
    /// An object file of another kind of system.
    NotElf(String),
    /// Code of another architecture.
    NotX86_64(String),
    /// An object file or archive that the linker has yet to see.
    NotLinked,
    /// There are no symbols of functions.
    Stripped,
    /// Nothing in it switches goroutines.
    NoSwitch,
    /// No function has this name.
    NoSuchFunction(String),
}

impl fmt::Display for CannotLook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            CannotLook::NotAnObject(why) => write!(f, "this is no object file that can be read: {why}"),
            CannotLook::NotElf(format) => write!(f, "this is no ELF file but {format}"),
            CannotLook::NotX86_64(architecture) => {
                write!(f, "this is code for {architecture}: only x86-64 is understood so far")
            }
            CannotLook::NotLinked => f.write_str("this file is not linked: audit the program or the shared library"),
            CannotLook::Stripped => {
                f.write_str("it has no symbols of functions: audit it before `strip`, built with `strip = false`")
            }
            CannotLook::NoSwitch => f.write_str(
                "nothing in it switches goroutines: there is neither corosensei's switch nor a function of one of the known names; \
                 if another one does, name it with --switch",
            ),
            CannotLook::NoSuchFunction(name) => write!(f, "no function's name contains {name:?}"),
        }
    }
}

impl std::error::Error for CannotLook {}

/// Reports every function of the binary that holds the address of a thread-local over a call which can reach the switch.
///
/// # Errors
/// Where there is nothing to look at: see [`CannotLook`]. What is merely damaged in parts is left out.
///
/// # Examples
/// ```
/// use threadle_audit::{CannotLook, Options, audit};
///
/// assert!(matches!(audit(b"no binary", &Options::default()), Err(CannotLook::NotAnObject(_))));
/// ```
pub fn audit(bytes: &[u8], options: &Options) -> Result<Report, CannotLook> {
    let image = Image::parse(bytes)?;
    let graph = CallGraph::of(&image, options.indirect, &options.switches)?;
    let outcomes = summaries::outcomes(&image, &graph);
    Ok(findings::report(&image, &graph, &outcomes, &options.allowed))
}
