#!/usr/bin/env bash
# The behaviour suites in release mode: only the optimiser moves a thread-local's
# address over a switch, only without debug assertions do a million stacks fit.
# Then the figures, printed beside their bounds. They do not decide anything on a
# shared machine; `ci/release.sh --check` on a quiet one makes them.
set -euo pipefail
cd "$(dirname "$0")/.."

cargo test --locked --release --package threadle-tests --package threadle
cargo run --locked --release --quiet --package threadle-tests --bin figures -- "$@"
