#!/usr/bin/env bash
# The libraries on the other architecture, where its standard library is installed
# (`rustup target add aarch64-unknown-linux-gnu`). Checked, not linked: no cross
# compiler for C is needed.
set -euo pipefail
cd "$(dirname "$0")/.."

target=aarch64-unknown-linux-gnu

if [[ ! -d $(rustc --print sysroot)/lib/rustlib/$target/lib ]]; then
    echo "cross: SKIPPED, the standard library for $target is not installed"
    exit 0
fi
cargo check --locked --target "$target" \
    --package threadle-timer --package threadle-netpoll --package threadle-scheduler --package threadle
