#!/bin/bash
# packages.sh BUILD DIR PACKAGE...: measures packages that fetch.sh has put below DIR, with BUILD's module. Rows go to
# DIR/rows/PACKAGE.jsonl.
set -uo pipefail
here=$(cd "$(dirname "$0")" && pwd)
build=$(cd "$1" && pwd)
dir=$(cd "$2" && pwd)
shift 2
mkdir -p "$dir/rows"
libs=$dir/root/usr/lib/$(uname -m)-linux-gnu
export LUA_PATH="$here/?.lua;"
for version in 5.4 5.3 5.2 5.1 common; do
    LUA_PATH+="$dir/root/usr/share/lua/$version/?.lua;$dir/root/usr/share/lua/$version/?/init.lua;"
done
LUA_PATH+=";"
export LUA_CPATH="$build/tests/inert/?.so;$libs/lua/5.4/?.so;;"
export LD_LIBRARY_PATH="$libs${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}"
export HOTPATCH_SNAPSHOT="$here/../cases/snapshot.lua"

for package in "$@"; do
    out=$dir/rows/$package.jsonl
    first=$(sed -n "s/^$package //p" "$here/packages.txt")
    skip=()
    rm -f "$out"
    # A module that ends the process, or waits for something, is left out the next time.
    while ! timeout 120 "${LUA:-lua5.4}" "$here/measure.lua" "$package" "$dir/packages/$package" "$out" "$first" "${skip[@]}" \
        </dev/null >"$out.log" 2>&1 || [ ! -s "$out" ]; do
        last=$(cat "$out.now" 2>/dev/null)
        if [ -z "$last" ] || [ "${#skip[@]}" -ge 30 ]; then
            echo "inert: $package cannot be measured: $(tail -1 "$out.log")" >&2
            break
        fi
        skip+=("$last")
    done
    rm -f "$out.now"
done
