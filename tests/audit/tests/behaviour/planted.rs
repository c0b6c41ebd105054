//! Programs in release mode with what the audit is to find, and without.

use crate::programs;
use std::path::Path;
use threadle_audit::{Finding, Indirect, Options, Place, Report, Step, Use, audit};

fn look_at(program: &str, indirect: Indirect) -> Report {
    audit(&programs::bytes(program), &Options { indirect, ..Options::default() }).expect("it can be looked at")
}

/// The findings in a function of `planted`.
fn of<'report>(report: &'report Report, function: &str) -> Vec<&'report Finding> {
    let name = format!("threadle_audit_fixtures::planted::{function}");
    report.findings.iter().filter(|finding| finding.function == name).collect()
}

/// The line of `planted.rs` that has this comment.
fn line(comment: &str) -> u32 {
    let source = include_str!("../../fixtures/src/planted.rs");
    let found = source.lines().position(|line| line.ends_with(comment));
    1 + found.unwrap_or_else(|| panic!("no line ends with {comment:?}")) as u32
}

/// One of what was inlined there is this line.
fn is_at(place: &Place, wanted: u32) -> bool {
    place.lines.iter().any(|line| Path::new(&line.file).ends_with("planted.rs") && line.line == wanted)
}

/// Some finding in `function` is about its marked call and its marked use.
#[track_caller]
fn assert_found(report: &Report, function: &str) {
    let (call, used) = (line(&format!("// call: {function}")), line(&format!("// use: {function}")));
    let findings = of(report, function);
    let held = findings.iter().flat_map(|finding| &finding.held).find(|held| is_at(&held.call, call));
    let held = held.unwrap_or_else(|| panic!("{function}: nothing is held over line {call}:\n{report}"));
    assert!(held.uses.iter().any(|(_, place)| is_at(place, used)), "{function}: no use in line {used}:\n{report}");
    assert_eq!(held.path.last(), Some(&Step::Switch), "{function}: the way does not end at the switch");
}

#[test]
fn finds_what_was_planted() {
    let report = look_at("planted", Indirect::Near);
    let called = ["both_sides", "through_std", "in_a_loop", "given_away", "gotten", "guarded", "through_a_pointer"];
    for function in called.into_iter().chain(["in_its_own_frame"]) {
        assert_found(&report, function);
    }
    assert!(report.lost.is_empty(), "jumps were lost in {:?}", report.lost);
    assert!(report.given_up.is_empty());
}

#[test]
fn names_the_variable_and_the_way() {
    let report = look_at("planted", Indirect::Never);
    let [finding] = of(&report, "both_sides")[..] else { panic!("one address, one finding:\n{report}") };
    assert_eq!(finding.variables, ["threadle_audit_fixtures::planted::COUNT"]);
    let held = &finding.held[0];
    assert_eq!(held.path[0], Step::Function("threadle_audit_fixtures::planted::wait".to_owned()));
    assert!(held.uses.iter().all(|(kind, _)| matches!(kind, Use::Read | Use::Written)));
}

#[test]
fn finds_a_switch_that_was_inlined() {
    let report = look_at("planted", Indirect::Never);
    let [finding] = of(&report, "in_its_own_frame")[..] else { panic!("one address, one finding:\n{report}") };
    assert_eq!(finding.held[0].path, [Step::Switch], "no call lies between");
}

#[test]
fn follows_addresses_into_the_frame() {
    let report = look_at("planted", Indirect::Never);
    let mut variables: Vec<&String> = of(&report, "spilled").iter().flat_map(|finding| &finding.variables).collect();
    variables.sort();
    variables.dedup();
    // A call leaves six registers alone. All eight are used after it, so at least two addresses lie in the frame meanwhile.
    let all = ["A", "B", "C", "D", "E", "F", "G", "H"].map(|name| format!("threadle_audit_fixtures::planted::{name}"));
    assert_eq!(variables, all.iter().collect::<Vec<_>>(), "{report}");
}

#[test]
fn follows_a_panic_to_where_it_lands() {
    let report = look_at("planted", Indirect::Never);
    let uses = of(&report, "guarded").into_iter().flat_map(|finding| &finding.held).flat_map(|held| &held.uses);
    let writes = uses.filter(|(kind, _)| *kind == Use::Written).map(|(_, place)| place.address);
    // The guard is dropped when the call comes back, and once more, elsewhere, when it unwinds.
    assert_eq!(writes.collect::<std::collections::BTreeSet<u64>>().len(), 2, "{report}");
}

#[test]
fn a_call_through_a_pointer_counts_as_asked_for() {
    assert!(of(&look_at("planted", Indirect::Never), "through_a_pointer").is_empty());
    assert_found(&look_at("planted", Indirect::Near), "through_a_pointer");
    assert_found(&look_at("planted", Indirect::Always), "through_a_pointer");
}

#[test]
fn tells_where_a_callee_uses_what_it_was_given() {
    let report = look_at("planted", Indirect::Never);
    let [finding] = of(&report, "given_away")[..] else { panic!("one address, one finding:\n{report}") };
    assert!(finding.held.iter().flat_map(|held| &held.uses).all(|(kind, _)| *kind == Use::Within));
    assert!(of(&report, "used_by_callee").is_empty(), "the callee computed nothing:\n{report}");
}

#[test]
fn says_nothing_of_a_clean_program() {
    for indirect in [Indirect::Never, Indirect::Near] {
        let report = look_at("clean", indirect);
        assert!(report.findings.is_empty(), "{indirect:?}:\n{report}");
        assert!(report.reaching > 10, "the switch was not seen");
    }
}

#[test]
fn says_nothing_of_threadle_itself() {
    for indirect in [Indirect::Never, Indirect::Near] {
        let report = look_at("everything", indirect);
        assert!(report.findings.is_empty(), "{indirect:?}:\n{report}");
        assert!(report.lost.is_empty(), "jumps were lost in {:?}", report.lost);
    }
}

#[test]
fn an_allowed_function_is_counted_only() {
    let allowed = vec!["planted::".to_owned()];
    let report =
        audit(&programs::bytes("planted"), &Options { indirect: Indirect::Never, allowed, ..Options::default() })
            .expect("it can be looked at");
    assert!(report.findings.is_empty(), "{report}");
    assert!(report.allowed >= 7);
}
