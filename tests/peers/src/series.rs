//! How cost grows: one program over a range of one of its numbers.

use std::time::Duration;

use crate::peer::Peer;
use crate::program::{Better, Scale, Size};

/// A chart: one program, one of its numbers over a range.
#[derive(Debug)]
pub(crate) struct Series {
    /// For `--only`, and the chart's file.
    pub(crate) name: &'static str,
    pub(crate) title: &'static str,
    pub(crate) program: &'static str,
    /// Which number varies, and what it counts.
    pub(crate) over: (&'static str, &'static str),
    pub(crate) points: &'static [u64],
    /// Of these, those of a quick run.
    pub(crate) quick: &'static [u64],
    /// The numbers that stay.
    pub(crate) sizes: &'static [Size],
    /// The figure that is charted, and its unit.
    pub(crate) figure: (&'static str, &'static str),
    pub(crate) better: Better,
    /// From the point of the first number on, the figure is to stay within the second one's times what it is there.
    pub(crate) flat: Option<(u64, f64)>,
}

/// Peers that a series is not for: the floor has no scheduler, so nothing of it grows.
pub(crate) fn is_for(peer: Peer) -> bool {
    peer != Peer::Floor
}

/// Until a run counts as hung.
pub(crate) fn limit(scale: Scale) -> Duration {
    Duration::from_secs(scale.pick(120, 30))
}

impl Series {
    pub(crate) fn points(&self, scale: Scale) -> &'static [u64] {
        scale.pick(self.points, self.quick)
    }
}

const YIELDS: Size = ("yields", 2_000_000, 100_000);
const PROCS: (&str, &str) = ("workers", "processors, on a machine of two CPUs");
const OVERSUBSCRIBED: Option<(u64, f64)> = Some((2, 1.3));

pub(crate) const SERIES: &[Series] = &[
    Series {
        name: "yield-growth",
        title: "yield",
        program: "yield",
        over: ("goroutines", "goroutines that yield"),
        points: &[10, 1_000, 100_000, 1_000_000],
        quick: &[10, 1_000],
        sizes: &[YIELDS],
        figure: ("ns", "ns a yield"),
        better: Better::Less,
        flat: None,
    },
    Series {
        name: "timer-growth",
        title: "timer: arm and stop",
        program: "timer",
        over: ("standing", "timers armed"),
        points: &[1_000, 10_000, 100_000, 1_000_000, 10_000_000],
        quick: &[1_000, 100_000],
        sizes: &[("operations", 500_000, 20_000)],
        figure: ("armed_ns", "ns a timer"),
        better: Better::Less,
        flat: None,
    },
    Series {
        name: "channel-growth",
        title: "rendezvous channel, one sender",
        program: "waiters",
        over: ("waiters", "goroutines that wait to receive"),
        points: &[2, 10, 100, 1_000],
        quick: &[2, 100],
        sizes: &[("values", 500_000, 20_000)],
        figure: ("ns", "ns a value"),
        better: Better::Less,
        flat: None,
    },
    Series {
        name: "connection-growth",
        title: "echo of 64 B, server and client in a process each",
        program: "connections",
        over: ("connections", "connections"),
        points: &[10, 100, 1_000, 10_000, 19_000],
        quick: &[10, 1_000],
        sizes: &[("round_trips", 200_000, 10_000)],
        figure: ("per_second", "round trips a second"),
        better: Better::More,
        flat: None,
    },
    Series {
        name: "procs-yield",
        title: "yield, 100 goroutines",
        program: "yield",
        over: PROCS,
        points: &[1, 2, 4, 16],
        quick: &[2, 16],
        sizes: &[("goroutines", 100, 100), YIELDS],
        figure: ("ns", "ns a yield"),
        better: Better::Less,
        flat: OVERSUBSCRIBED,
    },
    Series {
        name: "procs-bounded",
        title: "bounded(128), 4 senders, 4 receivers",
        program: "bounded",
        over: PROCS,
        points: &[1, 2, 4, 16],
        quick: &[2, 16],
        sizes: &[("values", 2_000_000, 100_000), ("senders", 4, 4), ("receivers", 4, 4), ("capacity", 128, 128)],
        figure: ("ns", "ns a value"),
        better: Better::Less,
        flat: OVERSUBSCRIBED,
    },
    Series {
        name: "procs-skynet",
        title: "skynet, 100 k leaves",
        program: "skynet",
        over: PROCS,
        points: &[1, 2, 4, 16],
        quick: &[2, 16],
        sizes: &[("leaves", 100_000, 10_000)],
        figure: ("ms", "ms"),
        better: Better::Less,
        flat: OVERSUBSCRIBED,
    },
];
