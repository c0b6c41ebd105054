#!/usr/bin/env bash
# The peers' programs that are not in the workspace: those of tokio and may compile, without a warning, and Go's
# pass `go vet` where there is a Go (GO=, or PATH). Nothing is run: `threadle-peers -- --quick` does that.
set -euo pipefail
cd "$(dirname "$0")/.."

export CARGO_TARGET_DIR="${CARGO_TARGET_DIR:-target}/peers"
for peer in tokio may; do
    cargo clippy --locked --quiet --manifest-path "tests/peers/$peer/Cargo.toml" -- -D warnings
done

go=${GO:-go}
if ! command -v "$go" >/dev/null; then
    echo "peers: Go's programs SKIPPED, there is no Go: set GO=/path/to/go"
    exit 0
fi
(cd tests/peers/go && "$go" vet .)
