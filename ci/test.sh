#!/usr/bin/env bash
# The second command of the README.
set -euo pipefail
cd "$(dirname "$0")/.."

cargo test --locked --workspace
