#!/usr/bin/env bash
# The behaviour suites with a scheduler that sets the preempt flag and takes the P at
# every entry into the runtime: a call that is not documented as switching must not
# switch even then, and a goroutine without a P must lose nothing.
set -euo pipefail
cd "$(dirname "$0")/.."

cargo test --locked --package threadle-tests --features harass \
    --test blocking --test lock_os_thread --test no_switch --test panics --test polls --test runtimes --test scope --test sockets --test stress --test thread_bound --test thread_identity
