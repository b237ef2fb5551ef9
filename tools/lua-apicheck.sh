#!/bin/sh
# The tests that run Lua, with a Lua that checks itself: Debian's source of lua5.4, built with its internal assertions
# (LUAI_ASSERT) and the checks of every API call (LUA_USE_APICHECK).
#
#   tools/lua-apicheck.sh [CTEST-ARGUMENT…]      default: -R '^(case|test_|random|cases-snapshot)'
#
# Everything stays below build/apicheck: the source (fetched once, with a list of sources of its own: apt's configuration is
# not touched), the interpreter and the library, and a debug build of hotpatch tested with them. Needs the network the first
# time, and dpkg-dev.
set -eu
cd "$(dirname "$0")/.."
build=$PWD/build/apicheck
lua=$build/lua

fetch() {
    mkdir -p "$lua/apt/lists/partial" "$lua/apt/archives/partial"
    cat >"$lua/apt/sources.list" <<LIST
deb-src [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] http://deb.debian.org/debian bookworm main
LIST
    own() {
        apt-get -q -o Dir::Etc::sourcelist="$lua/apt/sources.list" -o Dir::Etc::sourceparts=/dev/null \
            -o Dir::State::lists="$lua/apt/lists" -o Dir::Cache="$lua/apt" "$@"
    }
    if ! (cd "$lua/apt" && own update && own source --download-only lua5.4 && dpkg-source -x lua5.4_*.dsc "$lua/source"); then
        echo "lua-apicheck: no source of lua5.4; it wants deb.debian.org, and dpkg-source (apt-get install dpkg-dev)" >&2
        exit 1
    fi
}

# One set of objects, twice: in the interpreter for what loads hotpatch.so, in a library of Debian's name for the programs that link it.
compile() {
    files=
    for file in "$lua"/source/src/*.c; do
        case $file in */lua.c | */luac.c) ;; *) files="$files $file" ;; esac
    done
    # Not HARDSTACKTESTS: our code holds no pointers into the stack, and Lua 5.4.4 itself uses freed memory in loadStringN where the
    # stack moves and an allocation is refused at once.
    flags="-std=gnu99 -g -O2 -fPIC -DLUA_USE_LINUX -DLUA_COMPAT_5_3 -DLUAI_ASSERT -DLUA_USE_APICHECK"
    mkdir -p "$lua/lib"
    # shellcheck disable=SC2086 # lists of words
    cc $flags -o "$lua/lua5.4" "$lua/source/src/lua.c" $files -Wl,-E -lm -ldl
    # shellcheck disable=SC2086
    cc $flags -shared -Wl,-soname,liblua5.4.so.0 -Wl,--version-script,"$lua/source/debian/version-script" -o "$lua/lib/liblua5.4.so.0" $files -lm -ldl
}

# A check that cannot fail is none: this program takes from an empty stack.
try() {
    cat >"$lua/try.c" <<'PROGRAM'
#include <lauxlib.h>
int main(void)
{
    lua_State *L = luaL_newstate();
    lua_pop(L, 1);
    return 0;
}
PROGRAM
    cc -I/usr/include/lua5.4 -o "$lua/try" "$lua/try.c" "$lua/lib/liblua5.4.so.0"
    if (LD_LIBRARY_PATH=$lua/lib "$lua/try") >"$lua/try.log" 2>&1 || ! grep -q 'invalid new top' "$lua/try.log"; then
        echo "lua-apicheck: the library does not check its callers" >&2
        exit 1
    fi
}

[ -d "$lua/source" ] || fetch
if [ ! -x "$lua/lua5.4" ] || [ ! -f "$lua/lib/liblua5.4.so.0" ]; then
    compile
fi
try
cmake -G Ninja -S . -B "$build" -DCMAKE_BUILD_TYPE=Debug -DHOTPATCH_BENCH=OFF -DHOTPATCH_TEST_LUA="$lua/lua5.4" >"$lua/cmake.log"
cmake --build "$build"
export LD_LIBRARY_PATH="$lua/lib${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}"
[ $# -gt 0 ] || set -- -R '^(case|test_|random|cases-snapshot)'
exec ctest --test-dir "$build" --output-on-failure -j2 "$@"
