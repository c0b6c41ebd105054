#!/usr/bin/env bash
# Formatting, as rustfmt.toml has it.
set -euo pipefail
cd "$(dirname "$0")/.."

cargo fmt --all --check
# Workspaces of their own, which rustfmt.toml is for as well.
for peer in tokio may; do
    cargo fmt --check --manifest-path "tests/peers/$peer/Cargo.toml"
done
