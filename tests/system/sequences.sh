#!/usr/bin/env bash
# Random sequences of operations on two mounts of one export, and on a local directory: each gives
# the same, each mount sees at once what the other did, and the trees are equal at the end.
# FTS_SEED and FTS_STEPS choose others.
# shellcheck source=tests/lib/lab.sh
. "$(dirname "$0")/../lib/lab.sh" || exit 99

lab
mount_ftsfs server:/lab "$work/other" name=other || fail "second mount"
run ()
{
  local seed=$1
  shift
  rm -rf "$export_dir/seed$seed" "$work/local$seed"
  mkdir "$export_dir/seed$seed" "$work/local$seed"
  wait_for 30 "the folder" test -d "$mnt/seed$seed" -a -d "$work/other/seed$seed"
  check "seed $seed by $# views" /usr/bin/python3 "$FTS_SOURCE/tests/system/sequences.py" "$seed" \
    "${FTS_STEPS:-400}" "$work/local$seed" "${@/%//seed$seed}"
}

first=${FTS_SEED:-1}
run "$first" "$mnt"
for seed in "$((first + 1))" "$((first + 2))" "$((first + 3))"; do
  run "$seed" "$mnt" "$work/other"
done
