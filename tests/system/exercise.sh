#!/usr/bin/env bash
# Random work on files of two mounts at once, beside models in memory; and with every cache and
# late write off.
# shellcheck source=tests/lib/lab.sh
. "$(dirname "$0")/../lib/lab.sh" || exit 99

run ()
{
  local seed=$1 jobs=() job
  shift
  for dir in "$@"; do
    seed=$((seed + 1))
    /usr/bin/python3 "$FTS_SOURCE/tests/system/exercise.py" "$dir" "${FTS_STEPS:-600}" "$seed" &
    jobs+=($!)
  done
  for job in "${jobs[@]}"; do
    wait "$job" || fail "see above"
  done
}

lab
mount_ftsfs server:/lab "$work/bare" noac,writebehind=0,name=bare || fail "second mount"
mount_ftsfs server:/lab "$work/tight" writebehind=1024,max_connections=2,threads=3,name=tight ||
  fail "third mount"
run "${FTS_SEED:-1}" "$mnt" "$mnt" "$work/bare" "$work/tight"
