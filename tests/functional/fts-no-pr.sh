# A volume on a device without persistent reservations: one path, SCSI-2 reservations, and everybody is told.
# shellcheck shell=bash
. "$(dirname "$0")/../lib/sh.sh"

image=$work/lun.img
lacks="without=caw:pr"
a="$image?path=1&host=a&$lacks|$image?path=2&host=a&$lacks"
b="$image?path=1&host=b&$lacks|$image?path=2&host=b&$lacks"
fts-format -q --size 96M "$image" || fail "an image to begin with"

# format ARGUMENT...
format ()
{
  fts-format --force --connections 8 --heartbeat-ms 100 --dead-ms 2000 --io-timeout-ms 500 "$@"
}

# status_is EXPRESSION: of the JSON document `d` of the volume's status, must be true
status_is ()
{
  fts-admin --json --volume "$b" status 2>/dev/null >"$work/status" &&
    /usr/bin/python3 -c 'import json, sys; d = json.load(open(sys.argv[2])); sys.exit(not eval(sys.argv[1]))' \
      "$1" "$work/status"
}

# ---- format ----

check_fails "hosts cannot be shut out of it" format -q --fence all-registrants "$a"
check_stderr "which is said" "no persistent reservations; only --fence off is possible"
check_fails "nor does its lock work by them" format -q --lock pr "$a"
format "$a" >"$work/shown" 2>"$work/told" || fail "format"
check "the lock is by SCSI-2 reservations" grep -q "^volume lock: scsi2;" "$work/shown"
check "and so is the device held while it is formatted" grep -q "protected by SCSI-2 RESERVE, and no other path" "$work/told"

format -q "fault(delay-ms=400:op=write)+$image?host=c&$lacks" 2>/dev/null &
slow=$!
on_exit stop "$slow"
is_held ()
{
  ! fts-format -q "$a" 2>"$work/stderr" && grep -q "SCSI-2 RESERVE" "$work/stderr"
}
wait_for 30 "the device held by another host" is_held
check_stderr "a second one is told so" "the device is in use \\(--force takes it\\).*holds it with SCSI-2 RESERVE"
wait "$slow" || fail "the first format ended with $?"

# ---- use ----

mkdir "$work/export"
echo hello >"$work/export/hello"
start alpha ftsd --foreground --volume "$a" --name alpha --export "data=$work/export"
alpha=$pid
wait_for 20 "ready alpha" grep -q ready "$work/alpha.log"
check_equal "the server is told once" "$(grep -c 'has no persistent reservations' "$work/alpha.log")" 1
check "which path it uses" grep -q "path=1&host=a&$lacks is used and no other path" "$work/alpha.log"

# reads NUMBER
reads ()
{
  timeout 60 fts --volume "$b" alpha:/data get -f hello "$work/got.$1" 2>"$work/client.log" &&
    cmp -s "$work/got.$1" "$work/export/hello"
}

for i in 1 2 3 4 5; do
  reads "$i" &
  clients[i]=$!
done
for i in 1 2 3 4 5; do
  wait "${clients[i]}" || fail "client $i"
done
echo "ok: clients at a time"
check "status shows it" status_is "not d['devices'][0]['persistent_reservations'] and d['lock'] == 'scsi2'"
fts-admin --volume "$b" status >"$work/shown" 2>/dev/null
check "to people too" grep -q "no persistent reservations: one path, SCSI-2 RESERVE" "$work/shown"
stop "$alpha"
check "on a device that has them status says nothing" \
  /usr/bin/python3 -c 'import sys; sys.exit("no persistent" in sys.argv[1])' "$(fts-admin --volume "$image" status)"
