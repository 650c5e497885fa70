#!/usr/bin/env bash
# The same as rejoin-iscsi.sh over tgtd, which knows neither COMPARE AND WRITE nor PREEMPT AND ABORT: the lock is by
# registrations.
# shellcheck source=tests/lib/lab.sh
. "$(dirname "$0")/../lib/lab.sh" || exit 99
. "$(dirname "$0")/../lib/cables.sh"
. "$(dirname "$0")/../lib/rejoin.sh"

# shellcheck disable=SC2034
fence=all-registrants dead_ms=3000 heartbeat_ms=200
need_fuse
tgt=$FTS_SOURCE/tests/lib/tgt.sh
"$tgt" start "$work" 160M 2 || { status=$?; [ "$status" -eq 77 ] && skip "no tgtd"; fail "tgtd: status $status"; }
on_exit "$tgt" stop "$work"
name=$("$tgt" path "$work" 1)
name=${name#iscsi://*/}
mapfile -t portals <"$work/tgt.portals"
lay_paths "$name" "${portals[@]}"
rejoin_start
cut_for_long mount
cut_for_long mount server
rejoin_end
