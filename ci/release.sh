#!/usr/bin/env bash
# The behaviour suites in release mode: only the optimiser moves a thread-local's
# address over a switch, only without debug assertions do a million stacks fit. With
# the bridge to hyper, whose connections are to work in both modes there too.
# Then the figures, printed beside their bounds. They do not decide anything on a
# shared machine; `ci/release.sh --check` on a quiet one makes them.
set -euo pipefail
cd "$(dirname "$0")/.."

cargo test --locked --release --package threadle-tests --package threadle --features threadle/hyper
cargo run --locked --release --quiet --package threadle-tests --features threadle/hyper --bin figures -- "$@"
