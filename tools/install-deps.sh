#!/bin/sh
# install-deps.sh SET...: installs the Debian packages that are missing. SETs: demo test lint fuzz; each says what for.
#
# Quiet when nothing is missing; otherwise says what and why. Needs root, or sudo. On a system without apt it names the
# packages and leaves the rest to the build, which will say what it cannot find.
set -eu

# One line a package: what it is for.
demo_packages='gcc the compiler
libc6-dev headers of the C library
cmake the build system
ninja-build runs the build
pkg-config finds libraries
lua5.4 the interpreter that the game server runs in
liblua5.4-dev the agent is written against its headers; the command compiles chunks with it
libnng-dev messages between the command and the server
libmsgpack-dev the format of these messages
libmbedtls-dev reads certificates; nng does TLS with it
libsodium-dev checks and makes signatures
libjansson-dev reports as JSON
lua-socket the game server talks TCP'
test_packages="$demo_packages
libcmocka-dev unit tests
git the tests of --git
openssl the tests of TLS make certificates
ansible-core the tests of the Ansible role
nng-utils nngcat, a client that is not ours
libnanomsg-raw-perl another, in Perl
libdata-messagepack-perl msgpack for that one
python3-jsonschema holds the command's JSON against docs/report.schema.json
python3-yaml reads the workflow files of examples/ci for their test
jq these files use it
minisign makes and checks signatures that are not ours
valgrind a push under its eyes"
lint_packages='clang-format checks the layout of the C sources
clang-tidy looks for mistakes in them
shellcheck looks for mistakes in the shell scripts'
fuzz_packages="$test_packages
clang libFuzzer is part of it
libclang-rt-dev its run-time libraries"

is_installed() {
    [ "$(dpkg-query -W -f='${db:Status-Status}' "$1" 2>/dev/null)" = installed ]
}

as_root() {
    if [ "$(id -u)" -eq 0 ]; then
        DEBIAN_FRONTEND=noninteractive "$@"
    elif command -v sudo >/dev/null; then
        sudo DEBIAN_FRONTEND=noninteractive "$@"
    else
        echo "install-deps: not root, and there is no sudo. As root, run:" >&2
        echo "    apt-get install -y --no-install-recommends$missing" >&2
        exit 1
    fi
}

wanted=
for set in "$@"; do
    case $set in
    demo) wanted="$wanted
$demo_packages" ;;
    test) wanted="$wanted
$test_packages" ;;
    lint) wanted="$wanted
$lint_packages" ;;
    fuzz) wanted="$wanted
$fuzz_packages" ;;
    *)
        echo "install-deps: unknown set '$set'; there are: demo test lint fuzz" >&2
        exit 64
        ;;
    esac
done
wanted=$(printf '%s\n' "$wanted" | awk 'NF && !seen[$1]++')

if ! command -v dpkg-query >/dev/null || ! command -v apt-get >/dev/null; then
    echo "install-deps: no apt here, so nothing gets installed. What the build needs, by Debian's names:" >&2
    printf '%s\n' "$wanted" | sed 's/^\([^ ]*\) /    \1: /' >&2
    exit 0
fi

missing=
why=
while read -r package reason; do
    if ! is_installed "$package"; then
        missing="$missing $package"
        why="$why
    $package: $reason"
    fi
done <<LIST
$wanted
LIST
[ -n "$missing" ] || exit 0

echo "install-deps: installing from Debian's packages:$why"
# An image may come without package lists, or with lists so old that the files are gone: update, then install.
as_root apt-get -q update >/dev/null || echo "install-deps: apt-get update failed; trying with the lists there are" >&2
# shellcheck disable=SC2086 # a list of names
as_root apt-get -q -y --no-install-recommends install $missing >/dev/null
echo "install-deps: done"
