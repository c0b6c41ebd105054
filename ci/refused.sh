#!/usr/bin/env bash
# The error codes of the programs that must not compile (runtime/src/refused.rs), where a
# nightly compiler is installed: on stable rustdoc sees that they do not, but not why.
set -euo pipefail
cd "$(dirname "$0")/.."

if ! cargo +nightly --version >/dev/null 2>&1; then
    echo "refused: SKIPPED, no nightly compiler is installed"
    exit 0
fi
export CARGO_TARGET_DIR="${CARGO_TARGET_DIR:-target}/nightly"
cargo +nightly test --locked --package threadle --features hyper --doc refused
