#!/bin/bash
# prosody.sh BUILD DIR: starts Debian's Prosody, which fetch.sh has put below DIR, as a server with every plugin that loads,
# and measures it from inside (prosody/mod_inert.lua). Rows go to DIR/rows/prosody.jsonl. The server listens on no port.
set -uo pipefail
here=$(cd "$(dirname "$0")" && pwd)
build=$(cd "$1" && pwd)
dir=$(cd "$2" && pwd)
root=$dir/root/usr/lib/prosody
libs=$dir/root/usr/lib/$(uname -m)-linux-gnu
server=$dir/server
rm -rf "$server"
mkdir -p "$server/data" "$server/certs" "$dir/rows"

# Debian's program has its folders written into it.
sed -e "s|'/usr/lib/prosody|'$root|; s|'/etc/prosody'|'$server'|; s|'/var/lib/prosody'|'$server/data'|" \
    "$dir/root/usr/bin/prosody" >"$server/prosody"

# plugins HOST-KIND: all that may be enabled together; `not` are those that replace another one or end the process.
not='^(windows|vcard|debug_sql|unknown|scansion_record|component|muc|muc_.*|.*muc.*|pubsub|pubsub_.*|proxy65|http_file_share|http_upload|privilege|delegation|firewall)$'
for path in "$root"/modules/mod_*; do
    name=$(basename "$path" .lua)
    name=${name#mod_}
    [[ $name =~ $not ]] || printf '"%s";\n' "$name"
done | sort -u >"$server/plugins"

cat >"$server/prosody.cfg.lua" <<CONFIG
run_as_root = true; daemonize = false
data_path = "$server/data"; certificates = "$server/certs"; pidfile = "$server/prosody.pid"
plugin_paths = { "$here/prosody" }
interfaces = { "127.0.0.1" }; local_interfaces = { "127.0.0.1" }
c2s_ports = {}; c2s_direct_tls_ports = {}; legacy_ssl_ports = {}; s2s_ports = {}; s2s_direct_tls_ports = {}
component_ports = {}; http_ports = {}; https_ports = {}; console_ports = {}; proxy65_ports = {}; net_multiplex_ports = {}
mqtt_ports = {}; telnet_ports = {}; admin_socket = "$server/admin.sock"
storage = "memory"; authentication = "internal_plain"
log = { info = "$server/prosody.log"; error = "$server/prosody.err" }
modules_enabled = { "inert"; $(cat "$server/plugins") }
VirtualHost "localhost"
Component "rooms.localhost" "muc"
    modules_enabled = { "muc_mam"; "muc_unique"; "muc_log"; "muc_log_http"; "muc_moderation"; "muc_rtbl"; "vcard_muc"; "track_muc_joins" }
Component "pubsub.localhost" "pubsub"
    modules_enabled = { "pubsub_feeds"; "pubsub_text_interface" }
Component "proxy.localhost" "proxy65"
Component "share.localhost" "http_file_share"
Component "upload.localhost" "http_upload"
Component "external.localhost"
CONFIG

export LUA_PATH="$here/?.lua;" LUA_CPATH="$build/tests/inert/?.so;$libs/lua/5.4/?.so;;"
for version in 5.4 5.3 5.2 5.1 common; do
    LUA_PATH+="$dir/root/usr/share/lua/$version/?.lua;$dir/root/usr/share/lua/$version/?/init.lua;"
done
LUA_PATH+=";"
export LD_LIBRARY_PATH="$libs${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}"
export HOTPATCH_SNAPSHOT="$here/../cases/snapshot.lua" INERT_OUT="$dir/rows/prosody.jsonl" INERT_ROOT="$root"
export LUA_INIT="@$here/prosody/init.lua" HOME="$server"
rm -f "$INERT_OUT"
timeout 120 "${LUA:-lua5.4}" "$server/prosody" -F --config "$server/prosody.cfg.lua" </dev/null >"$server/out" 2>&1
status=$?
if [ ! -s "$INERT_OUT" ]; then
    echo "inert: prosody cannot be measured (status $status): $(tail -3 "$server/out")" >&2
    exit 1
fi
