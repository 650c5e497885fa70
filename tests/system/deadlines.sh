#!/usr/bin/env bash
# The server stops, dies or comes back under programs that wait: hard waits, soft ends in time; a
# killed program goes; df, the folder around the mount and umount never hang.
# shellcheck source=tests/lib/lab.sh
. "$(dirname "$0")/../lib/lab.sh" || exit 99

# What is to end "at once": the time it is given, and a busy machine.
limit_ms=20000
threads=3

kill_server ()
{
  kill -KILL "$server_pid"
  wait "$server_pid" 2>/dev/null
}

# Each way of a server to be away.
away ()
{
  case $1 in
    stopped) kill -STOP "$server_pid" ;;
    killed) kill_server ;;
  esac
}

back ()
{
  case $1 in
    # A stopped one that was taken for dead has shut itself out: another takes its place.
    stopped)
      kill -KILL "$server_pid"
      kill -CONT "$server_pid" 2>/dev/null
      wait "$server_pid" 2>/dev/null
      ;;
  esac
  lab_server --state-dir "$work/state"
}

# waits NAME COMMAND...: starts it; it must not end before it is told to.
waits ()
{
  local name=$1
  shift
  "$@" >"$work/$name.out" 2>&1 &
  waiting+=("$!")
}

# Programs that wait for each kind of thing; more than there are threads.
start_waiting ()
{
  waiting=()
  waits read cat "$mnt/file"
  waits look stat "$mnt/some-name"
  waits make touch "$mnt/made"
  waits write sh -c "echo x >>'$mnt/appended'"
  waits list ls "$mnt/dir"
  waits sync sync "$mnt/file"
  waits lock flock "$mnt/lock" true
  waits attribute getfattr -n user.a "$mnt/file"
}

are_gone ()
{
  local one
  for one in "${waiting[@]}"; do
    is_gone "$one" || return 1
  done
}

looks_well ()
{
  timed timeout 20 df "$mnt" >"$work/df" 2>&1 || fail "$1: df: $(cat "$work/df")"
  check_at_most "$1: ms of df" "$took" "$limit_ms"
  timed timeout 20 ls -la "$work" >/dev/null 2>&1
  check_at_most "$1: ms of ls around the mount point" "$took" "$limit_ms"
}

fresh_mount ()
{
  mount_ftsfs server:/lab "$mnt" "name=m$((++n)),threads=$threads,wait=30,attr_timeout=0,entry_timeout=0,$1" ||
    fail "mount $1"
  ls "$mnt" >/dev/null
}

need_fuse
mkdir -p "$work/state" "$export_dir/dir"
echo data >"$export_dir/file"
touch "$export_dir/lock" "$export_dir/dir/a"
lab_server --state-dir "$work/state"
n=0

for kind in killed stopped; do
  fresh_mount hard
  away "$kind"
  start_waiting
  sleep 3 # longer than the dead time
  # One or the other may have had its answer before the server stopped; none has an error.
  cat "$work"/*.out >"$work/said"
  ! grep -Ei "down|timed out|error|connected|stale" "$work/said" ||
    fail "hard, $kind: a program did not wait: $(cat "$work/said")"
  n_waiting=0
  for one in "${waiting[@]}"; do
    ! is_alive "$one" || n_waiting=$((n_waiting + 1))
  done
  [ "$n_waiting" -gt "$threads" ] || fail "hard, $kind: only $n_waiting programs wait"
  echo "ok: hard, server $kind: $n_waiting wait"
  looks_well "hard, server $kind"
  for one in "${waiting[@]:0:4}"; do
    kill -KILL "$one"
  done
  kept=("${waiting[@]:4}")
  waiting=("${waiting[@]:0:4}")
  wait_for 20 "end of killed programs, server $kind" are_gone
  echo "ok: hard, server $kind: killed programs go"
  back "$kind"
  for one in "${kept[@]}"; do
    wait "$one"
    status=$?
    [ "$status" -le 1 ] || fail "hard, $kind: a program ended with $status"
  done
  check "hard, server $kind: the mount goes on" grep -q data "$mnt/file"
  check "hard, server $kind: who listed has the list" grep -q a "$work/list.out"
  check "hard, server $kind: umount" umount "$mnt"
  wait_for 30 "end of ftsfs" is_unserved "$mnt"
done

# ---- soft ----
fresh_mount soft,grace=2
away killed
start_waiting
for one in "${waiting[@]}"; do
  timed wait "$one" && fail "soft: a program had luck"
  check_at_most "soft, server killed: ms until the error" "$took" "$limit_ms"
done
check "soft: the error says why" grep -q "Host is down" "$work/read.out"
timed ls "$mnt/dir" 2>/dev/null
check_at_most "soft: ms of an error after the grace" "$took" 2000
looks_well "soft, server killed"
back killed
check "soft: the mount goes on" grep -q data "$mnt/file"
unmount "$mnt"
wait_for 30 "end of ftsfs" is_unserved "$mnt"

# A server that lives but does not answer in time.
fresh_mount soft,timeo=10,retrans=1
away stopped
timed cat "$mnt/file" >/dev/null 2>"$work/stderr" && fail "soft: a stopped server answers"
check_at_most "soft, server stopped: ms until the error" "$took" "$limit_ms"
check_stderr "soft: it says why" "timed out|Host is down"
back stopped
unmount "$mnt"
wait_for 30 "end of ftsfs" is_unserved "$mnt"

# ---- unmounting a dead server's mount ----
for how in "umount" "umount -f" "umount -l" "fusermount3 -u"; do
  fresh_mount hard
  away killed
  case $how in
    "umount -f" | "umount -l")
      start_waiting
      sleep 1
      ;;
    *) waiting=() ;;
  esac
  # It frees who waits, with errors; when they are gone the mount goes.
  if [ "$how" = "umount -f" ]; then
    timeout 20 umount -f "$mnt" 2>/dev/null
    wait_for 30 "end of those who waited, by umount -f" are_gone
    waiting=()
    how=umount
    [ -z "$(findmnt -n -o TARGET "$mnt")" ] && continue
  fi
  # shellcheck disable=SC2086
  timed timeout 20 $how "$mnt" || fail "$how with a dead server: status $?"
  check_at_most "$how, server dead: ms" "$took" "$limit_ms"
  for one in "${waiting[@]}"; do
    kill -KILL "$one" 2>/dev/null
  done
  wait_for 30 "end of those who waited, after $how" are_gone
  wait_for 30 "end of ftsfs after $how" is_unserved "$mnt"
  ! mountpoint -q "$mnt" || fail "$how left the mount"
  back killed
done
