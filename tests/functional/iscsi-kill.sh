#!/usr/bin/env bash
# A process that is killed at each step of each reservation procedure, over tgtd, where registrations end
# with their session and leave orphans: the next one gets the device, and so does the one that was killed.
. "$(dirname "$0")/../lib/sh.sh"

tgt=$FTS_SOURCE/tests/lib/tgt.sh
"$tgt" start "$work" 32M 2
case $? in
  0) ;;
  77) skip "no tgtd (Debian package tgt)" ;;
  *) fail "tgtd" ;;
esac
on_exit "$tgt" stop "$work"
one=$("$tgt" path "$work" 1)
two=$("$tgt" path "$work" 2)

# host NAME: over both portals
host ()
{
  printf '%s?initiator=iqn.2026-01.ftsfs.test:%s-1|%s?initiator=iqn.2026-01.ftsfs.test:%s-2' "$one" "$1" "$two" "$1"
}

LUNPATH_KILL="$(host a) $(host b) $(host c) $(host later)" LUNPATH_KILL_EVERY=${FTS_KILL_EVERY:-1} \
  "$FTS_BUILD/subprojects/lunpath/tests/lunpath-resv_kill" 2>"$work/kill.log" || fail "killed at any step"
sed -n 's/^# //p' "$work/kill.log"
