# fts-admin: status, hosts, connections, dump and check, as text and JSON.
# shellcheck shell=bash
. "$(dirname "$0")/../lib/sh.sh"

image=$work/lun.img

# ends_with STATUS COMMAND...: what it wrote is then in $work/out and $work/stderr.
ends_with ()
{
  local wanted=$1 status=0
  shift
  timeout 30 "$@" >"$work/out" 2>"$work/stderr" || status=$?
  [ "$status" -eq "$wanted" ] || fail "$* ended with $status instead of $wanted: $(cat "$work/stderr")"
}

# value EXPRESSION FILE: of the JSON document `d`
value ()
{
  /usr/bin/python3 -c 'import json, sys; d = json.load(open(sys.argv[2])); print(eval(sys.argv[1]))' "$1" "$2"
}

# damage BLOCK OFFSET: another byte there
damage ()
{
  printf '\245' | dd of="$image" bs=1 seek=$(($1 * 512 + $2)) conv=notrunc 2>/dev/null
}

fts-format -q --name vol --size 32M --connections 3 --heartbeat-ms 50 --dead-ms 400 --io-timeout-ms 100 "$image" ||
  fail "fts-format"

# ---- the command line ----

check "help is shown" ends_with 0 fts-admin --help
cp "$work/out" "$work/help"
for command in status hosts connections dump check; do
  check "help names $command" grep -q "^  $command " "$work/help"
  check "$command has its own help" ends_with 0 fts-admin "$command" --help
done
check "no command is a usage error" ends_with 2 fts-admin -v "$image"
check "an unknown command is a usage error" ends_with 2 fts-admin -v "$image" frob
check "no volume is a usage error" ends_with 2 fts-admin status
check_stderr "the option is named" "--volume"
check "an argument too much is a usage error" ends_with 2 fts-admin -v "$image" status more
check "options may stand behind the command" ends_with 0 fts-admin status -v "$image"
check "a volume that is not there cannot be reached" ends_with 3 fts-admin -v "$work/none.img" status
truncate -s 1M "$work/empty.img"
fts-format --size 1M --dry-run "$work/empty.img" >/dev/null 2>&1
check_fails "a file that is no volume is refused" fts-admin -v "$work/empty.img" status

# ---- nobody there ----

check "status is shown" ends_with 0 fts-admin -v "$image" status
check "it has the volume's name" grep -q "^volume: *vol " "$work/out"
check "it counts connections" grep -q "^connections: *0 of 3 in use" "$work/out"
check "status is JSON" ends_with 0 fts-admin -j -v "$image" status
check_equal "nobody is there" "$(value 'd["hosts"]' "$work/out")" "[]"
check "free connections are shown when asked for" ends_with 0 fts-admin -j -v "$image" connections --all
check_equal "all are free" "$(value '[c["state"] for c in d]' "$work/out")" "['free', 'free', 'free']"
cp "$image" "$work/before.img"
check "a sound volume is sound" ends_with 0 fts-admin -v "$image" check
check "looking changes nothing" cmp "$image" "$work/before.img"

# ---- dump ----

for structure in mcb copy lock host pid device socket port initiator connector "segment 1"; do
  # shellcheck disable=SC2086
  check "dump shows $structure" ends_with 0 fts-admin -v "$image" dump $structure
  check "with its bytes" grep -Eq " ([0-9a-f]{2} ){3}" "$work/out"
done
check "a field is told in words" ends_with 0 fts-admin -v "$image" dump lock
check "with offset, size, bytes and meaning" grep -Eq "^ +16 +4 +state +00 00 00 00 +free \(0\)" "$work/out"
check "a dump is JSON" ends_with 0 fts-admin -v "$image" --json dump pid 2
check_equal "one structure" "$(value 'len(d)' "$work/out")" 1
check_equal "its fields have bytes" "$(value '[f["bytes"] for f in d[0]["fields"] if f["name"] == "pro_process_id"]' \
  "$work/out")" "['02 00 00 00']"
check "a number out of range is a usage error" ends_with 2 fts-admin -v "$image" dump pid 4
check_stderr "the range is said" "1 to 3"
check "a structure that is none is a usage error" ends_with 2 fts-admin -v "$image" dump frob
dd if="$image" of="$work/block" bs=512 skip=5 count=1 2>/dev/null
check "a block in a file is shown" ends_with 0 fts-admin dump --block "$work/block"
cp "$work/out" "$work/out2"
check "it was recognised" grep -q "^Master Control Block" "$work/out"
od -An -v -tx1 "$work/block" >"$work/hex"
check "a hex dump is shown" ends_with 0 fts-admin dump --hex "$work/hex"
check_equal "both are the same" "$(tail -n +2 "$work/out")" "$(tail -n +2 "$work/out2")"
check "bytes that are nothing need a name" ends_with 2 fts-admin dump --block /dev/null
check "a named structure is shown whatever the bytes" ends_with 0 fts-admin dump --block "$work/block" host

# ---- damage ----

damage 49 100 # Process Id Table entry 2
check "damage is found" ends_with 4 fts-admin -v "$image" check
check "with its block and structure" grep -q "^damage: .* block 49: Process Id Table 2: cannot be decoded" "$work/out"
check "it is JSON" ends_with 4 fts-admin -v "$image" check --json
check_equal "with the block" "$(value '[f["block"] for f in d["findings"]]' "$work/out")" "[49]"
check "it is repaired" ends_with 0 fts-admin -v "$image" check --repair
check "the repair is told" grep -q "(repaired)" "$work/out"
check "it is sound again" ends_with 0 fts-admin -v "$image" check
damage 5 100
check "a damaged Master Control Block is found" ends_with 4 fts-admin -v "$image" check
check_stderr "the copy is used" "using the copy"
check "it is restored" ends_with 0 fts-admin -v "$image" check --repair
check "nothing is left to say" ends_with 0 fts-admin -v "$image" status
check_equal "no warning" "$(cat "$work/stderr")" ""
damage 5 100
damage $((32 * 2048 - 1)) 100
check "without a copy the volume is damaged" ends_with 4 fts-admin -v "$image" status
fts-format -q --force --size 32M --connections 3 --heartbeat-ms 50 --dead-ms 400 --io-timeout-ms 100 "$image" ||
  fail "fts-format"

# ---- with a server ----

mkdir "$work/export"
start alpha ftsd --foreground --volume "$image" --name alpha --export "data=$work/export"
server=$pid
is_there ()
{
  fts-admin -v "$image" -j hosts >"$work/out" &&
    [ "$(value '[(h["name"], h["role"], h["life"]) for h in d]' "$work/out")" = "[('alpha', 'server', 'alive')]" ]
}
is_dead ()
{
  fts-admin -v "$image" -j hosts >"$work/out" && [ "$(value '[h["life"] for h in d]' "$work/out")" = "['dead']" ]
}
wait_for 10 "server in the host table" is_there
check "hosts has a line for it" ends_with 0 fts-admin -v "$image" hosts
check "with its name" grep -q " alpha  *server  *active  *alive " "$work/out"
check "a volume in use is sound" ends_with 0 fts-admin -v "$image" check
check "that it is in use is said" grep -q "in use" "$work/out"
check "a volume in use is not formatted" ends_with 1 fts-format "$image"
check_stderr "who uses it is said" "alpha \(server\)"
damage 49 300
check "a volume in use is not repaired" ends_with 1 fts-admin -v "$image" check --repair
check_stderr "who uses it is said" "alpha \(server, pid $server\)"
kill -KILL "$server"
wait "$server" 2>/dev/null
wait_for 10 "death of the server" is_dead
check "what the dead left is noted" ends_with 4 fts-admin -v "$image" check
check "as a note" grep -q "^note: .* host table 0: alpha (server) is dead" "$work/out"
check "it is cleared" ends_with 0 fts-admin -v "$image" check --repair
check "nothing is left" ends_with 0 fts-admin -j -v "$image" hosts
check_equal "the table is empty" "$(cat "$work/out")" "[]"
