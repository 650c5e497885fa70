#!/usr/bin/env bash
# A volume on a real block device (a loop device), reached by io_uring from one side, by threads from the other.
. "$(dirname "$0")/../lib/sh.sh"

need_root
PATH=$PATH:/usr/sbin:/sbin
truncate -s 64M "$work/disk.img"
disk=$(losetup --find --show "$work/disk.img" 2>"$work/why") || skip "no loop device: $(cat "$work/why")"
on_exit losetup --detach "$disk"

LUNPATH_CONTRACT="blk:$disk blk:$disk?uring=0 stats+blk:$disk rate(1G)+blk:$disk fault(delay-ms=0:jitter=1)+blk:$disk" \
  "$FTS_BUILD/subprojects/lunpath/tests/lunpath-contract" >"$work/contract.log" || fail "the contract"
echo "ok: $(grep -c '^ok' "$work/contract.log") tests of the contract"

volume=blk:$disk
# Nothing tells one writer of the lock block from another on such a device but time.
check "format" fts-format --quiet --force --heartbeat-ms 100 --dead-ms 3000 --io-timeout-ms 500 "$volume"
mkdir "$work/there"
start_server south --export "data=$work/there:rw"
head -c 20M /dev/urandom >"$work/some"
check "put by threads, to a server with io_uring" \
  timeout 100 fts --volume "$volume?uring=0" south:/data put "$work/some" some
check "get by io_uring" timeout 100 fts --volume "$volume" south:/data get some "$work/back"
check "what was put came back" cmp "$work/some" "$work/back"
fts-admin --json paths --process "$(cat "$work/south.pid")" >"$work/paths.json"
check "the server says how its blocks go" grep -Eq '"method" *: *"(io_uring, 32 at a time|8 threads \(io_uring: .*\))"' "$work/paths.json"
