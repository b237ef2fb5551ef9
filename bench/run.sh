#!/bin/bash
# run.sh BUILD_DIR [RUNS]: measures a release build and writes the result as JSON to standard output; progress goes to
# standard error. What is measured is told by bench.c.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
build=$(cd "${1:?usage: run.sh BUILD_DIR [RUNS]}" && pwd)
runs=${2:-50}

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
done
cp "$work/edition1.lua" "$work/fifty.lua"

lua5.4 "$here/server.lua" "$work" "$work/ready" &
server=$!
for _ in {1..100}; do
    [ ! -e "$work/ready" ] || break
    sleep 0.1
done
[ -e "$work/ready" ] || { echo "run.sh: the server did not start" >&2; exit 1; }

"$build/bin/bench" "$build/bin/hotpatch" "$server" "$work" "$runs"
