#!/usr/bin/env bash
# What every transport must do alike (lunpath's contract test), over paths to tgtd.
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
both=$("$tgt" paths "$work")

LUNPATH_CONTRACT="$one $both stats+$one fault(ua=29/00:every=5)+$one|stats+${both#*|}" \
  "$FTS_BUILD/subprojects/lunpath/tests/lunpath-contract" || fail "the contract"
