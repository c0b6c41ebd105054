#!/usr/bin/env bash
# The behaviour suites in release mode: only the optimiser moves a thread-local's
# address over a switch, only without debug assertions do a million stacks fit. With
# the bridge to hyper, whose connections are to work in both modes there too.
#
#   ci/release.sh             these, and a few of the figures, so that one sees they work
#   ci/release.sh --figures   and all of the figures beside their bounds: four minutes
#   ci/release.sh --check     and they decide: for a quiet machine, a shared one proves nothing
set -euo pipefail
cd "$(dirname "$0")/.."

case $* in
    '') figures=(lateness) ;;
    --figures) figures=() ;;
    --check) figures=(--check) ;;
    *) echo "arguments: [--figures | --check]" >&2; exit 2 ;;
esac

cargo test --locked --release --package threadle-tests --package threadle --features threadle/hyper
cargo run --locked --release --quiet --package threadle-tests --features threadle/hyper --bin figures -- "${figures[@]}"
