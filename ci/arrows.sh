#!/usr/bin/env bash
# The dependency arrows of docs/architecture.md. Development dependencies are
# outside the rule: a test may reach wherever it likes.
#
#   examples, tests -> threadle -> threadle-scheduler -> threadle-timer, threadle-netpoll
set -euo pipefail
cd "$(dirname "$0")/.."

status=0
members=' threadle-timer threadle-netpoll threadle-scheduler threadle threadle-examples threadle-bridge ingest threadle-tests threadle-audit threadle-audit-fixtures threadle-peers peer-measure peer-threadle peer-floor '

# The packages a package itself names, every optional one included.
direct() {
    cargo tree --locked --quiet --package "$1" --all-features --edges normal,build --depth 1 --prefix none --format '{p}' |
        tail -n +2 | cut -d' ' -f1 | sort -u
}

# allow PACKAGE [WORKSPACE-PACKAGE ..]: the only workspace packages it may name.
allow() {
    local package=$1 dependency
    shift
    while read -r dependency; do
        if [[ $members == *" $dependency "* && " $* " != *" $dependency "* ]]; then
            echo "arrows: $package depends on $dependency" >&2
            status=1
        fi
    done < <(direct "$package")
}

# only CRATE PACKAGE: of the four libraries, the one package that may name a foreign crate.
only() {
    local package
    for package in threadle-timer threadle-netpoll threadle-scheduler threadle; do
        if [[ $package != "$2" ]] && direct "$package" | grep -qx "$1"; then
            echo "arrows: $package depends on $1, which enters at $2 only" >&2
            status=1
        fi
    done
}

allow threadle-timer
allow threadle-netpoll
allow threadle-scheduler threadle-timer threadle-netpoll
allow threadle threadle-scheduler threadle-netpoll
allow threadle-examples threadle
allow threadle-bridge threadle
allow ingest threadle
allow threadle-tests threadle peer-measure
allow threadle-audit
allow threadle-audit-fixtures threadle
allow threadle-peers peer-measure
allow peer-measure
allow peer-threadle threadle threadle-tests peer-measure
allow peer-floor peer-measure

if [[ -n $(direct threadle-timer | grep -vx loom || true) ]]; then
    echo "arrows: threadle-timer is to need std alone" >&2
    status=1
fi
only corosensei threadle-scheduler
only crossbeam-deque threadle-scheduler
only mio threadle-netpoll

# No second runtime in the libraries. hyper, behind a feature, brings tokio's channels along: those alone are let through.
for library in threadle-timer threadle-netpoll threadle-scheduler threadle; do
    while read -r name _version features; do
        if [[ $name == tokio && ( $library != threadle || ",$features," =~ ,(rt|rt-multi-thread|net|time|fs|process|signal), ) ]]; then
            echo "arrows: $library brings in tokio with features: $features" >&2
            status=1
        fi
    done < <(cargo tree --locked --quiet --package "$library" --all-features --edges normal --prefix none --format '{p} {f}' | sort -u)
    if cargo tree --locked --quiet --package "$library" --edges normal --prefix none --format '{p}' | grep -q '^tokio '; then
        echo "arrows: $library brings in tokio with its default features" >&2
        status=1
    fi
done

[[ $status == 0 ]] && echo "arrows: as in docs/architecture.md"
exit $status
