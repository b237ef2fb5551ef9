#!/bin/sh
# exports.sh LIBRARY...: every library shows luaopen_hotpatch and hotpatch_* and nothing else, needs no liblua, and may
# not be unmapped.
set -eu
failed=0
for library in "$@"; do
    shown=$(nm -D --defined-only "$library" | awk '{print $NF}' | sed 's/@.*//')
    for name in luaopen_hotpatch hotpatch_start hotpatch_poll hotpatch_fd hotpatch_stop; do
        if ! printf '%s\n' "$shown" | grep -qx "$name"; then
            echo "$library: does not export $name"
            failed=1
        fi
    done
    # The sanitizers add symbols of their own; those are not of a release.
    extra=$(printf '%s\n' "$shown" | grep -Evx 'luaopen_hotpatch|hotpatch_[a-z_]+|__(asan|tsan|ubsan|odr_asan|sanitizer|lsan)_.*' || true)
    if [ -n "$extra" ]; then
        printf '%s exports what is private:\n%s\n' "$library" "$extra"
        failed=1
    fi
    # Undefined symbols are allowed for Lua's sake, so the linker does not notice when one of our own is missing.
    lost=$(nm -D --undefined-only "$library" | awk '{print $NF}' | grep -E '^(hp|hotpatch)_' || true)
    if [ -n "$lost" ]; then
        printf '%s needs what is nowhere defined:\n%s\n' "$library" "$lost"
        failed=1
    fi
    if readelf -d "$library" | grep -q 'NEEDED.*liblua'; then
        echo "$library: links liblua; the program that loads it has Lua already"
        failed=1
    fi
    if ! readelf -d "$library" | grep -q 'NODELETE'; then
        echo "$library: lacks -z nodelete; threads could outlive its code"
        failed=1
    fi
done
exit $failed
