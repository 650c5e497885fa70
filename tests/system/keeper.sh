#!/usr/bin/env bash
# ftsfs is killed under a working mount: what was open gets errors, nothing hangs, and the directory
# works again by itself.
# shellcheck source=tests/lib/lab.sh
. "$(dirname "$0")/../lib/lab.sh" || exit 99

works ()
{
  timeout 10 grep -q data "$mnt/file"
}

kill_serving ()
{
  victim=$(pid_of_mount "$mnt")
  keeper=$(ps -o ppid= -p "$victim" | tr -d ' ')
  kill -KILL "$victim"
}

is_answered_by_another ()
{
  [ "$(pid_of_mount "$mnt")" != "$victim" ] && works
}

need_fuse
mkdir -p "$export_dir"
echo data >"$export_dir/file"
head -c 20M /dev/urandom >"$export_dir/large"
lab_server
mount_ftsfs server:/lab "$mnt" "name=kept,wait=30" || fail "mount"

for job in "dd if=$mnt/large of=/dev/null bs=64k" "dd if=/dev/zero of=$mnt/written bs=64k count=100000" \
  "ls -lR $mnt" "find $mnt -name nothing" "cp $mnt/large $mnt/copy"; do
  works || fail "the mount does not work before"
  rm -f "$work/killed"
  (while [ ! -e "$work/killed" ]; do $job || exit 1; done) >"$work/job.out" 2>&1 &
  busy=$!
  exec {open}<"$mnt/file"
  sleep 0.3
  kill_serving
  touch "$work/killed"
  wait_for 30 "end of: $job" is_gone "$busy"
  # It may have been between two rounds.
  wait "$busy" ||
    check "it says why: $job" grep -Eqi "not connected|abort|input/output|no such" "$work/job.out"
  check_fails "what was open is dead" cat <&"$open"
  exec {open}<&-
  wait_for 60 "a mount that works again" is_answered_by_another
  echo "ok: it works again after: $job"
  rm -f "$mnt/written" "$mnt/copy"
done
check_equal "there is one mount" "$(findmnt -n -o TARGET "$mnt" | wc -l)" 1

cd "$mnt" || fail "cd"
kill_serving
wait_for 60 "a mount that works again" is_answered_by_another
check_fails "a folder that somebody was in is dead" ls .
cd / && check "and can be gone to again" ls "$mnt"

# The peer is away meanwhile: the directory answers with errors until it is back.
kill_serving
stop "$server_pid" KILL
sleep 1
check_fails "nobody writes to what lies under the mount" touch "$mnt/astray"
lab_server
wait_for 60 "a mount that works again" is_answered_by_another
check "umount" umount "$mnt"
wait_for 30 "end of the keeper" is_gone "$keeper"
check_fails "nothing is there" ls "$mnt/astray"
wait_for 10 "end of ftsfs" is_unserved "$mnt"
