//! The table's rows, and what is to be met in each.

use crate::peer::Peer;
use crate::program::{
    Better, Better::Less, Better::More, Bound, Bound::Number, Bound::Times, Bound::TimesBest, Figure, Row,
};

/// What bound mode may cost more than migrating: 5 % where started goroutines hardly wait for each other, 10 % where they do nothing else,
/// 15 % where they wait for the network.
const APART: Option<f64> = Some(1.05);
const TOGETHER: Option<f64> = Some(1.10);
const NETWORK: Option<f64> = Some(1.15);

const fn figure(
    key: &'static str,
    title: &'static str,
    unit: &'static str,
    better: Better,
    bounds: &'static [Bound],
    margin: Option<f64>,
) -> Figure {
    Figure { key, title, unit, better, bounds, margin }
}

const fn nanoseconds(bounds: &'static [Bound], margin: Option<f64>) -> Figure {
    figure("ns", "", "ns", Less, bounds, margin)
}

const ECHO: &[Figure] = &[
    figure(
        "per_second",
        "round trips a second",
        "/s",
        More,
        &[Times(1.2, Peer::Go), TimesBest(1.05), Times(0.85, Peer::Floor)],
        NETWORK,
    ),
    figure("cpu_us", "CPU a round trip", "us", Less, &[Times(0.9, Peer::Go)], NETWORK),
];

const ACCEPT: &[Figure] = &[
    figure("per_second", "connections a second", "/s", More, &[Times(1.0, Peer::Go)], NETWORK),
    figure("cpu_us", "the server's CPU for one", "us", Less, &[], NETWORK),
];

const HTTP: &[Figure] = &[
    figure("per_cpu_second", "requests a second of the server's CPU", "/s", More, &[Times(1.5, Peer::Go)], NETWORK),
    figure("per_second", "requests a second", "/s", More, &[], NETWORK),
];

/// Seconds until a program counts as hung, unless a row knows better.
const LIMIT: (u64, u64) = (120, 30);

pub(crate) const ROWS: &[Row] = &[
    Row {
        name: "yield",
        title: "yield, 100 goroutines",
        program: "yield",
        sizes: &[("goroutines", 100, 100), ("yields", 4_000_000, 200_000)],
        figures: &[nanoseconds(&[Number(12.0)], APART)],
        limit: LIMIT,
    },
    Row {
        name: "spawn",
        title: "spawn and finish, from one goroutine",
        program: "spawn",
        sizes: &[("goroutines", 2_000_000, 200_000)],
        figures: &[nanoseconds(&[Number(50.0)], APART)],
        limit: LIMIT,
    },
    Row {
        name: "ping-pong",
        title: "ping-pong over two rendezvous channels, a round",
        program: "ping-pong",
        sizes: &[("rounds", 1_000_000, 50_000)],
        figures: &[nanoseconds(&[Number(60.0)], TOGETHER)],
        limit: LIMIT,
    },
    Row {
        name: "bounded",
        title: "bounded(128), 4 senders, 4 receivers, a value",
        program: "bounded",
        sizes: &[("values", 4_000_000, 200_000), ("senders", 4, 4), ("receivers", 4, 4), ("capacity", 128, 128)],
        figures: &[nanoseconds(&[Number(20.0)], TOGETHER)],
        limit: LIMIT,
    },
    Row {
        name: "select",
        title: "select over 3 rendezvous channels, a value",
        program: "select",
        sizes: &[("values", 1_500_000, 60_000)],
        figures: &[nanoseconds(&[Number(80.0)], TOGETHER)],
        limit: LIMIT,
    },
    Row {
        name: "mutex",
        title: "mutex, 8 goroutines, lock and unlock",
        program: "mutex",
        sizes: &[("goroutines", 8, 8), ("locks", 8_000_000, 400_000)],
        figures: &[nanoseconds(&[Number(11.0)], TOGETHER)],
        limit: LIMIT,
    },
    Row {
        name: "skynet",
        title: "skynet, 1 M leaves",
        program: "skynet",
        sizes: &[("leaves", 1_000_000, 100_000)],
        figures: &[figure("ms", "", "ms", Less, &[Number(120.0)], APART)],
        limit: LIMIT,
    },
    Row {
        name: "fib",
        title: "fib(27), a goroutine a call",
        program: "fib",
        sizes: &[("n", 27, 20)],
        figures: &[figure("ms", "", "ms", Less, &[Number(35.0)], APART)],
        limit: LIMIT,
    },
    Row {
        name: "parked",
        title: "1 M parked",
        program: "parked",
        sizes: &[("goroutines", 1_000_000, 100_000)],
        figures: &[
            figure("bytes", "memory of each", "B", Less, &[Number(5_000.0)], Some(1.0)),
            figure("start_s", "start", "s", Less, &[Times(0.9, Peer::Go)], APART),
            figure("wake_s", "wake", "s", Less, &[Number(0.3)], APART),
        ],
        limit: LIMIT,
    },
    Row {
        name: "sleeps",
        title: "1 M random sleeps of up to 2 s",
        program: "sleeps",
        sizes: &[("goroutines", 1_000_000, 100_000), ("longest_ms", 2_000, 200)],
        figures: &[
            figure("lateness_ms", "mean lateness", "ms", Less, &[Times(0.1, Peer::Tokio)], APART),
            figure("cpu_s", "CPU", "s", Less, &[Times(0.6, Peer::Go)], APART),
        ],
        limit: LIMIT,
    },
    Row {
        name: "timer",
        title: "timer, 100 k standing: arm and stop",
        program: "timer",
        sizes: &[("standing", 100_000, 100_000), ("operations", 1_000_000, 50_000)],
        figures: &[
            figure("armed_ns", "one that fires by itself", "ns", Less, &[Number(35.0)], APART),
            figure("unwatched_ns", "one nobody waits for", "ns", Less, &[Number(35.0)], APART),
        ],
        limit: LIMIT,
    },
    Row {
        name: "read",
        title: "read of a byte of /dev/zero, announced",
        program: "read",
        sizes: &[("operations", 2_000_000, 100_000)],
        figures: &[
            nanoseconds(&[], APART),
            figure("added_ns", "more than the bare call", "ns", Less, &[Number(10.0)], APART),
        ],
        limit: LIMIT,
    },
    Row {
        name: "blocking",
        title: "64 x 20 blocking calls of 10 ms (ideal: 200)",
        program: "blocking",
        sizes: &[("goroutines", 64, 64), ("calls", 20, 5), ("call_ms", 10, 10)],
        figures: &[figure("ms", "", "ms", Less, &[Number(206.0)], Some(1.0))],
        limit: LIMIT,
    },
    Row {
        name: "hogs",
        title: "4 hogs on 2 processors, a sleeper of 1 ms",
        program: "hogs",
        sizes: &[("hogs", 4, 4), ("sleeps", 300, 30)],
        figures: &[figure("lateness_ms", "mean lateness", "ms", Less, &[Number(0.5)], None)],
        limit: (20, 4),
    },
    Row {
        name: "ticker",
        title: "one 10 ms ticker, 1 000 parked",
        program: "ticker",
        sizes: &[("parked", 1_000, 1_000), ("ticks", 500, 50)],
        figures: &[figure("cpu_percent", "CPU", "%", Less, &[Number(0.3)], Some(1.0))],
        limit: LIMIT,
    },
    Row {
        name: "echo-2",
        title: "echo of 64 B, 2 connections",
        program: "echo",
        sizes: &[("connections", 2, 2), ("round_trips", 200_000, 10_000)],
        figures: ECHO,
        limit: LIMIT,
    },
    Row {
        name: "echo-100",
        title: "echo of 64 B, 100 connections",
        program: "echo",
        sizes: &[("connections", 100, 100), ("round_trips", 300_000, 20_000)],
        figures: ECHO,
        limit: LIMIT,
    },
    Row {
        name: "echo-1000",
        title: "echo of 64 B, 1 000 connections",
        program: "echo",
        sizes: &[("connections", 1_000, 1_000), ("round_trips", 300_000, 20_000)],
        figures: ECHO,
        limit: LIMIT,
    },
    Row {
        name: "accept",
        title: "accept, answer a byte, close",
        program: "accept",
        sizes: &[("connections", 60_000, 5_000), ("at_once", 64, 64)],
        figures: ACCEPT,
        limit: LIMIT,
    },
    Row {
        name: "http",
        title: "HTTP/1.1 hello, 256 connections that stay",
        program: "http",
        sizes: &[("connections", 256, 256), ("seconds", 5, 1)],
        figures: HTTP,
        limit: LIMIT,
    },
];
