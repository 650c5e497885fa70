# shellcheck shell=bash
# sh.sh - what every shell test (and the lab) starts with.
#
#   . "$(dirname "$0")/../lib/sh.sh"
#
# Gives: a private directory $work in /dev/shm, the built programs in PATH, a clean-up that runs
# however the script ends, and the words below.  Meson sets FTS_BUILD and FTS_SOURCE; by hand they
# are guessed (the source tree this file is in, its folder "build").
#
# Exit status: 0 passed, 77 skipped (skip REASON), anything else failed.
#
# A test touches nothing outside $work, uses no fixed names or ports, waits for conditions (never
# for a time), and ends only processes that it started, by pid.

set -uo pipefail
export LC_ALL=C

FTS_SOURCE=${FTS_SOURCE:-$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)}
FTS_BUILD=${FTS_BUILD:-$FTS_SOURCE/build}
export FTS_SOURCE FTS_BUILD
for _folder in "$FTS_BUILD"/src/prog/*/; do
  PATH=$_folder:$PATH
done
export PATH

work=$(mktemp -d "${FTS_TMP:-/dev/shm}/fts-test.XXXXXX") || exit 99
export FTSFS_RUN_DIR=$work/run # sockets of running programs
_cleanups=()
_test_name=$(basename "$0" .sh)

# ---- the end ----

# on_exit COMMAND...: run at the end of the script, last registered first.
on_exit ()
{
  _cleanups+=("$(printf '%q ' "$@")")
}

_finish ()
{
  local status=$? i
  trap '' INT TERM HUP
  set +e
  [ "$status" -eq 0 ] || [ "$status" -eq 77 ] || _show_logs
  for ((i = ${#_cleanups[@]} - 1; i >= 0; i--)); do
    eval "${_cleanups[i]}"
  done
  rm -rf --one-file-system "$work"
  exit "$status"
}
trap _finish EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

_show_logs ()
{
  local log
  for log in "$work"/*.log; do
    [ -s "$log" ] || continue
    echo "--- ${log##*/} (last lines)" >&2
    tail -n 30 "$log" >&2
  done
}

# ---- verdicts ----

# skip REASON: this machine cannot run the test.
skip ()
{
  echo "$_test_name: skipped: $*"
  exit 77
}

fail ()
{
  echo "$_test_name: FAILED: $*" >&2
  exit 1
}

# check TEXT COMMAND...: the test fails unless COMMAND succeeds.
check ()
{
  local text=$1
  shift
  "$@" || fail "$text: $* (status $?)"
  echo "ok: $text"
}

# check_fails TEXT COMMAND...: COMMAND must fail with a status of its own (no crash, no time-out);
# what it wrote to stderr is then in $work/stderr.
check_fails ()
{
  local text=$1 status=0
  shift
  "$@" 2>"$work/stderr" || status=$?
  [ "$status" -ne 0 ] || fail "$text: $* succeeded"
  [ "$status" -lt 124 ] || fail "$text: $* ended with status $status: $(cat "$work/stderr")"
  echo "ok: $text"
}

# check_stderr TEXT PATTERN: what the last check_fails left matches the extended regular expression.
check_stderr ()
{
  grep -Eq -- "$2" "$work/stderr" || fail "$1: stderr has no '$2': $(cat "$work/stderr")"
  echo "ok: $1"
}

check_equal ()
{
  [ "$2" = "$3" ] || fail "$1: '$2' is not '$3'"
  echo "ok: $1"
}

# check_at_most TEXT VALUE LIMIT
check_at_most ()
{
  /usr/bin/python3 -c 'import sys; sys.exit(not float(sys.argv[1]) <= float(sys.argv[2]))' \
    "$2" "$3" || fail "$1: $2 is more than $3"
  echo "ok: $1: $2 (at most $3)"
}

# ---- waiting and processes ----

# wait_for SECONDS TEXT COMMAND...: until COMMAND succeeds.
wait_for ()
{
  local limit=$1 text=$2
  shift 2
  type "$1" >/dev/null 2>&1 || fail "$text: no such command: $1"
  local end=$((${EPOCHREALTIME/./} + limit * 1000000))
  until "$@" >/dev/null 2>&1; do
    [ "${EPOCHREALTIME/./}" -lt "$end" ] || fail "no $text within $limit s"
    sleep 0.02
  done
}

need_root ()
{
  [ "$(id -u)" -eq 0 ] || skip "needs root"
}

# Real mounts from here on: see mount_ftsfs.
need_fuse ()
{
  need_root
  [ -c /dev/fuse ] || skip "no /dev/fuse"
  unshare --mount true 2>/dev/null || skip "this machine lets nobody mount"
  on_exit unmount_below "$work"
}

# start NAME COMMAND...: in the background; output goes to $work/NAME.log, the pid is in $pid and
# in $work/NAME.pid.  Ended at exit.
start ()
{
  local name=$1
  shift
  "$@" >>"$work/$name.log" 2>&1 &
  pid=$!
  echo "$pid" >"$work/$name.pid"
  on_exit stop "$pid"
}

# A process that ended, reaped or not, has no command line.
is_alive ()
{
  grep -qsa . "/proc/$1/cmdline"
}

is_gone ()
{
  ! is_alive "$1"
}

# stop PID [SIGNAL]: asks a process that we started to end, waits for it, and insists after 10 s.
# The status is the process's, or 0 when it was gone before.
stop ()
{
  local end=$((SECONDS + 10))
  is_alive "$1" || { wait "$1" 2>/dev/null; return 0; }
  kill -s "${2:-TERM}" "$1" 2>/dev/null
  while is_alive "$1" && [ "$SECONDS" -lt "$end" ]; do
    sleep 0.02
  done
  is_alive "$1" && kill -s KILL "$1" 2>/dev/null
  wait "$1" 2>/dev/null
}

# ---- volumes, servers, mounts ----

# make_volume [OPTION...]: formats $work/lun.img as a file LUN; fts-format's OPTIONs come after those
# of a small volume with a short heartbeat.  $volume is what --volume and -o volume= want.
make_volume ()
{
  volume=file:$work/lun.img
  fts-format --quiet --size 64M --heartbeat-ms 100 --dead-ms 2000 "$@" "$volume" \
    >"$work/format.log" 2>&1 || fail "fts-format: $(cat "$work/format.log")"
}

# start_server NAME OPTION...: ftsd on $volume as member NAME; returns when it serves.
start_server ()
{
  local name=$1
  shift
  rm -f "$work/$name.ready"
  start "$name" ftsd --foreground --pid-file "$work/$name.ready" --volume "$volume" --name "$name" "$@"
  wait_for 10 "server $name" test -s "$work/$name.ready"
}

# mount_ftsfs SOURCE DIRECTORY [OPTIONS]: mount -t fuse.ftsfs with the built program.
mount_ftsfs ()
{
  mkdir -p "$2"
  on_exit unmount "$2"
  "$FTS_SOURCE/contrib/lab/mount" "$FTS_BUILD/src/prog/ftsfs/ftsfs" "$1" "$2" \
    "volume=$volume${3:+,$3}"
}

# unmount_below DIRECTORY: whatever is mounted there or deeper, the last mount first.
unmount_below ()
{
  local target
  findmnt -rn -o TARGET | tac | while IFS= read -r target; do
    case $target in
      "$1" | "$1"/*) unmount "$(printf %b "$target")" ;;
    esac
  done
}

# unmount DIRECTORY: nothing when nothing is mounted there; a busy one is detached.
unmount ()
{
  mountpoint -q "$1" 2>/dev/null || [ -n "$(findmnt -n -o TARGET "$1")" ] || return 0
  umount "$1" 2>/dev/null || umount -l "$1"
}
