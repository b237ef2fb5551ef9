#!/bin/bash
# layers.sh SOURCE_DIR: who may include what, and who may call what (docs/design.md, "Layers"). Prints each line that breaks
# a rule; status 1 if any did.
set -u
cd "${1:?usage: layers.sh SOURCE_DIR}" || exit 2
failed=0

# only PATTERN WHY ALLOWED...: outside ALLOWED (files, or folders ending in /), no source line of proto/, agent/ or client/
# matches the extended regular expression PATTERN. Comments do not count.
only() {
    local pattern=$1 why=$2
    shift 2
    local hits
    hits=$(grep -rnE --include='*.[ch]' "$pattern" proto agent client | grep -vE '^[^:]+:[0-9]+:[[:space:]]*(\*|/\*|//)' || true)
    local allowed
    for allowed in "$@"; do
        case $allowed in
        */) hits=$(grep -v "^$allowed" <<<"$hits" || true) ;;
        *) hits=$(grep -v "^$allowed:" <<<"$hits" || true) ;;
        esac
    done
    if [ -n "$hits" ]; then
        printf '%s\n%s\n\n' "broken: $why" "$hits"
        failed=1
    fi
}

# never DIR PATTERN WHY: no source line below DIR (or in that file) matches.
never() {
    local where=$1 pattern=$2 why=$3 hits=
    if [ -e "$where" ]; then
        hits=$(grep -rnE --include='*.[ch]' "$pattern" "$where" | grep -vE '^[^:]+:[0-9]+:[[:space:]]*(\*|/\*|//)' || true)
    fi
    if [ -n "$hits" ]; then
        printf '%s\n%s\n\n' "broken: $why" "$hits"
        failed=1
    fi
}

include='^[[:space:]]*#[[:space:]]*include[[:space:]]*'

# Each foreign interface has one door.
only "${include}<msgpack" 'msgpack.h only in proto/wire.c' proto/wire.c
only "${include}<nng/" 'nng only in agent/service.c, agent/endpoint.c, agent/listener.[ch], client/connect.c' \
    agent/service.c agent/endpoint.c agent/listener.c agent/listener.h client/connect.c
only "${include}<mbedtls/" 'mbed TLS (certificates; nng does the TLS) only in proto/pems.c, proto/digest.c and client/diagnose.c' \
    proto/pems.c proto/digest.c client/diagnose.c
only "${include}<sodium" 'libsodium (signatures) only in proto/minisign.c' proto/minisign.c
only '(^|[^_[:alnum:]])(getpw|getgr)[a-z_]*[[:space:]]*\(' 'the system'"'"'s users and groups only in agent/users.c (the client has its own)' \
    agent/users.c client/
only 'lua_sethook[[:space:]]*\(' 'lua_sethook only where it bounds what the agent runs, and in the watch of a guard' \
    agent/engine/lx.c agent/engine/stagebound.c agent/engine/watch.c agent/engine/watch_thread.c agent/engine/watch_event.c
only "${include}<jansson" 'JSON only in client/' client/

# Layers.
never proto "${include}[<\"](lua|lauxlib|lualib)" 'proto/ knows no Lua'
never proto "${include}<(pthread|threads)\.h" 'proto/ knows no threads'
never proto "${include}\"(agent|client)/" 'proto/ knows neither agent nor client'
never agent/engine "${include}<(sys/socket|sys/un|poll|nng/)" 'the engine does no input or output'
# shellcheck disable=SC2046 # no file of ours has a space in its name
only "${include}<(pthread|threads)\\.h" 'the engine has one thread, in turn.c' agent/engine/turn.c $(ls agent/*.[ch]) client/
never agent/engine "${include}\"(agent/[a-z_]*\.h|\.\./|client/)" 'the engine knows nothing above itself'
never agent "${include}\"client/" 'the agent knows no client'
never client "${include}\"agent/" 'the client knows no agent'
for noun in graph match plan; do
    for file in agent/engine/"$noun"*.[ch]; do
        never "$file" "${include}[<\"](lua|lauxlib|lualib)" "$noun is plain C, without Lua"
    done
done

# Public interface of Lua only.
private='l(api|code|ctype|debug|do|func|gc|jumptab|limits|mem|object|opcodes|opnames|parser|prefix|state|string|table|tm|undump|vm|zio|lex)\.h'
for dir in proto agent client tests bench examples; do
    never "$dir" "${include}[<\"](lua5\.4/)?${private}[>\"]" 'no private header of Lua'
done

# Memory goes through hp_mem_*, so that tests can make any allocation fail.
only '(^|[^_[:alnum:]])(malloc|calloc|realloc|strdup|strndup|asprintf)[[:space:]]*\(' 'hp_mem_* and arenas, never malloc' \
    proto/arena.c client/
exit $failed
