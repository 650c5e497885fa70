#!/usr/bin/env bash
# A million files are visited and read over a server that may have 1,024 descriptors, some of them
# staying open.
. "$(dirname "$0")/../lib/lab.sh" || exit 99

need_fuse
limited_server 1024
mount_ftsfs server:/lab "$mnt" "stats=$mount_stats" || fail "mount: status $?"
check "1,000,000 files visited" \
  /usr/bin/python3 "$FTS_SOURCE/tests/lib/visit.py" "$mnt" "$export_dir" 1000000 2000
check_at_most "descriptors of the server" "$(find "/proc/$server_pid/fd" | wc -l)" 1024
