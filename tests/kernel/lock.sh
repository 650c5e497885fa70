#!/usr/bin/env bash
# The volume lock on LIO through the kernel's SCSI stack, by each method: processes that share a port, and another
# host's, at a time; a method that cannot work is told.
. "$(dirname "$0")/target.sh" || exit 99

target_start 64M a b
# shellcheck disable=SC2154 # set by target_start
a=sg:$sg_a b=sg:$sg_b
mkdir "$work/export"
echo hello >"$work/export/hello"

# format ARGUMENT...
format ()
{
  fts-format -q --force --connections 10 --segment-size 64 --heartbeat-ms 500 --dead-ms 8000 --io-timeout-ms 2000 \
    "$@" "$a"
}

# reads NUMBER DEVICE
reads ()
{
  timeout 100 fts -q --volume "$2" alpha:/data get -f hello "$work/got.$1" && cmp -s "$work/got.$1" "$work/export/hello"
}

# many_read: three processes over each port at a time
many_read ()
{
  local i pids=() ok=0
  for i in 1 2 3; do
    reads "a$i" "$a" &
    pids+=($!)
    reads "b$i" "$b" &
    pids+=($!)
  done
  for i in "${pids[@]}"; do
    wait "$i" || ok=1
  done
  return $ok
}

for method in caw pr scsi2 "pr --fence all-registrants" "pr --fence registrants-only"; do
  # shellcheck disable=SC2086 # words
  check "$method" format --lock $method
  start alpha ftsd --foreground --volume "$a" --name alpha --export "data=$work/export"
  alpha=$pid
  wait_for 60 "ready alpha" grep -q ready "$work/alpha.log"
  check "$method: six clients at a time" many_read
  check "$method: the server goes on" bash -c '! grep -Eq "removed the registration|stops using" "$1"' - "$work/alpha.log"
  stop "$alpha"
done
check_fails "RESERVE(6) does not go with fencing" format --lock scsi2 --fence all-registrants
check_stderr "as is said" "does not go together with the registrations"
