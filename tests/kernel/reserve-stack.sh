#!/usr/bin/env bash
# Reservations of LIO through the kernel's SCSI stack, by two hosts with two paths each: over sg, over the
# disks (blk), and over device mapper's multipath, where the kernel has linux/pr.h do it.
. "$(dirname "$0")/target.sh" || exit 99

PATH=$PATH:/usr/sbin:/sbin
target_start 64M a1 a2 b1 b2

# multipath NAME SD SD: a device mapper device of two disks
multipath ()
{
  dmsetup create --noudevsync --noudevrules "$1" --uuid "mpath-36001405ff0001000000000000000000$1" --table \
    "0 131072 multipath 0 0 1 1 round-robin 0 2 1 $(stat -c '%Hr:%Lr' "$2") 1 $(stat -c '%Hr:%Lr' "$3") 1"
}

# without_abort PATH...: PREEMPT AND ABORT, in which tcm_loop hangs, is refused before it gets there.
without_abort ()
{
  local path paths=()
  for path in "$@"; do
    paths+=("fault(fail:cdb=5f/05:as=illegal)+$path")
  done
  (IFS='|'; echo "${paths[*]}")
}

load dm_mod dm_multipath dm_round_robin

for kind in sg blk dm; do
  # shellcheck disable=SC2154
  case $kind in
    sg) a=$(without_abort "sg:$sg_a1" "sg:$sd_a2") b=$(without_abort "sg:$sg_b1" "sg:$sg_b2") ;;
    blk) a=$(without_abort "blk:$sd_a1" "blk:$sd_a2") b=$(without_abort "blk:$sd_b1" "blk:$sd_b2") ;;
    dm)
      check "host a's multipath device" multipath a "$sd_a1" "$sd_a2"
      check "host b's" multipath b "$sd_b1" "$sd_b2"
      a=$(without_abort blk:/dev/dm-0) b=$(without_abort blk:/dev/dm-1)
      ;;
  esac
  echo "-- $kind"
  . "$(dirname "$0")/../lib/reserve.sh"
done
