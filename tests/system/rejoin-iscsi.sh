#!/usr/bin/env bash
# No path to the volume for longer than the dead time, and paths again: mount and server join the volume anew by
# themselves, with new keys, and everything goes on.  Over an iSCSI target, two paths each, cut or fallen silent.
# shellcheck source=tests/lib/lab.sh
. "$(dirname "$0")/../lib/lab.sh" || exit 99
. "$(dirname "$0")/../lib/target.sh"
. "$(dirname "$0")/../lib/cables.sh"
. "$(dirname "$0")/../lib/rejoin.sh"

# shellcheck disable=SC2034,SC2154
fence=all-registrants dead_ms=3000 heartbeat_ms=200
need_fuse
start_target lun 160
# shellcheck disable=SC2154
lay_paths "$target_iqn/0" "${portals[@]}"
rejoin_start
cut_for_long mount
cut_for_long server
# shellcheck disable=SC2034
how="mute"
cut_for_long mount server
# shellcheck disable=SC2034
how="cut"
rejoin_end
