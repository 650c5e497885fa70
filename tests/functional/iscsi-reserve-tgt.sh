#!/usr/bin/env bash
# fts-admin: reservations on tgtd, by two hosts with two paths each.
. "$(dirname "$0")/../lib/sh.sh"

tgt=$FTS_SOURCE/tests/lib/tgt.sh
"$tgt" start "$work" 32M 4
case $? in
  0) ;;
  77) skip "no tgtd (Debian package tgt)" ;;
  *) fail "tgtd" ;;
esac
on_exit "$tgt" stop "$work"
a="$("$tgt" path "$work" 1)|$("$tgt" path "$work" 2)"
b="$("$tgt" path "$work" 3)|$("$tgt" path "$work" 4)"
# shellcheck disable=SC2034
loses_sessions=yes
. "$(dirname "$0")/../lib/reserve.sh"

check "a target that forgets cannot reserve to stay" admin 1 a reserve --persist
check_stderr "and says so" "cannot keep registrations over a power loss"
check "and nothing is left" admin 0 b keys
check_equal "of it" "$(value '(d["reserved"], d["keys"])')" "(False, [])"
