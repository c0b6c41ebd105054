#!/usr/bin/env bash
# Instructions that five hot paths take, against ci/instructions.txt: a spawn, a switch, a
# channel send with its receive, a timer armed and stopped, a lease announced and taken back. Counted by
# Valgrind's callgrind, which a busy machine disturbs little, where times would be worthless.
#
#   ci/perf.sh            says old, new and difference; fails where one takes over 5 % more
#   ci/perf.sh --accept   writes what was counted to ci/instructions.txt
#
# Each program (those of tests/peers/threadle, bound mode, one processor) runs with N operations and
# with 2 N: the difference is N operations without start and end. The monitor's thread is not counted: what
# it does goes by the clock, which Valgrind makes fifty times slower for everyone else. A count is the least of
# up to three, since all that disturbs adds.
#
# Another compiler makes other code: then the difference is printed and decides nothing.
set -euo pipefail
cd "$(dirname "$0")/.."

baseline=ci/instructions.txt
tolerance=5
operations=10000

accept=
case ${1:-} in
    '') ;;
    --accept) accept=yes ;;
    *) echo "arguments: [--accept]" >&2; exit 2 ;;
esac

if ! command -v valgrind >/dev/null; then
    echo "perf: SKIPPED, valgrind is not installed"
    exit 0
fi

compiler="$(rustc --version) $(rustc --version --verbose | sed -n 's/^host: //p')"
known=$(sed -n 's/^compiler //p' "$baseline" 2>/dev/null || true)

cargo build --locked --release --quiet --package peer-threadle
program=${CARGO_TARGET_DIR:-target}/release/peer-threadle
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

# instructions ARGUMENTS..: of one run, of all threads but the monitor's.
instructions() {
    local file
    rm -f "$folder"/*
    valgrind --quiet --tool=callgrind --separate-threads=yes --callgrind-out-file="$folder/out" \
        "$program" "$@" workers=1 mode=bound >"$folder/said" 2>&1 || { cat "$folder/said" >&2; return 1; }
    for file in "$folder"/out-*; do
        grep -q 'current::become_monitor$' "$file" || sed -n 's/^totals: //p' "$file"
    done | awk '{ sum += $1 } END { print sum }'
}

# each PROGRAM KEY ARGUMENTS..: instructions of one operation.
each() {
    local name=$1 key=$2 once twice
    shift 2
    once=$(instructions "$name" "$key=$operations" "$@")
    twice=$(instructions "$name" "$key=$((2 * operations))" "$@")
    echo $(((twice - once + operations / 2) / operations))
}

status=0
counted=()
printf '%-10s %8s %8s %8s\n' path before now change

# path NAME PROGRAM KEY ARGUMENTS..
path() {
    local name=$1 before now again try change=new
    shift
    before=$(sed -n "s/^$name //p" "$baseline" 2>/dev/null || true)
    now=$(each "$@")
    for try in 2 3; do
        if [[ -z $accept && -n $before ]] && ((now * 100 <= before * (100 + tolerance))); then
            break
        fi
        again=$(each "$@")
        ((again < now)) && now=$again
    done
    if [[ -n $before ]]; then
        change=$(awk -v before="$before" -v now="$now" 'BEGIN { printf "%+.1f %%", 100 * (now - before) / before }')
        if [[ -z $accept && $known == "$compiler" ]] && ((now * 100 > before * (100 + tolerance))); then
            change+="  MORE"
            status=1
        fi
    fi
    counted+=("$name $now")
    printf '%-10s %8s %8s %8s\n' "$name" "${before:--}" "$now" "$change"
}

path spawn spawn goroutines
path switch yield yields goroutines=2
path send bounded values senders=1 receivers=1 capacity=128
path timer timer operations standing=100
path lease read operations

if [[ -n $accept ]]; then
    {
        echo "# Instructions of one operation, as ci/perf.sh --accept has counted them."
        echo "compiler $compiler"
        printf '%s\n' "${counted[@]}"
    } >"$baseline"
    echo "perf: $baseline is written"
elif [[ $known != "$compiler" ]]; then
    echo "perf: counted with $compiler, the baseline with ${known:-none}: decides nothing (ci/perf.sh --accept)"
elif [[ $status != 0 ]]; then
    echo "perf: more than $tolerance % over the baseline; if that is what it is to cost, ci/perf.sh --accept" >&2
fi
exit $status
