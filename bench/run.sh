#!/bin/bash
# run.sh BUILD_DIR [RUNS [quick|full]]: measures a release build and writes the result as JSON to standard output and as a
# table to standard error. What is measured is told by bench.c. Quick takes less than a minute and leaves out the largest
# heaps; full takes some minutes and 2 GB of memory.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
build=$(cd "${1:?usage: run.sh BUILD_DIR [RUNS [quick|full]]}" && pwd)
runs=${2:-50}
mode=${3:-full}

work=$(mktemp -d)
server=
# shellcheck disable=SC2317 # called by the trap
clean_up() {
    local status=$?
    trap - EXIT
    [ -z "$server" ] || kill "$server" 2>/dev/null || true
    rm -rf "$work"
    exit $status
}
trap clean_up EXIT

mkdir -m 700 "$work/run"
export HOTPATCH_DIR=$work/run
export LUA_CPATH="$build/lua/?.so;;"
for edition in 1 2; do
    lua5.4 "$here/generate.lua" 50 $edition >"$work/edition$edition.lua"
    lua5.4 "$here/generate.lua" 50 $edition 7 >"$work/one$edition.lua"
done
cp "$work/edition1.lua" "$work/fifty.lua"

# For pushes over tls: one certificate serves both sides and is its own authority.
if command -v openssl >/dev/null; then
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=localhost \
        -keyout "$work/tls.key" -out "$work/tls.pem" 2>/dev/null
    export HOTPATCH_TLS_CA=$work/tls.pem HOTPATCH_TLS_CERT=$work/tls.pem HOTPATCH_TLS_KEY=$work/tls.key
fi

lua5.4 "$here/server.lua" "$work" "$work/ready" &
server=$!
for _ in {1..100}; do
    [ ! -e "$work/ready" ] || break
    sleep 0.1
done
[ -e "$work/ready" ] || { echo "run.sh: the server did not start" >&2; exit 1; }

if [ -n "${HOTPATCH_TLS_CA:-}" ]; then
    port=$("$build/bin/hotpatch" status --pid "$server" | sed -n 's|.*tls+tcp://127.0.0.1:||p')
    export BENCH_TLS=tls+tcp://localhost:$port
fi

"$build/bin/bench" "$here" "$work" "$build/bin/hotpatch" "$server" "$runs" "$mode"
