#!/usr/bin/env bash
# Paths to block devices, by io_uring and by threads, when the device misbehaves: it keeps its commands
# (device mapper, suspended), fails them (its table "error"), or goes away (a disk that is removed).
. "$(dirname "$0")/target.sh" || exit 99

PATH=$PATH:/usr/sbin:/sbin
command -v dmsetup >/dev/null || skip "no dmsetup"
tests=$FTS_BUILD/subprojects/lunpath/tests
target_start 64M a1 a2
load dm_mod loop
truncate -s 64M /dev/shm/disk.img
loop=$(losetup -f --show /dev/shm/disk.img)
sectors=131072

# map TABLE: what the device does from now on.
map ()
{
  dmsetup suspend --noflush --noudevsync slow
  dmsetup reload --noudevsync slow --table "0 $sectors $1"
  dmsetup resume --noudevsync slow
}

check "a device" dmsetup create --noudevsync --noudevrules slow --uuid slow-1 --table "0 $sectors linear $loop 0"
node=/dev/dm-0

LUNPATH_CONTRACT="blk:$node blk:$node?uring=0 stats+blk:$node" "$tests/lunpath-contract" >"$work/contract.log" ||
  fail "the contract over device mapper"
echo "ok: the contract over device mapper, both ways"

"$tests/lunpath-blk" >"$work/blk.log" || fail "what is special about block devices: $(grep '^not ok' "$work/blk.log")"
echo "ok: $(grep -c '^ok' "$work/blk.log") tests on a loop device"

method_of ()
{
  fts-admin --device "$1" paths | sed -n 's/^  up .*; \(.*\))$/\1/p'
}
check_equal "this kernel has io_uring" "$(method_of "blk:$node")" "io_uring, 32 at a time"
check_equal "it need not be used" "$(method_of "blk:$node?uring=0")" "8 threads (uring=0)"

LUNPATH_STUCK="$node;dmsetup suspend --noflush --nolockfs --noudevsync slow;dmsetup resume --noudevsync slow" \
  "$tests/lunpath-blk" >"$work/stuck.log" || fail "a device that keeps its commands: $(cat "$work/stuck.log")"
check_equal "a device keeps its commands: tests passed" "$(grep -c '^ok' "$work/stuck.log")" 12

for way in 1 0; do
  map error
  check_fails "a device that fails all, uring=$way" fts-format --quiet --force "blk:$node?uring=$way"
  check_stderr "says so" "Input/output error"
  map "linear $loop 0"
  check "and works again" fts-format --quiet --force "blk:$node?uring=$way"
done

# remove DISK WAY: while it is read.  The reader must hear of it, and not wait for ever.
remove ()
{
  start reads "$FTS_BUILD/tests/bench/lun_raw" "blk:$1?uring=$2|?no-path-wait-ms=500" read $((1 << 50))
  sleep 0.5
  is_alive "$pid" || fail "the reader ended: $(cat "$work/reads.log")"
  echo 1 >"/sys/block/$(basename "$1")/device/delete"
  wait_for 20 "end of who reads a disk that was removed, uring=$2" is_gone "$pid"
  check "who reads a disk that was removed is told" grep -q '^lun_raw: .*no path to the LUN works' "$work/reads.log"
}

# shellcheck disable=SC2154
remove "$sd_a1" 1
: >"$work/reads.log"
# shellcheck disable=SC2154
remove "$sd_a2" 0
