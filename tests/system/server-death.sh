#!/usr/bin/env bash
# The server is killed under a working mount: errors within the dead time, no hang, umount works;
# when it comes back the mount goes on.
# shellcheck source=tests/lib/lab.sh
. "$(dirname "$0")/../lib/lab.sh" || exit 99

# What may pass between a death and the last error: dead time, a heartbeat, and a busy machine.
limit_ms=$((dead_ms * 2 + 3000))

kill_server ()
{
  kill -KILL "$server_pid"
  wait "$server_pid" 2>/dev/null
}

# As when its host is gone: nothing tells but the heartbeat that stands still.
freeze_server ()
{
  kill -STOP "$server_pid"
}

grew ()
{
  [ "$(stat -L -c %s "$1" 2>/dev/null || echo 0)" -gt 3000000 ]
}

# dies_under TEXT DEATH COMMAND...: the server dies under COMMAND, which must end with an error in
# time.
dies_under ()
{
  local text=$1 death=$2 job status=0
  shift 2
  "$@" >"$work/copy.out" 2>&1 &
  job=$!
  wait_for 20 "data on the way" grew "$work/progress"
  "$death"
  timed wait "$job" || status=$?
  [ "$status" -ne 0 ] || fail "$text: the copy says it went well"
  check_at_most "$text: ms until the error" "$took" "$limit_ms"
}

need_fuse
mkdir "$work/state"
lab_server --state-dir "$work/state"
mount_ftsfs server:/lab "$mnt" "stats=$mount_stats,wait=20,grace=0" || fail "mount"
head -c 1M /dev/urandom >"$export_dir/kept"
truncate -s 20G "$export_dir/large"

ln -s "$export_dir/in" "$work/progress"
dies_under "writing" kill_server dd if=/dev/zero of="$mnt/in" bs=1M count=20000
timed ls "$mnt" >/dev/null 2>"$work/stderr" && fail "a dead server lists"
check_at_most "ms until the next call fails" "$took" "$limit_ms"
check_fails "a new file" touch "$mnt/new"
check_fails "reading" cat "$mnt/kept"
timed df "$mnt" >/dev/null 2>&1
check_at_most "ms of df" "$took" "$limit_ms"

lab_server --state-dir "$work/state"
rm -f "$export_dir/in"
check "the server came back: reading" cmp "$mnt/kept" "$export_dir/kept"
check "and writing" sh -c "echo again >'$mnt/again'"
check_equal "what was written" "$(cat "$export_dir/again")" again

exec 5<"$mnt/kept"
kill_server
check_fails "dead once more" ls "$mnt"
lab_server # knows none of the old handles: the names lead to new ones
check "a server that forgot everything" cmp "$mnt/kept" "$export_dir/kept"
sleep 1.1 # what is known of a file is trusted for attr_timeout
check_fails "what was open then is stale" cat <&5
check_stderr "it says so" "Stale"
exec 5<&-
kill_server
lab_server --state-dir "$work/state"

rm "$work/progress"
ln -s "$work/out" "$work/progress"
dies_under "reading" kill_server dd if="$mnt/large" of="$work/out" bs=1M count=20000
rm -f "$work/out"

lab_server --state-dir "$work/state"
dies_under "reading from a frozen server" freeze_server dd if="$mnt/large" of="$work/out" bs=1M
rm -f "$work/out"

timed umount "$mnt" || fail "umount with a dead server: status $?"
check_at_most "ms of umount" "$took" "$limit_ms"
wait_for 20 "end of ftsfs" is_unserved "$mnt"
kill -KILL "$server_pid"
