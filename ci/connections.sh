#!/usr/bin/env bash
# Many connections, in both modes: all are served, once all are there, and an idle
# one costs at most 8 KiB, its goroutine's stack included. Nothing is decided by a clock. Where
# the limit of descriptors does not allow so many there are fewer, which is said in a line, and
# so few that their cost would not show beside the process's own are not tried.
#
#   ci/connections.sh            9 000 with both ends in one process, 9 000 with the peer in a
#                                second one, by the program as `ci/release.sh` has left it: seconds
#   ci/connections.sh full       19 000 with the peer in a second process, and the system calls of
#                                a round trip where strace is installed (two writes and two reads
#                                are the least, and the polls shared by all that is ready): minutes
#   ci/connections.sh 2000 4000  with other numbers
set -euo pipefail
cd "$(dirname "$0")/.."

full=
one=9000
two=9000
if [[ ${1:-} == full ]]; then
    full=yes
    two=19000
else
    one=${1:-$one}
    two=${2:-$two}
fi

ulimit -n "$(ulimit -H -n)" || echo "connections: the limit of descriptors stays at $(ulimit -n)"
limit=$(ulimit -n)
echo "connections: the limit of descriptors is $limit"
if [[ $limit != unlimited ]] && ((limit < 2100)); then
    echo "connections: SKIPPED, that is not enough for a thousand with both ends in one process"
    exit 0
fi

# The features are those of ci/release.sh, so that nothing is built a second time.
cargo build --locked --release --quiet --package threadle-tests --features threadle/hyper --bins
program=${CARGO_TARGET_DIR:-target}/release/connections

# A machine of which others take the most is slow; what hangs is found all the same.
for mode in bound migrating; do
    CONNECTIONS_MODE=$mode timeout 600 "$program" one "$one"
    CONNECTIONS_MODE=$mode timeout 600 "$program" two "$two"
done

[[ -n $full ]] || exit 0
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
