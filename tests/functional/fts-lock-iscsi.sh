# The volume lock on a real iSCSI target, which claims COMPARE AND WRITE and does not have it: what fts-format
# chooses, what it costs, many clients at a time, clients that are killed.
# shellcheck shell=bash
. "$(dirname "$0")/../lib/sh.sh"

tgt ()
{
  "$FTS_SOURCE/tests/lib/tgt.sh" "$1" "$work" "${@:2}"
}

command -v tgtd >/dev/null || [ -x /usr/sbin/tgtd ] || skip "no tgtd (Debian package tgt)"
tgt start 128M 2 || fail "tgtd"
on_exit "$FTS_SOURCE/tests/lib/tgt.sh" stop "$work"
both="$(tgt path 1)|$(tgt path 2)"
mkdir "$work/export"
echo hello >"$work/export/hello"

# format ARGUMENT...
format ()
{
  fts-format --force --connections 12 --heartbeat-ms 100 --dead-ms 2000 --io-timeout-ms 500 "$@" "$both"
}

# reads NAME: a client of its own, two paths, one lock for its entry and one for its connection
reads ()
{
  timeout 60 fts --volume "$both" alpha:/data get -f hello "$work/got.$1" && cmp -s "$work/got.$1" "$work/export/hello"
}

# read_by_many COUNT
read_by_many ()
{
  local i pids=() ok=0
  for ((i = 0; i < $1; i++)); do
    reads "$i" &
    pids+=($!)
  done
  for i in "${pids[@]}"; do
    wait "$i" || ok=1
  done
  return $ok
}

# commands_of_a_read: LUN commands of joining, connecting, reading and leaving
commands_of_a_read ()
{
  rm -f "$work/trace"
  timeout 60 fts --volume "trace($work/trace)+$(tgt path 1)" alpha:/data get -f hello "$work/got" || return 1
  wc -l <"$work/trace"
}

serve ()
{
  start alpha ftsd --foreground --volume "$both" --name alpha --export "data=$work/export"
  alpha=$pid
  wait_for 30 "ready alpha" grep -q ready "$work/alpha.log"
}

# ---- what works is found out ----

check_fails "a method that the target only claims is refused" format -q --lock caw
check_stderr "with the way out" "--lock caw does not work here \\(--lock auto finds what does\\)"
check_fails "the file lock too" format -q --lock file
check "the best that works is chosen" format >"$work/shown"
check "and shown" grep -q "^volume lock: pr;" "$work/shown"

# ---- pr ----

serve
check "a client reads" reads one
by_pr=$(commands_of_a_read) || fail "a traced read"
check "eight clients at a time" read_by_many 8
for ((i = 0; i < 6; i++)); do
  fts --volume "$both" alpha:/data get -f hello "$work/got.killed" &
  victim=$!
  sleep "0.0$((3 * i))"
  kill -9 "$victim" 2>/dev/null || true
  wait "$victim" 2>/dev/null || true
done
check "clients that were killed do not hold up the next" reads two
keys_left ()
{
  [ "$(fts-admin --json --device "$both" keys | tr -d ' \n' | grep -c '"keys":\[\]')" = 1 ]
}
check "when its last user has looked no registration is left" keys_left
stop "$alpha"

# ---- pr, and hosts that are shut out ----

for mode in all-registrants registrants-only; do
  format --fence "$mode" >"$work/shown" || fail "fts-format"
  check "$mode: by registrations too" grep -q "^volume lock: pr;" "$work/shown"
  serve
  check "$mode: a client reads" reads one
  check "$mode: eight clients at a time" read_by_many 8
  for ((i = 0; i < 4; i++)); do
    fts --volume "$both" alpha:/data get -f hello "$work/got.killed" &
    victim=$!
    sleep "0.0$((4 * i))"
    kill -9 "$victim" 2>/dev/null || true
    wait "$victim" 2>/dev/null || true
  done
  check "$mode: clients that were killed do not hold up the next" reads two
  check "$mode: nobody was fenced by mistake" bash -c '! grep -Eq "removed the registration|stops using" "$1"' - "$work/alpha.log"
  stop "$alpha"
done

# ---- scsi2 ----

fts-admin --device "$both" clear --force >/dev/null # keys of clients that were killed
check "by SCSI-2 reservations" format -q --lock scsi2
serve
check "a client reads" reads one
check "eight clients at a time" read_by_many 8
by_scsi2=$(commands_of_a_read) || fail "a traced read"
stop "$alpha"

# ---- what it is compared with ----

check "by delay" format -q --lock delay
serve
by_delay=$(commands_of_a_read) || fail "a traced read"
stop "$alpha"
check_at_most "LUN commands of a client that reads a file, by pr, against those by delay" "$by_pr" "$((by_delay / 2))"
check_at_most "by scsi2" "$by_scsi2" "$((by_delay / 2))"
