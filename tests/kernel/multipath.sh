#!/usr/bin/env bash
# A disk that the kernel's multipath has: refused as a path of ours, used through device mapper.
. "$(dirname "$0")/target.sh" || exit 99

PATH=$PATH:/usr/sbin:/sbin
command -v dmsetup >/dev/null || skip "no dmsetup"
target_start 64M a1 a2
load dm_mod dm_multipath dm_service_time

# shellcheck disable=SC2154
numbers=("$(stat -c '%Hr:%Lr' "$sd_a1")" "$(stat -c '%Hr:%Lr' "$sd_a2")")
check "a multipath device" dmsetup create --noudevsync --noudevrules mpathx \
  --uuid mpath-36001405ff00010000000000000000000 \
  --table "0 131072 multipath 0 0 1 1 service-time 0 2 2 ${numbers[0]} 1 1 ${numbers[1]} 1 1"
ln -s ../dm-0 /dev/mapper/mpathx # there is no udev in the guest

check_fails "its disk is refused" fts-format --quiet "sg:$sd_a1"
check_stderr "with what to do" 'multipathd has it as /dev/mapper/mpathx; use "blk:/dev/mapper/mpathx"'
# shellcheck disable=SC2154
check_fails "its sg node too" fts-format --quiet "sg:$sg_a2"
check_stderr "for the same reason" "multipathd has it"

fts-admin discover >"$work/found" 2>"$work/stderr"
check_stderr "discovery skips them with that word" "skipped sg:/dev/sg[0-9]+: .*multipathd has it"
check "the multipath device is found" fts-admin discover blk:/dev/mapper/mpathx

check "the contract over device mapper" env LUNPATH_CONTRACT=blk:/dev/mapper/mpathx \
  "$FTS_BUILD/subprojects/lunpath/tests/lunpath-contract" >"$work/contract.log"
check "a registration" fts-admin --device blk:/dev/mapper/mpathx register --host a >"$work/keys"
check_equal "is of both paths" "$(fts-admin --json --device blk:/dev/mapper/mpathx keys --host a |
  /usr/bin/python3 -c 'import json, sys; print([k["paths"] for k in json.load(sys.stdin)["keys"]])')" "[2]"
check "fts-format over device mapper" fts-format --quiet --force blk:/dev/mapper/mpathx
path_down a1
check "with one of its paths" fts-admin --volume blk:/dev/mapper/mpathx check
