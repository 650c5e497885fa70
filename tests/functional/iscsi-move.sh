#!/usr/bin/env bash
# The path of a reservation's holder dies, on tgtd.
. "$(dirname "$0")/../lib/sh.sh"

tgt=$FTS_SOURCE/tests/lib/tgt.sh
"$tgt" start "$work" 64M 4
case $? in
  0) ;;
  77) skip "no tgtd (Debian package tgt)" ;;
  *) fail "tgtd" ;;
esac
on_exit "$tgt" stop "$work"
# shellcheck disable=SC2034
a="$("$tgt" path "$work" 1)|$("$tgt" path "$work" 2)" b=$("$tgt" path "$work" 3) observer=$("$tgt" path "$work" 4)
# shellcheck disable=SC2034
tells_ports=no dead_ms=4000 # the lock without COMPARE AND WRITE waits in proportion

cut ()
{
  "$tgt" cut "$work" 1
}

mend ()
{
  "$tgt" mend "$work" 1
}

. "$(dirname "$0")/../lib/move.sh"
