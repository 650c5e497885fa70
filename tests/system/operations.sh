#!/usr/bin/env bash
# Every file operation on a mount gives what it gives on a local directory: as mounted by default,
# and without any cache.
. "$(dirname "$0")/../lib/lab.sh" || exit 99

lab
mkdir "$work/local" "$mnt/default"
check "operations, default options" \
  /usr/bin/python3 "$FTS_SOURCE/tests/system/operations.py" "$mnt/default" "$work/local"

rm -rf "$work/local"
mkdir -p "$work/local" "$export_dir/plain"
mount_ftsfs server:/lab "$work/plain" noac,writebehind=0,name=plain || fail "second mount"
check "operations, nothing cached or late" \
  /usr/bin/python3 "$FTS_SOURCE/tests/system/operations.py" "$work/plain/plain" "$work/local"
