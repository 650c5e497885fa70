#!/usr/bin/env bash
# Clients may have more files open than the server may have descriptors, and visit many more.
. "$(dirname "$0")/../lib/lab.sh" || exit 99

need_fuse
ulimit -Sn 8192 2>/dev/null || skip "no more than $(ulimit -Hn) descriptors for the test itself"
limited_server 1024
mount_ftsfs server:/lab "$mnt" "stats=$mount_stats" || fail "mount: status $?"
mount_pid=$(pid_of_mount "$mnt")
check_equal "descriptors that the server may have" \
  "$(awk '/Max open files/ { print $4, $5 }' "/proc/$server_pid/limits")" "1024 1024"
check "3,000 files open at once" \
  /usr/bin/python3 "$FTS_SOURCE/tests/system/descriptors.py" "$mnt" "$export_dir" 3000
check_equal "and 3,000 are visited" \
  "$(find "$mnt" -type f -name 'file-*' -exec cat {} + | grep -c .)" \
  "$(find "$export_dir" -type f -name 'file-*' -exec cat {} + | grep -c .)"
check "5,000 are visited, 1,500 of them open" \
  /usr/bin/python3 "$FTS_SOURCE/tests/lib/visit.py" "$mnt" "$export_dir" 5000 1500
check_at_most "descriptors of the server" "$(find "/proc/$server_pid/fd" | wc -l)" 1024
