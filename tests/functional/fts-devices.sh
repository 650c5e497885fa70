#!/usr/bin/env bash
# fts on a volume of two devices with blocks of 4,096 bytes: files and a real tree, both ways.
. "$(dirname "$0")/../lib/sh.sh"

there=$work/there
mkdir "$there" "$work/here" "$work/tree"
cd "$work/here" || exit 99
volume=file:$work/first.img
second=file:$work/second.img
fts-format --quiet --size 64M --block-size 4096 --placement striped --heartbeat-ms 100 \
  --dead-ms 2000 "$volume" "$second" || fail "fts-format"
start_server south --device "$second" --export "data=$there:rw"

remote ()
{
  fts --volume "$volume" --device "$second" south:/data "$@"
}

head -c 30000001 /dev/urandom >"$there/big"
check "get" remote get big
check "its contents" cmp big "$there/big"
check "put" remote put big back
check "its contents there" cmp big "$there/back"
check_fails "a volume without its second device" fts --volume "$volume" south:/data dir
check_stderr "names what is missing" "device"

cp -a "$FTS_SOURCE/src" "$FTS_SOURCE/tests" "$work/tree"
check "put -r" remote put -r "$work/tree" there
check "get -r" remote get -r there back
check "the tree" "$FTS_SOURCE/tests/lib/compare-trees" --no-owner "$work/tree" back
