#!/usr/bin/env bash
# tgtd is killed and started again under a server and a mount, and has forgotten all registrations.
# shellcheck source=tests/lib/lab.sh
. "$(dirname "$0")/../lib/lab.sh" || exit 99
. "$(dirname "$0")/../lib/forgotten.sh"

tgt=$FTS_SOURCE/tests/lib/tgt.sh
need_fuse
"$tgt" start "$work" 128M 6
case $? in
  0) ;;
  77) skip "no tgtd (Debian package tgt)" ;;
  *) fail "tgtd" ;;
esac
on_exit "$tgt" stop "$work"

# path N
path ()
{
  "$tgt" path "$work" "$1"
}

# shellcheck disable=SC2034
serving="$(path 1)|$(path 2)" mounting="$(path 3)|$(path 4)" observer=$(path 5) stranger=$(path 6)
# shellcheck disable=SC2034
heartbeat_ms=200 dead_ms=4000 io_timeout_ms=1000 # the lock without COMPARE AND WRITE waits in proportion

cut_power ()
{
  "$tgt" kill "$work"
  "$tgt" restart "$work" 7>&- # not for a daemon to keep open
}

forgotten_start
goes_on "a target that was killed" cut_power
forgotten_end
