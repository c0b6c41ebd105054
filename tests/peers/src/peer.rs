//! Who is compared.

use std::fmt;

/// A system, and for threadle a mode of it: a column of the table.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) enum Peer {
    /// threadle's safe mode.
    Bound,
    /// threadle's mode that is Go's model in full.
    Migrating,
    /// Go.
    Go,
    /// tokio.
    Tokio,
    /// may.
    May,
    /// The system calls alone.
    Floor,
}

impl Peer {
    /// All of them, in the order of the table's columns.
    pub(crate) const ALL: [Peer; 6] = [Peer::Bound, Peer::Migrating, Peer::Go, Peer::Tokio, Peer::May, Peer::Floor];

    /// Those that are not threadle and that one would use instead.
    pub(crate) const OTHERS: [Peer; 3] = [Peer::Go, Peer::Tokio, Peer::May];

    /// Its name on the command line.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Peer::Bound => "bound",
            Peer::Migrating => "migrating",
            Peer::Go => "go",
            Peer::Tokio => "tokio",
            Peer::May => "may",
            Peer::Floor => "floor",
        }
    }

    /// Its name in tables and charts.
    pub(crate) fn title(self) -> &'static str {
        match self {
            Peer::Bound => "threadle, bound",
            Peer::Migrating => "threadle, migrating",
            Peer::Go => "Go",
            Peer::Tokio => "tokio",
            Peer::May => "may",
            Peer::Floor => "floor",
        }
    }

    /// The peer of that name.
    pub(crate) fn from_name(name: &str) -> Option<Peer> {
        Peer::ALL.into_iter().find(|peer| peer.name() == name)
    }

    /// Whether it is threadle.
    pub(crate) fn is_ours(self) -> bool {
        matches!(self, Peer::Bound | Peer::Migrating)
    }
}

impl fmt::Display for Peer {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.title())
    }
}
