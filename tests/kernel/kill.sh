#!/usr/bin/env bash
# A process that is killed at every fourth step (or at each Nth, by an argument) of each reservation procedure, on LIO: registrations outlive their
# session there, and while one host has exclusive access others do not even learn the LUN's size.
. "$(dirname "$0")/target.sh" || exit 99

iscsi_start 8M 2

# host NAME: over both portals
host ()
{
  echo "$(iscsi_path 1 "$1")|$(iscsi_path 2 "$1")"
}

LUNPATH_KILL="$(host a) $(host b) $(host c) $(host later)" LUNPATH_KILL_EVERY=${1:-4} \
  "$FTS_BUILD/subprojects/lunpath/tests/lunpath-resv_kill" 2>"$work/kill.log" || fail "killed at any step"
sed -n 's/^# //p' "$work/kill.log"
