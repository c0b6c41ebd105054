#!/usr/bin/env bash
# Many connections: 9 000 with both ends in one process, 19 000 with the peer in a second
# one, or as many as the limit of descriptors allows, which is then said in a line. Fails
# where an idle connection costs more than 8 KiB, its goroutine's stack included.
#
# The system calls of a round trip are counted where strace is installed: per round trip
# two writes and two reads are the least, and the polls shared by all that is ready.
#
#   ci/connections.sh            all of it
#   ci/connections.sh 2000 4000  with other numbers
set -euo pipefail
cd "$(dirname "$0")/.."

one=${1:-9000}
two=${2:-19000}

ulimit -n "$(ulimit -H -n)" || echo "connections: the limit of descriptors stays at $(ulimit -n)"
echo "connections: the limit of descriptors is $(ulimit -n)"

cargo build --locked --release --quiet --package threadle-tests --bin connections
program=${CARGO_TARGET_DIR:-target}/release/connections

for mode in bound migrating; do
    CONNECTIONS_MODE=$mode "$program" one "$one"
    CONNECTIONS_MODE=$mode "$program" two "$two"
done

if ! command -v strace >/dev/null; then
    echo "connections: SKIPPED counting system calls, strace is not installed"
    exit 0
fi
trips=20000
for connections in 2 100 1000; do
    echo "connections: system calls per round trip at $connections connections, both modes together"
    counts=$(mktemp)
    strace -f -c -o "$counts" "$program" echo "$connections" "$trips"
    awk -v trips=$((2 * trips)) '$4 ~ /^[0-9]+$/ && $4 > trips / 100 { printf "    %-16s %6.2f\n", $NF, $4 / trips }' "$counts"
    rm -f "$counts"
done
