#!/usr/bin/env bash
# Lints of every crate, its tests, benches and examples. `incompatible_msrv`, one
# of clippy's defaults, holds the code to the `rust-version` of Cargo.toml.
set -euo pipefail
cd "$(dirname "$0")/.."

cargo clippy --locked --workspace --all-targets -- -D warnings
cargo clippy --locked --package threadle --all-targets --all-features -- -D warnings
