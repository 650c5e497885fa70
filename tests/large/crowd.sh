#!/usr/bin/env bash
# A directory of a million entries: listed at once, each name once, in bounded memory.
. "$(dirname "$0")/../lib/lab.sh" || exit 99

lab
check "1,000,000 entries" /usr/bin/python3 "$FTS_SOURCE/tests/lib/crowd.py" \
  "$mnt" "$export_dir" 1000000 "$mount_pid" "$server_pid" "$mount_stats"
