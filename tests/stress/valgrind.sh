#!/bin/sh
# A push with all that belongs to it (tests/e2e/test_push.lua) under valgrind: the server under the stock interpreter, and each
# push and revert of the command (the others would take a minute). Status 1 and valgrind's words if memory is misused or lost on either side.
#   valgrind.sh LUA COMMAND CPATH SOURCE
set -eu
lua=$1 command=$2
export E2E_CPATH="$3" E2E_SOURCE="$4"
dir=$(mktemp -d /tmp/hotpatch-valgrind.XXXXXX)
trap 'rm -rf "$dir"' EXIT
watch="valgrind -q --leak-check=full --show-leak-kinds=definite,indirect --num-callers=30"
cat >"$dir/command" <<COMMAND
#!/bin/sh
case \$1 in push | revert) ;; *) exec "$command" "\$@" ;; esac
exec $watch --log-file=$dir/command.%p "$command" "\$@"
COMMAND
chmod +x "$dir/command"
export E2E_COMMAND="$dir/command" E2E_LUA="$watch --log-file=$dir/server.%p $lua"
"$lua" "$4/tests/e2e/test_push.lua"
for what in server command; do
    ls "$dir/$what".* >/dev/null # it has run under valgrind
done
if [ -n "$(cat "$dir"/server.* "$dir"/command.*)" ]; then
    cat "$dir"/server.* "$dir"/command.* >&2
    exit 1
fi
