//! What a row of the table is.

use std::time::Duration;

use crate::peer::Peer;

/// How much of everything.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Scale {
    Full,
    Quick,
}

/// A number that a program is given: its name, at full size and at the quick one.
pub(crate) type Size = (&'static str, u64, u64);

/// A program at one size: one or more rows of the table.
#[derive(Debug)]
pub(crate) struct Row {
    /// For `--only`.
    pub(crate) name: &'static str,
    /// For the table.
    pub(crate) title: &'static str,
    /// Which program of each peer.
    pub(crate) program: &'static str,
    pub(crate) sizes: &'static [Size],
    pub(crate) figures: &'static [Figure],
    /// Seconds, at full size and at the quick one, until a run counts as hung.
    pub(crate) limit: (u64, u64),
}

/// One of the figures that a program answers.
#[derive(Debug)]
pub(crate) struct Figure {
    /// Its name in the answer.
    pub(crate) key: &'static str,
    /// Behind the program's title, where it has several.
    pub(crate) title: &'static str,
    pub(crate) unit: &'static str,
    pub(crate) better: Better,
    /// All of them are to be met, by migrating mode.
    pub(crate) bounds: &'static [Bound],
    /// By how much bound mode may miss them: 1.05 for five per cent. None where they are not for it.
    pub(crate) margin: Option<f64>,
}

/// Which way is better.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Better {
    Less,
    More,
}

/// How good a figure is to be: at most, or where more is better at least, ..
#[derive(Clone, Copy, PartialEq, Debug)]
pub(crate) enum Bound {
    /// .. this.
    Number(f64),
    /// .. so many times this peer's.
    Times(f64, Peer),
    /// .. so many times the best peer's.
    TimesBest(f64),
}

impl Scale {
    /// The one of two that goes with it.
    pub(crate) fn pick<T>(self, full: T, quick: T) -> T {
        match self {
            Scale::Full => full,
            Scale::Quick => quick,
        }
    }
}

impl Row {
    pub(crate) fn limit(&self, scale: Scale) -> Duration {
        Duration::from_secs(scale.pick(self.limit.0, self.limit.1))
    }
}

/// The words of a program's command line: `KEY=NUMBER ..`.
pub(crate) fn arguments(sizes: &[Size], scale: Scale) -> Vec<String> {
    sizes.iter().map(|(key, full, quick)| format!("{key}={}", scale.pick(full, quick))).collect()
}
