//! Which functions can reach the switch.
//!
//! The graph of direct calls and tail calls, walked backwards from the functions that switch. Each function keeps the next step towards the
//! switch, so that a report can show a shortest way.

use crate::CannotLook;
use crate::code::{Code, Target, reads_thread_pointer};
use crate::image::{Callee, Image};
use std::collections::{BTreeSet, HashMap, VecDeque};

/// What is assumed of calls through pointers: of methods of `dyn` types, of closures and functions that were passed.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Indirect {
    /// None of them reaches the switch.
    Never,
    /// Those that the holder of an address makes itself may reach the switch; those of the functions it calls do not.
    #[default]
    Near,
    /// Each of them reaches the switch, wherever it is made.
    Always,
}

/// A step towards the switch.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) enum Node {
    Function(usize),
    /// Any call through a pointer.
    Pointer,
    /// The switch itself.
    Switch,
}

/// Names by which the functions that switch are found besides the shape of corosensei's assembly, for versions of it that look different.
const SWITCHES: [&str; 3] = [
    "corosensei::coroutine::Yielder<Input,Yield>::suspend",
    "threadle_scheduler::g::context::suspend",
    "threadle_scheduler::m::machine::M::switch",
];

/// Functions of libc and its kin that return the address of a thread-local.
pub(crate) fn hands_out_thread_local(name: &str) -> bool {
    matches!(
        name,
        "__tls_get_addr"
            | "__errno_location"
            | "__h_errno_location"
            | "__res_state"
            | "__cxa_get_globals"
            | "__cxa_get_globals_fast"
    )
}

/// What one pass over all the code finds.
pub(crate) struct CallGraph {
    /// For each node that reaches the switch, the next one on a shortest way.
    next: HashMap<Node, Node>,
    pub(crate) indirect: Indirect,
    /// Who calls a function directly.
    callers: HashMap<Node, Vec<usize>>,
    /// Functions that read the thread pointer, or ask libc for the address of a thread-local.
    pub(crate) readers: Vec<usize>,
    pub(crate) switches: Vec<usize>,
    pub(crate) calls: usize,
    pub(crate) pointer_calls: usize,
}

impl CallGraph {
    pub(crate) fn of(image: &Image<'_>, indirect: Indirect, named: &[String]) -> Result<CallGraph, CannotLook> {
        let mut callers: HashMap<Node, Vec<usize>> = HashMap::new();
        let mut readers = Vec::new();
        let mut switches = BTreeSet::new();
        let (mut calls, mut pointer_calls) = (0, 0);
        for (caller, function) in image.functions.iter().enumerate() {
            let code = Code::of(image, function);
            let mut reads = code.instructions.iter().any(reads_thread_pointer);
            for (_, target) in code.targets() {
                match target {
                    Target::Known(Callee::Function(callee)) => {
                        calls += 1;
                        callers.entry(Node::Function(callee)).or_default().push(caller);
                    }
                    Target::Known(Callee::Import(name)) => reads |= hands_out_thread_local(name),
                    Target::Known(Callee::Nameless) => {}
                    Target::Pointer => {
                        pointer_calls += 1;
                        callers.entry(Node::Pointer).or_default().push(caller);
                    }
                }
            }
            if reads {
                readers.push(caller);
            }
            if !code.switches.is_empty() {
                switches.insert(caller);
            }
        }
        add_named(image, named, &mut switches)?;
        let next = walk(&switches, &callers, indirect);
        Ok(CallGraph {
            next,
            indirect,
            callers,
            readers,
            switches: switches.into_iter().collect(),
            calls,
            pointer_calls,
        })
    }

    /// Whether a call of this may come back on another thread. `std_internal`: it is made by a function of std whose pointers are known.
    pub(crate) fn reaches(&self, target: Target<'_>, std_internal: bool) -> bool {
        match target {
            Target::Known(Callee::Function(callee)) => self.next.contains_key(&Node::Function(callee)),
            Target::Known(_) => false,
            Target::Pointer => match self.indirect {
                Indirect::Never => false,
                Indirect::Near => !std_internal,
                Indirect::Always => true,
            },
        }
    }

    pub(crate) fn callers(&self, callee: usize) -> &[usize] {
        self.callers.get(&Node::Function(callee)).map_or(&[], Vec::as_slice)
    }

    /// How many functions can reach the switch.
    pub(crate) fn reaching(&self) -> usize {
        self.next.keys().filter(|node| matches!(node, Node::Function(_))).count()
    }

    /// The way from the callee to the switch: the callee first.
    pub(crate) fn way(&self, target: Target<'_>) -> Vec<Node> {
        let mut node = match target {
            Target::Known(Callee::Function(callee)) => Node::Function(callee),
            Target::Known(_) => return Vec::new(),
            Target::Pointer => Node::Pointer,
        };
        let mut way = vec![node];
        while let Some(&next) = self.next.get(&node) {
            way.push(next);
            node = next;
        }
        way
    }
}

impl std::fmt::Debug for CallGraph {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CallGraph")
            .field("calls", &self.calls)
            .field("switches", &self.switches)
            .finish_non_exhaustive()
    }
}

/// The functions that switch by their names: ours, and those the caller named.
fn add_named(image: &Image<'_>, named: &[String], switches: &mut BTreeSet<usize>) -> Result<(), CannotLook> {
    let mut found = vec![false; named.len()];
    for (index, function) in image.functions.iter().enumerate() {
        // Demangling every name takes longer than decoding every instruction.
        if named.is_empty() && !function.name.contains("suspend") && !function.name.contains("switch") {
            continue;
        }
        let name = function.readable();
        if SWITCHES.contains(&name.as_str()) {
            switches.insert(index);
        }
        for (found, wanted) in found.iter_mut().zip(named) {
            if name.contains(wanted.as_str()) {
                *found = true;
                switches.insert(index);
            }
        }
    }
    if let Some(missing) = found.iter().position(|found| !found) {
        return Err(CannotLook::NoSuchFunction(named[missing].clone()));
    }
    if switches.is_empty() { Err(CannotLook::NoSwitch) } else { Ok(()) }
}

/// Breadth first, from the switch backwards.
fn walk(switches: &BTreeSet<usize>, callers: &HashMap<Node, Vec<usize>>, indirect: Indirect) -> HashMap<Node, Node> {
    let mut next: HashMap<Node, Node> = switches.iter().map(|&switch| (Node::Function(switch), Node::Switch)).collect();
    let mut queue: VecDeque<Node> = switches.iter().map(|&switch| Node::Function(switch)).collect();
    if indirect != Indirect::Never {
        next.insert(Node::Pointer, Node::Switch);
    }
    if indirect == Indirect::Always {
        queue.push_back(Node::Pointer);
    }
    while let Some(node) = queue.pop_front() {
        for &caller in callers.get(&node).map_or(&[][..], Vec::as_slice) {
            if let std::collections::hash_map::Entry::Vacant(entry) = next.entry(Node::Function(caller)) {
                entry.insert(node);
                queue.push_back(Node::Function(caller));
            }
        }
    }
    next
}
