//! From function to function.
//!
//! An address gets from one function into another as an argument or as a result. So each function that is looked at has a summary: whether
//! it returns such an address, which arguments its result is derived from, which ones it uses after a switch of its own. The functions that
//! read the thread pointer are looked at first; a callee when an address is given to it; a caller again when a summary that it used has
//! changed. Summaries only grow, so this ends.

use crate::calls::{CallGraph, Indirect, hands_out_thread_local};
use crate::code::{Code, Target};
use crate::flow::value::Arguments;
use crate::flow::{self, Gives, Outcome, Summary, World};
use crate::image::{Callee, Image, Word};
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// No function is looked at more often. Chains of callers are as long as programs are deep, so this is not reached.
const PATIENCE: u32 = 100;

/// Looks at every function that may hold an address of a thread-local, and gives back what was found in each.
pub(crate) fn outcomes(image: &Image<'_>, graph: &CallGraph) -> BTreeMap<usize, Outcome> {
    let mut outcomes: BTreeMap<usize, Outcome> = BTreeMap::new();
    let mut visits: HashMap<usize, u32> = HashMap::new();
    let mut dependents: HashMap<usize, BTreeSet<usize>> = HashMap::new();
    let mut open: BTreeSet<usize> = graph.readers.iter().copied().collect();
    while let Some(index) = open.pop_first() {
        let visits = visits.entry(index).or_default();
        *visits += 1;
        if *visits > PATIENCE {
            outcomes.entry(index).or_default().given_up = true;
            continue;
        }
        let function = &image.functions[index];
        let std_internal = is_std_internal(&function.readable());
        let mut outside = Outside { image, graph, outcomes: &outcomes, std_internal, asked: BTreeSet::new() };
        let mut outcome = flow::analyse(&Code::of(image, function), &function.call_sites, &mut outside);
        if std_internal && graph.indirect == Indirect::Near {
            // A destructor that is given its thread-local, and calls others through pointers: the thread ends.
            outcome.faults.retain(|fault| fault.argument.is_none());
        }
        for callee in outside.asked {
            dependents.entry(callee).or_default().insert(index);
            if !outcomes.contains_key(&callee) {
                open.insert(callee);
            }
        }
        let before = outcomes.get(&index).map_or(Summary::default(), |outcome| outcome.summary);
        if shape(&outcome.summary) != shape(&before) {
            open.extend(dependents.get(&index).into_iter().flatten());
        }
        let returns = |summary: &Summary| summary.returns.map(|returned| returned.address);
        if returns(&outcome.summary) != returns(&before) {
            open.extend(graph.callers(index));
        }
        outcomes.insert(index, outcome);
    }
    outcomes
}

/// What of a summary its users depend on.
fn shape(summary: &Summary) -> ([Gives; 2], [bool; 6]) {
    (summary.returns, summary.uses.map(|used| used.is_some()))
}

/// The layer of std below what people call. The pointers it calls are functions of libc which it looked up by name; what is to be done between
/// `fork` and `exec`; and, where a thread begins and ends, destructors of thread-locals and what `main` panicked with. None of it switches.
fn is_std_internal(name: &str) -> bool {
    let path = name.trim_start_matches('<');
    path.starts_with("std::sys::") || path.starts_with("std::rt::")
}

struct Outside<'a, 'data> {
    image: &'a Image<'data>,
    graph: &'a CallGraph,
    outcomes: &'a BTreeMap<usize, Outcome>,
    std_internal: bool,
    /// Callees that were given an address.
    asked: BTreeSet<usize>,
}

impl<'data> World<'data> for Outside<'_, 'data> {
    fn word(&self, address: u64) -> Option<Word<'data>> {
        self.image.word(address)
    }

    fn offset(&self, address: u64) -> Option<i32> {
        self.image.offset(address)
    }

    fn reaches_switch(&self, target: Target<'data>) -> bool {
        self.graph.reaches(target, self.std_internal)
    }

    fn summary(&mut self, target: Target<'data>, asked: Arguments) -> Summary {
        match target {
            Target::Known(Callee::Function(callee)) => {
                if asked != 0 {
                    self.asked.insert(callee);
                }
                self.outcomes.get(&callee).map_or(Summary::default(), |outcome| outcome.summary)
            }
            Target::Known(Callee::Import(name)) => {
                let first = Gives { address: hands_out_thread_local(name), ..Gives::default() };
                Summary { returns: [first, Gives::default()], ..Summary::default() }
            }
            _ => Summary::default(),
        }
    }
}
