#!/usr/bin/env bash
# The pages of docs.rs: no broken link, no page that was forgotten.
set -euo pipefail
cd "$(dirname "$0")/.."

RUSTDOCFLAGS="-D warnings" cargo doc --locked --workspace --no-deps
