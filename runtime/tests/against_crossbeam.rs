//! The same random programs over our channels and over `crossbeam-channel`'s: whatever these return, ours must.
//!
//! The programs are written once, as macros, and compiled against either crate, which also shows that names and signatures agree. (What is ours
//! alone, `close`, is not used.) Two kinds of program have outcomes that do not depend on timing:
//!
//! * *one thread*, all calls that do not wait, and time-outs that pass;
//! * *a network*: processes of which each sends and receives in a fixed order, over channels with one sender and one receiver each. What a process
//!   receives is then determined (Kahn, "The semantics of a simple language for parallel programming", 1974), however the processes are run.

mod support;

use support::{Place, Random, everywhere};

/// A step of a program on one thread. Channels and their halves are chosen modulo what there is.
#[derive(Clone, Debug)]
enum Step {
    TrySend(usize, u64),
    SendTimeout(usize, u64),
    TryReceive(usize),
    ReceiveTimeout(usize),
    CloneSender(usize),
    CloneReceiver(usize),
    DropSender(usize),
    DropReceiver(usize),
    Ask(usize),
    Drain(usize),
    /// Arms: a channel, and whether to send.
    TrySelect(Vec<(usize, bool)>, u64),
    SelectTimeout(Vec<(usize, bool)>, u64),
    TryReady(Vec<(usize, bool)>),
    /// The macro, over two channels.
    Macro(usize, usize, u64),
}

/// The capacities of the channels, `None` for unbounded, and the steps.
#[derive(Clone, Debug)]
struct Sequence {
    capacities: Vec<Option<usize>>,
    steps: Vec<Step>,
}

impl Sequence {
    fn draw(random: &mut Random) -> Self {
        let capacities = [Some(0), Some(1), Some(3), None];
        let capacities: Vec<_> = (0..1 + random.below(3)).map(|_| capacities[random.below(4) as usize]).collect();
        let channel = |random: &mut Random| random.below(capacities.len() as u64) as usize;
        let arms =
            |random: &mut Random| (0..1 + random.below(4)).map(|_| (channel(random), random.below(2) == 0)).collect();
        let steps = (0..60)
            .map(|_| match random.below(30) {
                0..=6 => Step::TrySend(channel(random), random.next()),
                7..=12 => Step::TryReceive(channel(random)),
                13 => Step::SendTimeout(channel(random), random.next()),
                14 => Step::ReceiveTimeout(channel(random)),
                15 => Step::CloneSender(channel(random)),
                16 => Step::CloneReceiver(channel(random)),
                17 => Step::DropSender(channel(random)),
                18 => Step::DropReceiver(channel(random)),
                19..=20 => Step::Ask(channel(random)),
                21 => Step::Drain(channel(random)),
                22..=24 => Step::TrySelect(arms(random), random.next()),
                25 => Step::SelectTimeout(arms(random), random.next()),
                26 => Step::TryReady(arms(random)),
                _ => Step::Macro(channel(random), channel(random), random.next()),
            })
            .collect();
        Sequence { capacities, steps }
    }
}

/// How a process of a network makes one of its moves.
#[derive(Clone, Copy, Debug)]
enum How {
    Plain,
    Timeout,
    /// In a `select!` beside an arm that never comes.
    Macro,
    /// In a `Select` beside such an arm.
    Dynamic,
}

#[derive(Clone, Copy, Debug)]
enum Move {
    Send { channel: usize, value: u64, how: How },
    Receive { channel: usize, how: How },
}

/// The capacities of the channels, and what each process does.
#[derive(Clone, Debug)]
struct Network {
    capacities: Vec<Option<usize>>,
    processes: Vec<Vec<Move>>,
}

impl Network {
    /// A random sequence of transfers from one process to another, cut into the moves of each: since the transfers can happen in that order,
    /// no capacity makes it stop short.
    fn draw(random: &mut Random) -> Self {
        let count = 2 + random.below(4) as usize;
        // One channel for each pair, and direction.
        let capacities =
            (0..count * count).map(|_| [Some(0), Some(0), Some(1), Some(2), None][random.below(5) as usize]);
        let capacities = capacities.collect();
        let mut processes = vec![Vec::new(); count];
        let how = |random: &mut Random| [How::Plain, How::Timeout, How::Macro, How::Dynamic][random.below(4) as usize];
        for _ in 0..40 * count {
            let from = random.below(count as u64) as usize;
            let to = (from + 1 + random.below(count as u64 - 1) as usize) % count;
            let channel = from * count + to;
            let (value, sends, receives) = (random.next(), how(random), how(random));
            processes[from].push(Move::Send { channel, value, how: sends });
            processes[to].push(Move::Receive { channel, how: receives });
        }
        Network { capacities, processes }
    }
}

/// What is written once and compiled against both.
macro_rules! programs {
    ($library:ident, $($channel:ident)::+, $select:path) => {
        mod $library {
            use std::fmt::Debug;
            use std::time::Duration;

            use $($channel)::+::{self as channel, Receiver, Select, Sender};
            use $select as select;

            use super::{How, Move, Network, Sequence, Step};

            const SHORT: Duration = Duration::from_micros(100);
            const LONG: Duration = Duration::from_secs(100);

            fn make<T>(capacity: Option<usize>) -> (Sender<T>, Receiver<T>) {
                capacity.map_or_else(channel::unbounded, channel::bounded)
            }

            struct Ends {
                senders: Vec<Sender<u64>>,
                receivers: Vec<Receiver<u64>>,
            }

            fn show(outcome: impl Debug) -> Option<String> {
                Some(format!("{outcome:?}"))
            }

            /// The arms whose halves still exist, by their numbers.
            fn arms<'a>(ends: &'a [Ends], wanted: &[(usize, bool)]) -> (Select<'a>, Vec<(usize, bool)>) {
                let mut select = Select::new_biased();
                let mut kept = Vec::new();
                for &(channel, sends) in wanted {
                    let added = match (sends, ends[channel].senders.last(), ends[channel].receivers.last()) {
                        (true, Some(sender), _) => Some(select.send(sender)),
                        (false, _, Some(receiver)) => Some(select.recv(receiver)),
                        _ => None,
                    };
                    if let Some(number) = added {
                        assert_eq!(number, kept.len());
                        kept.push((channel, sends));
                    }
                }
                (select, kept)
            }

            fn complete(
                ends: &[Ends],
                kept: &[(usize, bool)],
                chosen: channel::SelectedOperation<'_>,
                value: u64,
            ) -> Option<String> {
                let number = chosen.index();
                let (channel, sends) = kept[number];
                if sends {
                    show((number, chosen.send(ends[channel].senders.last()?, value).map_err(|refused| refused.into_inner())))
                } else {
                    show((number, chosen.recv(ends[channel].receivers.last()?)))
                }
            }

            fn step(ends: &mut [Ends], step: &Step) -> Option<String> {
                match *step {
                    Step::TrySend(n, value) => {
                        let refused = |error: channel::TrySendError<u64>| {
                            (error.is_full(), error.is_disconnected(), error.into_inner())
                        };
                        show(ends[n].senders.last()?.try_send(value).map_err(refused))
                    }
                    Step::SendTimeout(n, value) => {
                        let refused = |error: channel::SendTimeoutError<u64>| {
                            (error.is_timeout(), error.is_disconnected(), error.into_inner())
                        };
                        show(ends[n].senders.last()?.send_timeout(value, SHORT).map_err(refused))
                    }
                    Step::TryReceive(n) => {
                        let end = ends[n].receivers.last()?.try_recv();
                        show((end, end.err().map(|error| (error.is_empty(), error.is_disconnected()))))
                    }
                    Step::ReceiveTimeout(n) => show(ends[n].receivers.last()?.recv_timeout(SHORT)),
                    Step::CloneSender(n) => {
                        let clone = ends[n].senders.last()?.clone();
                        ends[n].senders.push(clone);
                        None
                    }
                    Step::CloneReceiver(n) => {
                        let clone = ends[n].receivers.last()?.clone();
                        ends[n].receivers.push(clone);
                        None
                    }
                    Step::DropSender(n) => show(ends[n].senders.pop().is_some()),
                    Step::DropReceiver(n) => show(ends[n].receivers.pop().is_some()),
                    Step::Ask(n) => {
                        let senders = ends[n].senders.last().map(|end| (end.len(), end.is_empty(), end.is_full(), end.capacity()));
                        let receivers =
                            ends[n].receivers.last().map(|end| (end.len(), end.is_empty(), end.is_full(), end.capacity()));
                        // What is left when nobody can receive is nobody's business.
                        let senders = senders.filter(|_| receivers.is_some());
                        show((senders, receivers))
                    }
                    Step::Drain(n) => show(ends[n].receivers.last()?.try_iter().collect::<Vec<_>>()),
                    Step::TrySelect(ref wanted, value) => {
                        let (mut select, kept) = arms(ends, wanted);
                        match select.try_select() {
                            Ok(chosen) => complete(ends, &kept, chosen, value),
                            Err(error) => show(error),
                        }
                    }
                    Step::SelectTimeout(ref wanted, value) => {
                        let (mut select, kept) = arms(ends, wanted);
                        match select.select_timeout(SHORT) {
                            Ok(chosen) => complete(ends, &kept, chosen, value),
                            Err(error) => show(error),
                        }
                    }
                    Step::TryReady(ref wanted) => show(arms(ends, wanted).0.try_ready()),
                    Step::Macro(from, to, value) => {
                        let (receiver, sender) = (ends[from].receivers.last()?, ends[to].senders.last()?);
                        // At most one of the two can be done: which is chosen of two is left to chance.
                        if !receiver.is_empty() || ends[from].senders.is_empty() {
                            select! { recv(receiver) -> received => show(received), default => None }
                        } else {
                            select! {
                                recv(receiver) -> received => show((0, received)),
                                send(sender, value) -> sent => show((1, sent.map_err(|refused| refused.into_inner()))),
                                default => show(2),
                            }
                        }
                    }
                }
            }

            /// What each step returned.
            pub(super) fn sequence(program: &Sequence) -> Vec<Option<String>> {
                let mut ends: Vec<_> = program
                    .capacities
                    .iter()
                    .map(|&capacity| make(capacity))
                    .map(|(sender, receiver)| Ends { senders: vec![sender], receivers: vec![receiver] })
                    .collect();
                program.steps.iter().map(|next| step(&mut ends, next)).collect()
            }

            fn send(sender: &Sender<u64>, value: u64, how: How) {
                let (idle, never) = (channel::never::<u64>(), channel::never::<()>());
                match how {
                    How::Plain => sender.send(value).unwrap(),
                    How::Timeout => sender.send_timeout(value, LONG).unwrap(),
                    How::Macro => select! {
                        recv(idle) -> _ => unreachable!(),
                        send(sender, value) -> sent => sent.unwrap(),
                        default(LONG) => unreachable!(),
                    },
                    How::Dynamic => {
                        let mut select = Select::new();
                        select.recv(&never);
                        let number = select.send(sender);
                        let chosen = select.select();
                        assert_eq!(chosen.index(), number);
                        chosen.send(sender, value).unwrap();
                    }
                }
            }

            fn receive(receiver: &Receiver<u64>, how: How) -> u64 {
                let never = channel::never::<()>();
                match how {
                    How::Plain => receiver.recv().unwrap(),
                    How::Timeout => receiver.recv_timeout(LONG).unwrap(),
                    How::Macro => select! {
                        recv(receiver) -> value => value.unwrap(),
                        recv(never) -> _ => unreachable!(),
                    },
                    How::Dynamic => {
                        let mut select = Select::new();
                        let number = select.recv(receiver);
                        select.recv(&never);
                        let chosen = select.select_timeout(LONG).unwrap();
                        assert_eq!(chosen.index(), number);
                        chosen.recv(receiver).unwrap()
                    }
                }
            }

            /// What each process is to do, as closures that return what it received.
            pub(super) fn network(program: &Network) -> Vec<impl FnOnce() -> Vec<u64> + Send + use<>> {
                let ends: Vec<_> = program.capacities.iter().map(|&capacity| make(capacity)).collect();
                let processes = program.processes.iter().cloned();
                processes
                    .map(|moves| {
                        let ends = ends.clone();
                        move || {
                            let mut received = Vec::new();
                            for next in moves {
                                match next {
                                    Move::Send { channel, value, how } => send(&ends[channel].0, value, how),
                                    Move::Receive { channel, how } => received.push(receive(&ends[channel].1, how)),
                                }
                            }
                            received
                        }
                    })
                    .collect()
            }
        }
    };
}

programs!(ours, threadle::chan, threadle::select);
programs!(theirs, crossbeam_channel, crossbeam_channel::select);

#[test]
fn one_thread_sees_what_crossbeam_shows() {
    let seeds = std::sync::Mutex::new(Random::new("one thread"));
    everywhere("one thread", |place| {
        for round in 0..300 {
            let program = Sequence::draw(&mut seeds.lock().unwrap());
            let (ours, theirs) = (ours::sequence(&program), theirs::sequence(&program));
            for (n, (ours, theirs)) in ours.iter().zip(&theirs).enumerate() {
                assert_eq!(ours, theirs, "{place:?}, round {round}, step {n}: {:?} of\n{program:?}", program.steps[n]);
            }
        }
    });
}

#[test]
fn networks_of_processes_receive_what_crossbeam_delivers() {
    let seeds = std::sync::Mutex::new(Random::new("networks"));
    everywhere("networks", |place| {
        for round in 0..10 {
            let program = Network::draw(&mut seeds.lock().unwrap());
            let theirs: Vec<_> = theirs::network(&program).into_iter().map(|f| Place::Threads.spawn(f)).collect();
            let ours: Vec<_> = ours::network(&program).into_iter().map(|f| place.spawn(f)).collect();
            let (ours, theirs): (Vec<_>, Vec<_>) = (
                ours.into_iter().map(support::Task::join).collect(),
                theirs.into_iter().map(support::Task::join).collect(),
            );
            assert_eq!(ours, theirs, "{place:?}, round {round}: {program:?}");
        }
    });
}
