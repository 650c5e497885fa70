# A dead host's key is removed, and proved to be gone, before its slot and its entry are used again; who is left takes
# a registrants-only reservation over.  On the emulation and on tgtd, in both fence modes.
# shellcheck shell=bash
. "$(dirname "$0")/../lib/sh.sh"

tgt ()
{
  "$FTS_SOURCE/tests/lib/tgt.sh" "$1" "$work" "${@:2}"
}

mkdir "$work/export" "$work/emulation"
image=$work/emulation/lun.img
truncate -s 64M "$image"

# devices TARGET: sets a, b, c, one for each host
devices ()
{
  if [ "$1" = emulation ]; then
    a="$image?host=a" b="$image?host=b" c="$image?host=c"
  else
    a=$(tgt path 1) b=$(tgt path 2) c=$(tgt path 3)
  fi
}

# region NAME: its first block and how many
region ()
{
  /usr/bin/python3 -c 'import json, sys
for r in json.load(open(sys.argv[2]))["devices"][0]["regions"]:
  if r["name"] == sys.argv[1]: print(r["block"], r["blocks"])' "$1" "$work/layout"
}

# hosts_are EXPRESSION: of the host table `d`, must be true.  keys_are: of the device's reservations.
hosts_are ()
{
  timeout 30 fts-admin --json --volume "$c" hosts >"$work/hosts" &&
    /usr/bin/python3 -c 'import json, sys; d = json.load(open(sys.argv[2])); sys.exit(not eval(sys.argv[1]))' \
      "$1" "$work/hosts"
}

keys_are ()
{
  timeout 30 fts-admin --json --device "$c" keys >"$work/keys" &&
    /usr/bin/python3 -c 'import json, sys; d = json.load(open(sys.argv[2])); sys.exit(not eval(sys.argv[1]))' \
      "$1" "$work/keys"
}

# key_of NAME: as the host table says
key_of ()
{
  hosts_are True && /usr/bin/python3 -c 'import json, sys
print([h["key"] for h in json.load(open(sys.argv[2])) if h["name"] == sys.argv[1]][0])' "$1" "$work/hosts"
}

# freed_after_proof ENTRY: in what the last server sent since the death, the dead one's slot (the first) and its entry are
# written after the last key was removed and the keys were read again
freed_after_proof ()
{
  local table slots
  read -r table _ < <(region "host table")
  read -r slots _ < <(region "Process Id Table")
  tail -n +"$((dead_line + 1))" "$work/trace" >"$work/since"
  /usr/bin/python3 - "$work/since" "$((table + $1))" "$slots" <<'EOF'
import sys
lines = [l.split() for l in open(sys.argv[1])]
entry, slot = sys.argv[2:]
removed = max(i for i, l in enumerate(lines) if l[1:3] == ["cdb", "5f"] and l[4] == "good"
              and any(m[1:3] == ["cdb", "5e"] for m in lines[i:]))
proved = min(i for i, l in enumerate(lines) if i > removed and l[1:3] == ["cdb", "5e"] and l[4] == "good")
def first(block):
  return min(i for i, l in enumerate(lines) if l[1] == "write" and l[2] == block)
sys.exit(not (proved < first(entry) and proved < first(slot)))
EOF
}

check_order ()
{
  local what="$1, $2" mode=$2 type=7 entry
  [ "$mode" = all-registrants ] || type=5
  devices "$1"
  # by caw or delay the only reservation commands are those of fencing
  fts-format --json --force --connections 6 --segment-size 64 --fence "$mode" --lock "$3" --heartbeat-ms 100 \
    --dead-ms 2000 --io-timeout-ms 100 "$a" >"$work/layout" 2>"$work/stderr" || fail "fts-format: $(cat "$work/stderr")"
  rm -f "$work/trace" "$work/alpha.log" "$work/beta.log"
  start alpha ftsd --foreground --volume "$a" --name alpha --export "data=$work/export"
  alpha=$pid
  wait_for 60 "ready alpha" grep -q ready "$work/alpha.log"
  start beta ftsd --foreground --volume "trace($work/trace)+$b" --name beta --export "data=$work/export"
  beta=$pid
  wait_for 60 "ready beta" grep -q ready "$work/beta.log"
  check "$what: both hosts are registered" keys_are "len(d['keys']) == 2 and d['type'] == $type"
  [ "$type" = 7 ] || check "$what: the first one holds the device" keys_are "d['holder_key'] == '$(key_of alpha)'"
  stop "$alpha"
  wait_for 60 "$what: the other one has it" keys_are "len(d['keys']) == 1 and d['type'] == $type"
  [ "$type" = 7 ] || check "$what: and holds it" keys_are "d['holder_key'] == '$(key_of beta)'"

  rm -f "$work/in"
  mkfifo "$work/in"
  exec 9<>"$work/in"
  fts --volume "$a" beta:/data <"$work/in" >"$work/client.log" 2>&1 &
  client=$!
  on_exit stop "$client"
  wait_for 60 "a client" hosts_are "'client' in [h['role'] for h in d]"
  wait_for 60 "its connection" grep -q "connected" "$work/beta.log"
  entry=$(/usr/bin/python3 -c 'import json, sys
print([h["entry"] for h in json.load(open(sys.argv[1])) if h["role"] == "client"][0])' "$work/hosts")
  dead_line=$(wc -l <"$work/trace")
  kill -9 "$client"
  wait "$client" 2>/dev/null
  exec 9<&-
  wait_for 60 "$what: the dead one's entry is free" hosts_are "[h['role'] for h in d] == ['server']"
  check "$what: its key was removed, and proved to be gone, before" freed_after_proof "$entry"
  check "$what: the device stays protected" keys_are "len(d['keys']) == 1 and d['type'] == $type"
  stop "$beta"
}

check_order emulation all-registrants caw
check_order emulation registrants-only caw
command -v tgtd >/dev/null || [ -x /usr/sbin/tgtd ] || skip "no tgtd (Debian package tgt)"
tgt start 64M 3 || fail "tgtd"
on_exit "$FTS_SOURCE/tests/lib/tgt.sh" stop "$work"
check_order tgtd all-registrants delay
check_order tgtd registrants-only delay
