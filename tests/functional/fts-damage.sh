#!/usr/bin/env bash
# Bits that flip and writes that are lost or torn on the LUN heal by re-sending, or end a transfer
# with an error that -c gets over: never does a wrong byte arrive.
. "$(dirname "$0")/../lib/sh.sh"

there=$work/there
here=$work/here
mkdir "$there" "$here"
cd "$here" || exit 99
head -c 20000007 /dev/urandom >"$there/big"

# transfer VERB SOURCE TARGET: with -c until it is through; counts the tries.
transfer ()
{
  local options=
  for tries in {1..25}; do
    # shellcheck disable=SC2086 # no option or one
    fts --volume "$client" --wait 10 south:/data "$1" $options "$2" "$3" 2>"$work/fts.log" && return
    [ -s "$work/fts.log" ] || fail "$1 failed without a word"
    options=-c
  done
  fail "$1 did not get through: $(cat "$work/fts.log")"
}

# with_faults TEXT SERVER_RULES CLIENT_RULES: a file goes both ways.
with_faults ()
{
  rm -f "$work/lun.img" "$work/lun.img.lun" "$here"/* "$there/back"
  make_volume
  local plain=$volume
  client="${3:+fault($3)+}$plain"
  volume="${2:+fault($2)+}$plain"
  start_server south --export "data=$there:rw"
  transfer get big big
  check "$1: get ($tries tries)" cmp big "$there/big"
  transfer put big back
  check "$1: put ($tries tries)" cmp big "$there/back"
  stop "$(cat "$work/south.pid")"
  volume=$plain
}

make_volume
first=$(fts-format --force --dry-run --json "$volume" | /usr/bin/python3 -c '
import json, sys
print(next(r["block"] for r in json.load(sys.stdin)["devices"][0]["regions"] if "segment" in r["name"]))')
check "data segments are somewhere" test "$first" -gt 0
data=lba=$first-99999999

with_faults "bits flip in what the client reads" "" "flip-read=0.08:$data"
with_faults "bits flip in what the client writes" "" "flip-write=0.08:$data"
with_faults "bits flip in what the server writes" "flip-write=0.08:$data" ""
with_faults "writes of the server are lost" "lose-write=0.08:$data" ""
with_faults "writes of the client are lost" "" "lose-write=0.08:$data"
with_faults "writes are torn" "torn-write=0.08:$data" "torn-write=0.08:$data"
with_faults "writes come late and out of order" "reorder=0.1" "delay-ms=1:jitter=2"
with_faults "heads and tables are torn, too" "torn-write=0.02:lba=150-$first" ""
