#!/usr/bin/env bash
# The loom models, group by group: which package and which of its tests, how many
# preemptions loom may insert, and after how many seconds the group, all of its
# models together, counts as stuck.
#
# Without a bound a model of three threads does not end. The models of netpoll take
# the group's. Those of the scheduler, and of the runtime's locks, state their own,
# 1 to 5 (`check(n, ..)`, scheduler/src/sync/fault.rs, runtime/src/base/fault.rs),
# whatever the environment says; and one that is not explored to its end within 60 s
# fails. The runtime's others take the group's.
#
#   ci/loom.sh            every group
#   ci/loom.sh scheduler  the groups whose name contains "scheduler"
#
# loom is not built like the rest: a target folder of its own keeps `--cfg loom`
# from rebuilding everything at each change of mind. Release, because the models
# are searches; debug assertions, because the states are asserted.
set -euo pipefail
cd "$(dirname "$0")/.."

export CARGO_TARGET_DIR="${CARGO_TARGET_DIR:-target}/loom"
export RUSTFLAGS="--cfg loom -C debug-assertions"

wanted=${1:-}

# group NAME PREEMPTIONS SECONDS CARGO-TEST-ARGUMENTS..
# PREEMPTIONS is a number, or "own" where each model states its bound.
group() {
    local name=$1 preemptions=$2 seconds=$3 output passed
    local -a bound=()
    shift 3
    [[ $name == *"$wanted"* ]] || return 0
    if [[ $preemptions == own ]]; then
        echo "loom: $name, each model with its own bound, at most $seconds s"
    else
        bound=("LOOM_MAX_PREEMPTIONS=$preemptions")
        echo "loom: $name, at most $preemptions preemptions, at most $seconds s"
    fi
    cargo test --locked --release --no-run --quiet "$@"
    output=$(mktemp)
    if ! env "${bound[@]}" timeout --kill-after=5 "$seconds" \
        cargo test --locked --release --quiet "$@" 2>&1 | tee "$output"; then
        rm -f "$output"
        echo "loom: $name failed, or ran past its $seconds s" >&2
        return 1
    fi
    passed=$(awk '/^test result: ok\./ { passed += $4 } END { print passed + 0 }' "$output")
    rm -f "$output"
    if [[ $passed == 0 ]]; then
        echo "loom: $name has no model: a filter that matches nothing proves nothing" >&2
        return 1
    fi
}

group netpoll   3   120 --package threadle-netpoll --lib loom
group scheduler own 300 --package threadle-scheduler --lib loom
# One model at a time: loom maps a stack for each thread of each execution and unmaps it again, and two models of one
# process wait for each other at its map of memory: side by side they take half as long again as one after the other.
group runtime   2   180 --package threadle --lib loom -- --test-threads=1
