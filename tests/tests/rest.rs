//! When nothing is to be done, nothing runs.

use std::time::Duration;

use threadle_tests::{child, scenario};

#[test]
fn at_rest_no_context_switches() {
    let seen = child::observed_children(
        "at_rest_no_context_switches",
        |mode| scenario::rest(mode, child::ready_to_be_observed),
        |_, process| scenario::switches_at_rest(process, Duration::from_secs(5)).expect("/proc is there"),
    );
    for (mode, switches) in seen {
        assert_eq!(switches, 0, "{mode}: switches in five seconds");
    }
}
