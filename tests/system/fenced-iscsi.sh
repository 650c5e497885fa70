#!/usr/bin/env bash
# A mount whose host is shut out by reservation, on tgtd.
# shellcheck source=tests/lib/lab.sh
. "$(dirname "$0")/../lib/lab.sh" || exit 99

tgt=$FTS_SOURCE/tests/lib/tgt.sh
need_fuse
"$tgt" start "$work" 128M 5
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
serving="$(path 1)|$(path 2)" mounting="$(path 3)|$(path 4)" observer=$(path 5)
# shellcheck disable=SC2034
heartbeat_ms=200 dead_ms=4000 io_timeout_ms=1000 # the lock without COMPARE AND WRITE waits in proportion
. "$(dirname "$0")/../lib/fenced.sh"
