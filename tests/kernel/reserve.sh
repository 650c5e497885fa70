#!/usr/bin/env bash
# Reservations of LIO, the strict target: by two hosts with two iSCSI paths each; the same scenario as
# over our emulation.
. "$(dirname "$0")/target.sh" || exit 99

iscsi_start 64M 4
a="$(iscsi_path 1 a)|$(iscsi_path 2 a)"
b="$(iscsi_path 3 b)|$(iscsi_path 4 b)"
. "$(dirname "$0")/../lib/reserve.sh"

check "reserved to stay" admin 0 a reserve --persist
check "another host is refused" admin 3 b reserve
check "release" admin 0 a release
