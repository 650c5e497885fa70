#!/usr/bin/env bash
# Locks of fcntl and flock hold between programs of one mount and of two; they end with their
# holder, program or mount; they are asked for anew when the server was killed.
. "$(dirname "$0")/../lib/lab.sh" || exit 99

lab
mount_ftsfs server:/lab "$work/other" name=other || fail "second mount"
other_pid=$(pid_of_mount "$work/other")
check "locks of one mount" /usr/bin/python3 "$FTS_SOURCE/tests/system/locks.py" "$mnt" "$mnt"
rm "$mnt"/*
sleep 1.1
check "locks of two mounts" \
  /usr/bin/python3 "$FTS_SOURCE/tests/system/locks.py" "$mnt" "$work/other"

is_locked ()
{
  ! flock -n "$1" true
}

# Waiting costs nothing: the peer says when it is time.
start first flock -F "$work/other/waited" sleep 60
first=$pid
wait_for 5 "lock of the other mount" is_locked "$mnt/waited"
start second flock -F "$mnt/waited" sleep 60
second=$pid
sleep 1
before=$(calls lock)
sleep 3
check_at_most "requests of one who waits for 3 s" $(($(calls lock) - before)) 1
kill -s KILL "$first"
wait_for 20 "the lock for who waited" is_locked "$work/other/waited"
kill -s KILL "$second"
wait "$first" "$second" 2>/dev/null

start holder flock -F "$mnt/kept" sleep 60
holder=$pid
wait_for 5 "lock that keeps the other mount out" is_locked "$work/other/kept"
# Others wait at the very moment that the server is killed and comes back.
start thief timeout 20 flock "$work/other/kept" touch "$work/stolen"
kill -s KILL "$server_pid"
wait "$server_pid" 2>/dev/null
lab_server
sleep 1.5
check "who waited meanwhile did not get it" test ! -e "$work/stolen"
check_fails "and does when the server was killed and started again" flock -n "$work/other/kept" true
kill -s KILL "$holder"
wait "$holder" 2>/dev/null
check "the end of its program lets go" flock -w 5 "$work/other/kept" true

start sleeper flock -F "$work/other/kept" sleep 60
wait_for 5 "lock of the other mount" is_locked "$mnt/kept"
kill -s KILL "$other_pid"
check "a mount that died lets go" timeout 20 flock "$mnt/kept" true
