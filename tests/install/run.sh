#!/bin/bash
# run.sh BUILD_DIR SOURCE_DIR CMAKE: installs the build into a folder of its own and uses it the way others would: the
# C host of examples/ built through pkg-config, through find_package, shared and static; `require` in the stock Lua.
set -euo pipefail
build=${1:?usage: run.sh BUILD_DIR SOURCE_DIR CMAKE}
source=${2:?}
cmake=${3:?}

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
prefix=$work/prefix
"$cmake" --install "$build" --prefix "$prefix" >"$work/install.log"

fail() {
    echo "install: $1" >&2
    exit 1
}

# FILE...: there is exactly one of each name below the prefix.
for name in hotpatch.h hotpatch.pc hotpatch-config.cmake hotpatch-config-version.cmake hotpatch.1 libhotpatch.a \
    libhotpatch.so.0 _hotpatch hotpatch.fish report.schema.json; do
    [ "$(find "$prefix" -name "$name" | wc -l)" -eq 1 ] || fail "$name was not installed"
done
command=$prefix/bin/hotpatch
[ -x "$command" ] || fail "no bin/hotpatch"
[ -s "$prefix/share/hotpatch/ansible/roles/hotpatch/library/hotpatch.py" ] || fail "no Ansible role"
[ -s "$(find "$prefix" -path '*bash-completion/completions/hotpatch')" ] || fail "no completion for bash"

PKG_CONFIG_PATH=$(dirname "$(find "$prefix" -name hotpatch.pc)")
export PKG_CONFIG_PATH
libdir=$(pkg-config --variable=libdir hotpatch)
[ "$(pkg-config --modversion hotpatch)" = "$("$command" --version | grep -oE '[0-9]+\.[0-9]+\.[0-9]+' | head -n 1)" ] ||
    fail "hotpatch.pc and the command disagree about the version"

echo "== C host through pkg-config"
# shellcheck disable=SC2046 # a list of flags
${CC:-cc} -o "$work/host-pc" "$source/examples/c-host/host.c" \
    $(pkg-config --cflags --libs hotpatch lua5.4) -Wl,-rpath,"$libdir"
"$source/examples/c-host/try.sh" "$work/host-pc" "$command"

echo "== C host through find_package"
"$cmake" -S "$source/examples/c-host" -B "$work/shared" -DCMAKE_PREFIX_PATH="$prefix" >"$work/cmake.log"
"$cmake" --build "$work/shared" >>"$work/cmake.log"
"$source/examples/c-host/try.sh" "$work/shared/host" "$command"

echo "== C host through find_package, the archive"
"$cmake" -S "$source/tests/install/static" -B "$work/static" -DCMAKE_PREFIX_PATH="$prefix" \
    -DHOST_SOURCE="$source/examples/c-host/host.c" >>"$work/cmake.log"
"$cmake" --build "$work/static" >>"$work/cmake.log"
"$source/examples/c-host/try.sh" "$work/static/host" "$command"

echo "== the module in the stock Lua"
LUA_CPATH="$(pkg-config --variable=luacmoddir hotpatch)/?.so" HOTPATCH_DIR="$work/run" \
    lua5.4 -e 'local h = require "hotpatch"; h.start { name = "install" }; assert(h.fd() >= 0); h.poll(); h.stop()'
