#!/usr/bin/env bash
# Extended attributes, ACL and what else not every file system can do give on a mount what they give
# on a local directory.
. "$(dirname "$0")/../lib/lab.sh" || exit 99

lab
chmod 711 "$work"
mkdir -m 755 "$work/local" "$mnt/default"
chmod 755 "$export_dir"
check "operations, default options" \
  /usr/bin/python3 "$FTS_SOURCE/tests/system/operations_extended.py" "$mnt/default" "$work/local"
