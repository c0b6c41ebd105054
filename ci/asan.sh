#!/usr/bin/env bash
# The behaviour suites under AddressSanitizer, where a nightly compiler is installed:
# the sanitizer is an unstable option.
#
# Its fake stack (detect_stack_use_after_return) is off: it would keep the locals of a
# goroutine with the thread that ran them first, and free them with that thread. Leaks
# are not looked for: the stacks of abandoned goroutines and the slabs stay by design.
# Not among the suites: `faults`, because the sanitizer reports faults itself.
set -euo pipefail
cd "$(dirname "$0")/.."

host=$(rustc --version --verbose | sed -n 's/^host: //p')

if ! cargo +nightly --version >/dev/null 2>&1; then
    echo "asan: SKIPPED, no nightly compiler is installed"
    exit 0
fi
export CARGO_TARGET_DIR="${CARGO_TARGET_DIR:-target}/asan"
export RUSTFLAGS="-Zsanitizer=address"
export ASAN_OPTIONS="detect_stack_use_after_return=0:detect_leaks=0"
cargo +nightly test --locked --target "$host" --package threadle-tests --features sanitizer \
    --test blocking --test homes --test lock_os_thread --test locked --test locals --test locals_of_coroutines --test no_switch \
    --test panics --test polls --test runtimes --test scope --test sockets --test stress --test thread_bound --test thread_identity \
    --test thread_state --test unprotected
