//! From faults, which are distances in a function, to what people read.

use crate::calls::{CallGraph, Node};
use crate::code::{Code, Target};
use crate::flow::value::At;
use crate::flow::{Fault, Outcome, UseKind};
use crate::image::{Image, readable};
use crate::lines::{Lines, Sections};
use crate::report::{Finding, Held, Line, Place, Report, Step, Use};
use std::collections::{BTreeMap, BTreeSet};

pub(crate) fn report(
    image: &Image<'_>,
    graph: &CallGraph,
    outcomes: &BTreeMap<usize, Outcome>,
    allowed: &[String],
) -> Report {
    let any = outcomes.values().any(|outcome| !outcome.faults.is_empty());
    // Reading the debug information takes longer than everything else: only if somebody will read it.
    let sections = if any { Sections::of(image) } else { None };
    let lines = sections.as_ref().and_then(Sections::lines);
    let names = |wanted: fn(&Outcome) -> bool| -> Vec<String> {
        outcomes
            .iter()
            .filter(|(_, outcome)| wanted(outcome))
            .map(|(index, _)| image.functions[*index].readable())
            .collect()
    };
    let mut report = Report {
        findings: Vec::new(),
        allowed: 0,
        functions: image.functions.len(),
        followed: outcomes.len(),
        readers: graph.readers.len(),
        switches: graph.switches.iter().map(|index| image.functions[*index].readable()).collect(),
        reaching: graph.reaching(),
        calls: graph.calls,
        pointer_calls: graph.pointer_calls,
        lost: names(|outcome| outcome.lost),
        given_up: names(|outcome| outcome.given_up),
        no_lines: any && lines.is_none(),
    };
    for (&index, outcome) in outcomes.iter().filter(|(_, outcome)| !outcome.faults.is_empty()) {
        let writer = Writer {
            image,
            graph,
            outcomes,
            lines: lines.as_ref(),
            index,
            code: Code::of(image, &image.functions[index]),
        };
        let (shown, hidden): (Vec<_>, Vec<_>) = writer
            .findings(outcome)
            .into_iter()
            .partition(|finding| !allowed.iter().any(|allowed| is_allowed(allowed, finding)));
        report.allowed += hidden.len();
        report.findings.extend(shown);
    }
    report
}

/// `NAME`, in which there is no `=`, or `NAME=INSTANCE` where the symbol of a generic function does not say which it is, but the debug
/// information does.
fn is_allowed(allowed: &str, finding: &Finding) -> bool {
    let Some((name, instance)) = allowed.split_once('=') else { return finding.function.contains(allowed) };
    let outermost = finding.computed.lines.first();
    finding.function.contains(name) && outermost.is_some_and(|line| line.function == instance)
}

struct Writer<'a, 'data> {
    image: &'a Image<'data>,
    graph: &'a CallGraph,
    outcomes: &'a BTreeMap<usize, Outcome>,
    lines: Option<&'a Lines<'a>>,
    index: usize,
    code: Code<'data>,
}

impl<'data> Writer<'_, 'data> {
    /// One for each place that computes an address.
    fn findings(&self, outcome: &Outcome) -> Vec<Finding> {
        let mut by_source: BTreeMap<At, Vec<&Fault>> = BTreeMap::new();
        for fault in &outcome.faults {
            by_source.entry(fault.computed).or_default().push(fault);
        }
        let function = &self.image.functions[self.index];
        by_source
            .into_iter()
            .map(|(computed, faults)| Finding {
                function: function.readable(),
                symbol: function.name.to_owned(),
                variables: self.variables(outcome, computed),
                computed: self.place(function.address, computed),
                held: faults.into_iter().map(|fault| self.held(fault)).collect(),
            })
            .collect()
    }

    fn variables(&self, outcome: &Outcome, computed: At) -> Vec<String> {
        let distances = outcome.distances.get(&computed).into_iter().flatten();
        let mut names: Vec<String> = distances
            .filter_map(|distance| self.image.thread_local(*distance))
            .map(|name| variable_name(&readable(name)))
            .collect();
        names.sort();
        names.dedup();
        names
    }

    fn held(&self, fault: &Fault) -> Held {
        let start = self.image.functions[self.index].address;
        let target = target(&self.code, start, fault.call);
        if let Some(argument) = fault.argument {
            return self.within(self.place(start, fault.call), target, argument);
        }
        // The first result register may hold what the function has just used, and returns nothing.
        let used = fault.uses.iter().any(|(_, kind)| *kind != UseKind::Returned);
        let uses = fault.uses.iter().filter(|(_, kind)| !used || *kind != UseKind::Returned);
        Held {
            call: self.place(start, fault.call),
            path: self.way(target),
            uses: uses.map(|&(at, kind)| (kind.into(), self.place(start, at))).collect(),
        }
    }

    /// A call of `target`, which uses this argument after a switch of its own, or hands it on to a function that does.
    fn within(&self, call: Place, mut target: Option<Target<'data>>, mut argument: usize) -> Held {
        let mut held = Held { call, path: Vec::new(), uses: Vec::new() };
        let mut seen = BTreeSet::new();
        while let Some(callee) = target.and_then(Target::function).filter(|callee| seen.insert(*callee)) {
            let Some(used) = self.outcomes.get(&callee).and_then(|outcome| outcome.summary.uses[argument]) else {
                break;
            };
            let function = &self.image.functions[callee];
            held.path.push(Step::Function(function.readable()));
            target = target_in(self.image, callee, used.call);
            match used.argument {
                Some(next) => argument = next,
                None => {
                    held.path.extend(self.way(target));
                    held.uses.push((Use::Within, self.place(function.address, used.at)));
                    break;
                }
            }
        }
        held
    }

    /// The way from a call to the switch. Without a target it is the switch itself.
    fn way(&self, target: Option<Target<'data>>) -> Vec<Step> {
        match target {
            Some(target) => self.graph.way(target).into_iter().map(|node| self.step(node)).collect(),
            None => vec![Step::Switch],
        }
    }

    fn step(&self, node: Node) -> Step {
        match node {
            Node::Function(index) => Step::Function(self.image.functions[index].readable()),
            Node::Pointer => Step::Pointer,
            Node::Switch => Step::Switch,
        }
    }

    fn place(&self, start: u64, at: At) -> Place {
        let address = start.wrapping_add(u64::from(at));
        let mut lines: Vec<Line> = self
            .lines
            .map(|lines| lines.at(address))
            .unwrap_or_default()
            .into_iter()
            .filter_map(|frame| {
                Some(Line { file: frame.file?, line: frame.line?, function: frame.function.unwrap_or_default() })
            })
            .collect();
        lines.reverse();
        Place { address, lines }
    }
}

/// Whom the call at `at` in `code` leads to.
fn target<'data>(code: &Code<'data>, start: u64, at: At) -> Option<Target<'data>> {
    code.index_of(start.wrapping_add(u64::from(at))).and_then(|index| code.target(index))
}

fn target_in<'data>(image: &Image<'data>, function: usize, at: At) -> Option<Target<'data>> {
    let function = &image.functions[function];
    target(&Code::of(image, function), function.address, at)
}

/// `thread_local!` wraps a variable into a constant, a closure and a static of its own.
fn variable_name(name: &str) -> String {
    name.split("::")
        .take_while(|part| !part.starts_with('{') && *part != "__RUST_STD_INTERNAL_VAL")
        .collect::<Vec<_>>()
        .join("::")
}

impl From<UseKind> for Use {
    fn from(kind: UseKind) -> Use {
        match kind {
            UseKind::Read => Use::Read,
            UseKind::Written => Use::Written,
            UseKind::Passed => Use::Passed,
            UseKind::Stored => Use::Stored,
            UseKind::Returned => Use::Returned,
            UseKind::Within => Use::Within,
        }
    }
}
