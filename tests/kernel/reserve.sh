#!/usr/bin/env bash
# Reservations of LIO, the strict target: by two hosts with two iSCSI paths each; the same scenario as
# over our emulation, but with write exclusive reservations: of a LUN under another host's exclusive
# access LIO tells nobody the size.
. "$(dirname "$0")/target.sh" || exit 99

iscsi_start 64M 4
a="$(iscsi_path 1 a)|$(iscsi_path 2 a)"
b="$(iscsi_path 3 b)|$(iscsi_path 4 b)"
# shellcheck disable=SC2034
reserve_type=5
. "$(dirname "$0")/../lib/reserve.sh"

check "exclusive access by one host" admin 0 a reserve --type 6
check "shuts the other out" admin 3 b reserve --type 6
check_stderr "which is told what to do" "another host has reserved it.*release it there"
check "the holder releases" admin 0 a release
