#!/usr/bin/env bash
# ftsfs is killed, and its keeper: its connection slots and its host entry are free again after the dead time, and
# the dead mount can be taken away.
# shellcheck source=tests/lib/lab.sh
. "$(dirname "$0")/../lib/lab.sh" || exit 99

need_fuse
make_volume --heartbeat-ms "$heartbeat_ms" --dead-ms "$dead_ms" --connections 1 --hosts 3
lab_server
mount_ftsfs server:/lab "$mnt" name=first || fail "mount"
check_fails "the only slot is taken" \
  mount_ftsfs server:/lab "$work/second" name=second,wait=0.2
check_stderr "it says so" "[Cc]onnection|slot"

victim=$(pid_of_mount "$mnt")
echo data >"$mnt/f"
exec 6<"$mnt/f"
kill_mount "$victim"
check_fails "the dead mount answers with an error" ls "$mnt"
timed mount_ftsfs server:/lab "$work/second" name=second,wait=30 || fail "the slot was not freed"
check_at_most "ms until the slot was free" "$took" $((dead_ms * 3 + 5000))
check_equal "the new mount serves" "$(cat "$work/second/f")" data
exec 6<&-
check "umount of the dead mount" umount "$mnt"
unmount "$work/second"
check "the killed one's own name is free again" \
  mount_ftsfs server:/lab "$mnt" name=first,wait=30
check_equal "and it serves" "$(cat "$mnt/f")" data
