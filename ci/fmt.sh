#!/usr/bin/env bash
# Formatting, as rustfmt's defaults have it.
set -euo pipefail
cd "$(dirname "$0")/.."

cargo fmt --all --check
