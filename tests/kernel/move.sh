#!/usr/bin/env bash
# The path of a reservation's holder dies, on LIO, over iSCSI.
. "$(dirname "$0")/target.sh" || exit 99

iscsi_start 64M 4
# shellcheck disable=SC2034
a="$(iscsi_path 1 a)|$(iscsi_path 2 a)" b=$(iscsi_path 3 b) observer=$(iscsi_path 4 observer)

cut ()
{
  portal_down 1
}

mend ()
{
  portal_up 1
}

. "$(dirname "$0")/../lib/move.sh"
