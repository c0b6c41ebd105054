#!/usr/bin/env bash
# The examples of examples/bridge against programs of others. Installs them where
# this is root on a system with apt, and Python's packages into the target folder;
# what cannot be had is skipped, with a line that says what was not tried. The tests
# start their servers on free ports of the loopback, in temporary folders, and end them.
#
#   ci/net.sh            installs what is missing, then tests
#   ci/net.sh --offline  tests with what is there
set -euo pipefail
cd "$(dirname "$0")/.."

packages=$(realpath -m "${CARGO_TARGET_DIR:-target}")/net/python

# need PROGRAM PACKAGE: the package is missing where the program is.
missing=()
need() {
    PATH=$PATH:/usr/sbin command -v "$1" >/dev/null || missing+=("$2")
}

install_programs() {
    need curl curl
    need wrk wrk
    need openssl openssl
    need nginx nginx-light
    need redis-server redis-server
    need python3 python3
    need pip3 python3-pip
    compgen -G '/usr/lib/postgresql/*/bin/initdb' >/dev/null || need initdb postgresql
    [[ ${#missing[@]} == 0 ]] && return
    if [[ $(id -u) != 0 ]] || ! command -v apt-get >/dev/null; then
        echo "net: not installed: ${missing[*]}"
        return
    fi
    echo "net: installing ${missing[*]}"
    # Installed is not started: the tests start servers of their own.
    local policy=/usr/sbin/policy-rc.d ours=
    if [[ ! -e $policy ]]; then
        printf '#!/bin/sh\nexit 101\n' >$policy
        chmod +x $policy
        ours=yes
    fi
    export DEBIAN_FRONTEND=noninteractive
    { timeout 120 apt-get update -qq && timeout 300 apt-get install -qq -y --no-install-recommends "${missing[@]}"; } \
        >/dev/null || echo "net: apt-get failed; what is missing is skipped"
    [[ -z $ours ]] || rm $policy
}

install_modules() {
    local module
    for module in grpc:grpcio websockets:websockets; do
        if ! PYTHONPATH=$packages python3 -c "import ${module%:*}" 2>/dev/null; then
            timeout 120 pip3 install --quiet --disable-pip-version-check --root-user-action=ignore \
                --target "$packages" "${module#*:}" 2>/dev/null ||
                echo "net: pip has not installed ${module#*:}"
        fi
    done
}

if [[ ${1:-} != --offline ]]; then
    install_programs
    install_modules
fi
PYTHONPATH=$packages cargo test --locked --package threadle-bridge --test behaviour -- peers
