#!/usr/bin/env bash
# A directory with many entries: listed at once, each name once, in bounded memory.  The suite `large`
# does it with a million.
. "$(dirname "$0")/../lib/lab.sh" || exit 99

lab
check "20,000 entries" /usr/bin/python3 "$FTS_SOURCE/tests/lib/crowd.py" \
  "$mnt" "$export_dir" 20000 "$mount_pid" "$server_pid" "$mount_stats"
