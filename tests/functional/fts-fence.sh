# A volume whose dead hosts are shut out by persistent reservations: two hosts with two paths each.
# shellcheck shell=bash
. "$(dirname "$0")/../lib/sh.sh"

image=$work/lun.img
a="$image?path=1&host=a|$image?path=2&host=a"
b="$image?path=1&host=b|$image?path=2&host=b"
stranger="$image?path=1&host=c"

# keys_are EXPRESSION: of the JSON document `d` of the device's reservations, must be true
keys_are ()
{
  fts-admin --json --device "$stranger" keys >"$work/keys" &&
    /usr/bin/python3 -c 'import json, sys; d = json.load(open(sys.argv[2])); sys.exit(not eval(sys.argv[1]))' \
      "$1" "$work/keys"
}

# key_of MEMBER: as the host table says
key_of ()
{
  fts-admin --volume "$stranger" --json hosts |
    /usr/bin/python3 -c 'import json, sys; print([h["key"] for h in json.load(sys.stdin) if h["name"] == sys.argv[1]][0])' "$1"
}

# serves NAME DEVICE
serves ()
{
  timeout 10 fts --volume "$2" "$1:/data" get -f hello "$work/got" 2>"$work/stderr" && cmp -s "$work/got" "$work/export/hello"
}

mkdir "$work/export"
echo hello >"$work/export/hello"

for mode in all-registrants registrants-only; do
  type=7
  [ "$mode" = all-registrants ] || type=5
  fts-format -q --force --size 64M --connections 4 --fence "$mode" --heartbeat-ms 50 --dead-ms 500 --io-timeout-ms 200 "$image" ||
    fail "fts-format"
  check "$mode: formatting leaves no reservation" keys_are 'd["keys"] == []'

  start alpha ftsd --foreground --volume "$a" --name alpha --export "data=$work/export"
  alpha=$pid
  wait_for 10 "alpha's paths registered" keys_are "d['type'] == $type and [k['paths'] for k in d['keys']] == [2]"
  check "$mode: another host reads a file" serves alpha "$b"
  check "$mode: a process of the same host shares its key" serves alpha "$a"
  check "$mode: and leaves it when it ends" keys_are "[k['paths'] for k in d['keys']] == [2]"

  start beta ftsd --foreground --volume "$b" --name beta --export "data=$work/export"
  beta=$pid
  wait_for 10 "beta's paths registered" keys_are "[k['paths'] for k in d['keys']] == [2, 2]"
  old=$(key_of alpha)

  kill -STOP "$alpha"
  wait_for 10 "alpha shut out" keys_are "[k['key'] for k in d['keys']] == ['$(key_of beta)']"
  check "$mode: the device stays reserved" keys_are "d['type'] == $type"
  check "$mode: the other host serves on" serves beta "$b"
  kill -CONT "$alpha"
  wait_for 10 "alpha out, as it was silent" grep -q "stops using the volume until a path returns" "$work/alpha.log"
  wait_for 10 "alpha back with a new key" keys_are "len(d['keys']) == 2 and '$old' not in [k['key'] for k in d['keys']]"
  check "$mode: it serves again" serves alpha "$b"

  kill -TERM "$beta"
  wait "$beta" || fail "beta ended with $?"
  wait_for 10 "the LUN protected by who is left" keys_are "d.get('type') == $type and len(d['keys']) == 1"
  kill -TERM "$alpha"
  wait "$alpha" || fail "alpha ended with $?"
  check "$mode: the last one leaves nothing" keys_are "d['keys'] == [] and not d['reserved']"
done

# ---- a device that is somebody else's ----

for type in 5 6; do
  truncate -s 64M "$work/other$type.img"
  theirs="$work/other$type.img?host=b"
  ours="$work/other$type.img?host=a"
  fts-admin --json --device "$theirs" reserve --host b --type "$type" >"$work/keys" || fail "reserve"
  check_fails "type $type: a reserved device is not formatted" fts-format "$ours"
  check_stderr "with the key of who holds it" "reserved by another host \(key 0x"
  check_stderr "and what to do" "--force"
  check "type $type: it is by force" fts-format -q --force "$ours"
  fts-admin --json --device "$ours" keys >"$work/keys" || fail "keys"
  check "type $type: the holder's key is gone" grep -q '"reserved" : false' "$work/keys"
done
