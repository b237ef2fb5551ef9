#!/bin/bash
# run.sh BUILD [DIR]: how real Lua code loads in the stage: Debian's Lua packages (packages.txt) and a running Prosody with its
# plugins, fetched into DIR (BUILD/inert unless named), each in a process that has really loaded it. Prints a table; the
# figures and every failure go to DIR/inert.json. Status 1 when the bar of docs/inert.md is missed.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
build=${1:?usage: run.sh BUILD [DIR]}
dir=${2:-$build/inert}

mapfile -t packages < <(sed -E '/^#/d; s/ .*//' "$here/packages.txt")
"$here/fetch.sh" "$dir" "${packages[@]}" prosody prosody-modules lua-bitop lua-filesystem lua-readline
rm -rf "$dir/rows"
"$here/packages.sh" "$build" "$dir" "${packages[@]}"
"$here/prosody.sh" "$build" "$dir"
LUA_PATH="$here/../e2e/?.lua;;" "${LUA:-lua5.4}" "$here/report.lua" "$dir"/rows/*.jsonl >"$dir/inert.json"
