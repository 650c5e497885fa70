#!/usr/bin/env bash
# The volume lock on LIO over iSCSI, where registrations outlive their sessions: clients that are killed leave theirs on
# ports that the next ones use again.
. "$(dirname "$0")/target.sh" || exit 99

iscsi_start 64M 4
a="$(iscsi_path 1 a)|$(iscsi_path 2 a)"
b="$(iscsi_path 3 b)|$(iscsi_path 4 b)"
mkdir "$work/export"
echo hello >"$work/export/hello"

# reads NUMBER
reads ()
{
  timeout 100 fts -q --volume "$b" alpha:/data get -f hello "$work/got.$1" && cmp -s "$work/got.$1" "$work/export/hello"
}

for method in pr scsi2 "pr --fence all-registrants" "pr --fence registrants-only"; do
  # shellcheck disable=SC2086 # words
  check "$method" fts-format -q --force --connections 10 --segment-size 64 --heartbeat-ms 500 --dead-ms 5000 \
    --io-timeout-ms 1000 --lock $method "$a"
  start alpha ftsd --foreground --volume "$a" --name alpha --export "data=$work/export"
  alpha=$pid
  wait_for 60 "ready alpha" grep -q ready "$work/alpha.log"
  check "$method: a client" reads 0
  for i in 0 1 2 3 4 5; do
    fts -q --volume "$b" alpha:/data get -f hello "$work/got.killed" 2>/dev/null &
    victim=$!
    sleep "0.$((i * 4))"
    kill -9 "$victim" 2>/dev/null
    wait "$victim" 2>/dev/null
  done
  check "$method: those who were killed do not hold up the next" reads 1
  check "$method: nobody is fenced by mistake" bash -c '! grep -Eq "removed the registration|stops using" "$1"' - "$work/alpha.log"
  stop "$alpha"
  fts-admin --device "$a" clear --force >/dev/null 2>&1 # keys of clients that were killed
done
