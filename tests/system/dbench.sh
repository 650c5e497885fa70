#!/usr/bin/env bash
# dbench plays an office's file server load on two mounts at once and checks what it did itself.
. "$(dirname "$0")/../lib/lab.sh" || exit 99

type -p dbench >/dev/null || skip "no dbench"
load=/usr/share/dbench/client.txt
[ -e "$load" ] || skip "no $load"
lab
mount_ftsfs server:/lab "$work/other" name=other || fail "second mount"
mkdir "$mnt/a" "$work/other/b"

# dbench takes the number of the system's first semaphore, 0, for an error, says so, and goes on.
dbench -c "$load" -D "$mnt/a" -t 5 4 2>&1 | grep -v 'barrier semaphore' >"$work/dbench-a.log" & one=$!
dbench -c "$load" -D "$work/other/b" -t 5 4 2>&1 | grep -v 'barrier semaphore' >"$work/dbench-b.log" & two=$!
check "four clients on one mount" wait "$one"
check "four on another" wait "$two"
for log in "$work"/dbench-*.log; do
  check "it moved data: ${log##*/}" grep -Eq '^Throughput [1-9]' "$log"
  check_fails "no operation failed: ${log##*/}" grep -E 'failed|ERROR|error' "$log"
done
check "the trees can be removed" rm -r "$mnt/a" "$mnt/b"
