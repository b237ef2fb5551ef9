#!/bin/sh
# build.sh PRESET [CMAKE_ARGUMENTS...]: configures and builds build/PRESET; quiet unless something is wrong.
set -eu
cd "$(dirname "$0")/.."
preset=${1:?usage: build.sh PRESET [CMAKE_ARGUMENTS...]}
shift
mkdir -p build
log=build/$preset.log
echo "building build/$preset" >&2
if ! { cmake --preset "$preset" "$@" && cmake --build --preset "$preset"; } >"$log" 2>&1; then
    cat "$log"
    echo "build.sh: the build of preset $preset failed; the text above is in $log" >&2
    exit 1
fi
