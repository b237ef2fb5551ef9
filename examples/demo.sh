#!/bin/bash
# demo.sh BUILD_DIR: a game server is repaired while somebody plays on it. Explains each step, checks that what it says is
# what happens, and ends by itself: status 0 only if every check held. HOTPATCH_DEMO_PACE is the pause between steps in
# seconds (1.5 on a terminal, else 0).
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
build=$(cd "${1:?usage: demo.sh BUILD_DIR}" && pwd)
lua=${HOTPATCH_TEST_LUA:-lua5.4}
pace=${HOTPATCH_DEMO_PACE:-$([ -t 1 ] && echo 1.5 || echo 0)}

work=$(mktemp -d)
server_pid=
# shellcheck disable=SC2317 # called by the trap
clean_up() {
    local status=$?
    trap - EXIT
    if [ -n "$server_pid" ]; then
        kill "$server_pid" 2>/dev/null || true
        wait "$server_pid" 2>/dev/null || true
    fi
    rm -rf "$work"
    exit $status
}
trap clean_up EXIT
trap 'exit 130' INT TERM

# The demo's socket is in a folder of its own, and the command looks nowhere else: other agents may run on this machine.
mkdir -m 700 "$work/run"
export HOTPATCH_DIR=$work/run HOTPATCH_ONLY=1
export LUA_CPATH="$build/lua/?.so;;"
PATH=$build/bin:$PATH
cd "$here/game"

bold="" dim="" plain=""
if [ -t 1 ] && [ -z "${NO_COLOR:-}" ]; then
    bold=$'\e[1m' dim=$'\e[2m' plain=$'\e[0m'
fi

step=0
narrate() {
    step=$((step + 1))
    sleep "$pace"
    printf '\n%s%d. %s%s\n' "$bold" $step "$1" "$plain"
    shift
    [ $# -eq 0 ] || printf '   %s\n' "$@"
}

fail() {
    printf 'demo: %s\n' "$1" >&2
    [ ! -s "$work/server.log" ] || sed 's/^/demo: server: /' "$work/server.log" >&2
    exit 1
}

# Types COMMAND in the game, on the one connection that stays open all the time; the answer goes to `answer`.
play() {
    local line
    printf '   %sana>%s %s\n' "$dim" "$plain" "$1"
    echo "$1" >&"${game[1]}"
    answer=
    while IFS= read -r -t 10 -u "${game[0]}" line; do
        if [ -z "$line" ]; then
            return 0
        fi
        printf '        %s\n' "$line"
        answer+=$line$'\n'
    done
    fail "the game did not answer '$1'"
}

expect() {
    [[ $answer == *"$1"* ]] || fail "expected '$1' in this answer: $answer"
}

# Shows and runs a hotpatch command; what it prints goes to `answer` too.
run() {
    local word shown=
    for word in "$@"; do
        [[ $word != *" "* ]] || word="\"$word\""
        shown+=" $word"
    done
    printf '\n   %s$%s%s\n' "$dim" "$plain" "$shown"
    local status=0
    "$@" >"$work/out" 2>&1 || status=$?
    sed 's/^/   /' "$work/out"
    answer=$(cat "$work/out")
    [ $status -eq 0 ] || fail "'$*' ended with status $status"
}

narrate "A game server starts, under the Lua that the system has" \
    "It holds rooms, players, timers. For hotpatch it does three things: require, start, poll."
: >"$work/server.log"
"$lua" server.lua >"$work/server.log" 2>&1 &
server_pid=$!
for _ in {1..100}; do
    port=$(sed -nE 's/^game: listening on [0-9.]+:([0-9]+)$/\1/p' "$work/server.log")
    [ -z "$port" ] || break
    kill -0 "$server_pid" 2>/dev/null || fail "the server ended at once"
    sleep 0.1
done
[ -n "$port" ] || fail "the server did not start within ten seconds"
coproc game { exec "$lua" client.lua "$port"; }
echo "   $(cat "$work/server.log")"

narrate "Ana plays" "She stays connected from here to the end."
play "login ana"
play "go cave"
play "attack troll"
expect "-3"
play "attack troll"
play "stats"
expect "2 strikes"
expect "1 timers"
printf '\n   %s\n' "The troll's armour is better than Ana's sword, so her blows heal it: 40, 43, 46 hp. A bug in battle.lua."

narrate "Which servers are there?"
run hotpatch ps
[[ $answer == *"$server_pid"* ]] || fail "hotpatch ps does not list the server"

narrate "The repair, as any programmer would write it" "A new file; nothing in it knows of hotpatch."
diff -u battle.lua fix/battle.lua | tail -n +3 | sed 's/^/   /' || true

narrate "What would it do? diff runs everything but the change itself" \
    "The body of the file is not run again: its timer is not started twice, its counters are not reset."
run hotpatch diff --pid "$server_pid" --merge three-way battle=fix/battle.lua
play "attack troll"
expect "49 hp left"
printf '\n   %s\n' "Nothing changed, as promised."

narrate "Push it"
run hotpatch push --pid "$server_pid" --merge three-way --message "blows never heal" battle=fix/battle.lua

narrate "Ana goes on: same connection, same troll, the same three strikes counted"
play "attack troll"
expect "for 2; it has 47 hp left"
play "stats"
expect "4 strikes"
expect "1 timers"
expect "battle 1.1"
play "me"

narrate "What was done is on record, and can be undone"
run hotpatch log --pid "$server_pid"
run hotpatch revert --pid "$server_pid"

narrate "The old code is back; what happened meanwhile stays"
play "attack troll"
expect "for -3; it has 50 hp left"
play "stats"
expect "5 strikes"
expect "battle 1.0"

narrate "The server stops by itself"
play "shutdown"
wait "$server_pid" || fail "the server ended with status $?"
server_pid=
[ -z "$(ls -A "$HOTPATCH_DIR")" ] || fail "the server left something behind in $HOTPATCH_DIR"
printf '\n%sThat was all: a bug repaired, tried and taken back, and nobody was thrown out.%s\n' "$bold" "$plain"
