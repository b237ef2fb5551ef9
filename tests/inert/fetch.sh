#!/bin/bash
# fetch.sh DIR PACKAGE...: puts Debian packages, with all they depend on, below DIR/root without installing anything: the
# machine stays as it was, and needs no root. What is there already is not fetched again. DIR/packages/NAME lists the Lua
# files of each package that was named.
set -euo pipefail
shopt -s nullglob
dir=${1:?usage: fetch.sh DIR PACKAGE...}
shift
mkdir -p "$dir/debs/partial" "$dir/root" "$dir/packages"
dir=$(cd "$dir" && pwd)

options=(-qq -y --no-install-recommends -o "Dir::Cache::archives=$dir/debs" -o Debug::NoLocking=1 -o APT::Sandbox::User=root)

# One that is at odds with what is installed or with another one is fetched alone: nothing is installed, so nothing clashes.
fetch() {
    apt-get "${options[@]}" --download-only install "$1" >"$dir/apt.log" 2>&1 ||
        (cd "$dir/debs" && apt-get "${options[@]}" download "$1" >>"$dir/apt.log" 2>&1)
}

for package in "$@"; do
    [ -e "$dir/packages/$package" ] && continue
    if ! fetch "$package" && ! { apt-get -qq update >"$dir/apt.log" 2>&1 && fetch "$package"; }; then
        echo "fetch: $package cannot be had: $(tail -1 "$dir/apt.log")" >&2
        continue
    fi
    for deb in "$dir/debs/"*.deb; do
        [ -e "$deb.done" ] || { dpkg-deb -x "$deb" "$dir/root" && touch "$deb.done"; }
    done
    found=("$dir/debs/${package}_"*.deb)
    deb=${found[0]:-}
    if [ -z "$deb" ]; then # installed on this machine: taken from where it is
        dpkg -L "$package" | grep '\.lua$' >"$dir/packages/$package" || true
    else
        dpkg-deb -c "$deb" | sed -nE "s| -> .*||; s|^.* \./(.*\.lua)\$|$dir/root/\1|p" >"$dir/packages/$package"
    fi
done
