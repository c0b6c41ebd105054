//! The report for machines.

use super::{Finding, Held, Line, Place, Report, Step, Use};
use serde_json::{Value, json};

impl Report {
    /// The whole report as one JSON object. Addresses are strings, as other tools print them.
    pub fn to_json(&self) -> String {
        json!({
            "findings": self.findings.iter().map(finding).collect::<Vec<_>>(),
            "allowed": self.allowed,
            "functions": self.functions,
            "followed": self.followed,
            "readers": self.readers,
            "switches": self.switches,
            "reaching": self.reaching,
            "calls": self.calls,
            "pointer_calls": self.pointer_calls,
            "lost": self.lost,
            "given_up": self.given_up,
            "no_lines": self.no_lines,
        })
        .to_string()
    }
}

fn finding(finding: &Finding) -> Value {
    json!({
        "function": finding.function,
        "symbol": finding.symbol,
        "variables": finding.variables,
        "computed": place(&finding.computed),
        "held": finding.held.iter().map(held).collect::<Vec<_>>(),
    })
}

fn held(held: &Held) -> Value {
    let uses = held.uses.iter().map(|(kind, at)| json!({ "kind": use_name(*kind), "place": place(at) }));
    json!({
        "call": place(&held.call),
        "path": held.path.iter().map(Step::to_string).collect::<Vec<_>>(),
        "uses": uses.collect::<Vec<_>>(),
    })
}

fn place(place: &Place) -> Value {
    let line = |line: &Line| json!({ "file": line.file, "line": line.line, "function": line.function });
    json!({ "address": format!("{:#x}", place.address), "lines": place.lines.iter().map(line).collect::<Vec<_>>() })
}

fn use_name(kind: Use) -> &'static str {
    match kind {
        Use::Read => "read",
        Use::Written => "written",
        Use::Passed => "passed",
        Use::Stored => "stored",
        Use::Returned => "returned",
        Use::Within => "within",
    }
}
