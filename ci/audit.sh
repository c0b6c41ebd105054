#!/usr/bin/env bash
# The audit of migrating mode (tests/audit) on real programs, optimised, as they are left by
# `ci/release.sh`, so that next to nothing is built here:
#
#   figures   every scenario of the suites, in both modes: nothing may be found
#   stale     breaks the promise on purpose: that must be found, or the audit is blind
#
#   ci/audit.sh          these two
#   ci/audit.sh ingest   the example service too, whose release build takes minutes: by direct
#                        calls nothing may be found, and what calls through pointers may reach
#                        is compared with docs/soundness.md, function by function
#
# x86-64 only, as the audit is.
set -euo pipefail
cd "$(dirname "$0")/.."

if [[ $(uname -m) != x86_64 ]]; then
    echo "audit: SKIPPED, it reads x86-64 only"
    exit 0
fi
target="${CARGO_TARGET_DIR:-target}"
cargo build --locked --quiet --package threadle-audit
cargo build --locked --quiet --release --package threadle-tests --features threadle/hyper --bins

audit() {
    "$target/debug/threadle-audit" "$@"
}

echo "audit: figures"
audit "$target/release/figures"

echo "audit: stale"
status=0
found=$(audit "$target/release/stale") || status=$?
if [[ $status != 1 || $found != *scenario::stale::* ]]; then
    echo "audit: what breaks the promise on purpose was not found (status $status)" >&2
    echo "$found" >&2
    exit 1
fi
echo "audit: found, as it has to be"

if [[ ${1:-} == ingest ]]; then
    echo "audit: ingest"
    cargo build --locked --quiet --release --package ingest
    audit --indirect=never "$target/release/ingest"
    # Those with a verdict. One more is a finding, to be looked at and then written down there.
    # The symbol of a generic function does not say of which type it is; its verdict is of one.
    audit --allow 'core::future::future::Future>::poll=poll<tokio::sync::oneshot::Receiver<()>>' \
        --allow hyper::common::date::update --allow tokio:: --allow tracing_core::dispatcher::get_default \
        --allow tracing::span::Span::new --allow tracing::__macro_support::__is_enabled \
        --allow transform_stream::scope::enter_scope "$target/release/ingest"
fi
