//! The two modes, as values.

use std::fmt;
use std::str::FromStr;

/// The mode a body runs in.
///
/// ```
/// use threadle::testing::Mode;
/// for mode in Mode::BOTH {
///     assert_eq!(mode.name().parse(), Ok(mode));
/// }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Mode {
    /// A started goroutine stays on its thread: [`run`](crate::run).
    Bound,
    /// A started goroutine moves to whichever thread is free: [`run_migrating`](crate::run_migrating).
    Migrating,
}

impl Mode {
    /// Both of them.
    ///
    /// ```
    /// use threadle::testing::Mode;
    /// assert_eq!(Mode::BOTH.map(|mode| mode.to_string()), ["bound", "migrating"]);
    /// ```
    pub const BOTH: [Mode; 2] = [Mode::Bound, Mode::Migrating];

    /// The mode's name in one word, which [`str::parse`] reads.
    ///
    /// ```
    /// use threadle::testing::Mode;
    /// assert_eq!(Mode::Bound.name(), "bound");
    /// ```
    pub const fn name(self) -> &'static str {
        match self {
            Mode::Bound => "bound",
            Mode::Migrating => "migrating",
        }
    }

    pub(super) fn of_the_scheduler(self) -> threadle_scheduler::Mode {
        match self {
            Mode::Bound => threadle_scheduler::Mode::Bound,
            Mode::Migrating => threadle_scheduler::Mode::Migrating,
        }
    }
}

impl fmt::Display for Mode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Mode {
    type Err = ParseModeError;

    /// # Errors
    /// If it is the name of neither.
    fn from_str(name: &str) -> Result<Mode, ParseModeError> {
        Mode::BOTH.into_iter().find(|mode| mode.name() == name).ok_or(ParseModeError)
    }
}

/// Not the name of a [`Mode`].
///
/// ```
/// use threadle::testing::{Mode, ParseModeError};
/// let error: ParseModeError = "sideways".parse::<Mode>().unwrap_err();
/// assert_eq!(error.to_string(), "neither \"bound\" nor \"migrating\"");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ParseModeError;

impl fmt::Display for ParseModeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("neither \"bound\" nor \"migrating\"")
    }
}

impl std::error::Error for ParseModeError {}
