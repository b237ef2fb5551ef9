#!/bin/bash
# try.sh HOST HOTPATCH: runs the C host, patches it with the command HOTPATCH while it runs, and takes the patch back.
# Status 0 only if its readings were kept and its mean was right when it should be.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
host=${1:?usage: try.sh HOST HOTPATCH}
hotpatch=${2:?usage: try.sh HOST HOTPATCH}

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir -m 700 "$work/run"
export HOTPATCH_DIR=$work/run

coproc meter { exec "$host" "$here"; }
pid=$!
read_from=${meter[0]}
write_to=${meter[1]}

# reading VALUE EXPECTED: gives the host a reading; its answer must be EXPECTED.
reading() {
    local line
    echo "$1" >&"$write_to"
    IFS= read -r -t 20 -u "$read_from" line || { echo "try.sh: no answer to $1" >&2; exit 1; }
    echo "$line"
    [ "$line" = "$2" ] || { echo "try.sh: expected '$2'" >&2; exit 1; }
}

reading 1 "1 readings, mean 1.00"
reading 2 "2 readings, mean 1.00"
"$hotpatch" push --pid "$pid" meter="$here/fix/meter.lua"
reading 2 "3 readings, mean 1.67"
"$hotpatch" revert --pid "$pid"
reading 3 "4 readings, mean 2.00"
exec {write_to}>&-
wait "$pid"
