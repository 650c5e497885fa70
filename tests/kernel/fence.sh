#!/usr/bin/env bash
# A volume on LIO that is protected by reservations: a path is cut and comes back, a host hangs and is
# shut out.
. "$(dirname "$0")/target.sh" || exit 99

iscsi_start 64M 5
a="$(iscsi_path 1 a)|$(iscsi_path 2 a)"
b="$(iscsi_path 3 b)|$(iscsi_path 4 b)"
observer=$(iscsi_path 5 observer)

# keys_are EXPRESSION: of the JSON document `d` of the device's reservations, must be true
keys_are ()
{
  timeout 20 fts-admin --json --device "$observer" keys >"$work/keys" &&
    /usr/bin/python3 -c 'import json, sys; d = json.load(open(sys.argv[2])); sys.exit(not eval(sys.argv[1]))' \
      "$1" "$work/keys"
}

# key_of NAME
key_of ()
{
  fts-admin --volume "$observer" --json hosts |
    /usr/bin/python3 -c 'import json, sys; print([h["key"] for h in json.load(sys.stdin) if h["name"] == sys.argv[1]][0])' "$1"
}

# serves NAME DEVICE
serves ()
{
  timeout 30 fts --volume "$2" "$1:/data" get -f hello "$work/got" && cmp -s "$work/got" "$work/export/hello"
}

mkdir "$work/export"
echo hello >"$work/export/hello"
check "fts-format" fts-format -q --connections 4 --fence all-registrants \
  --heartbeat-ms 500 --dead-ms 6000 --io-timeout-ms 1500 "$a"
start alpha ftsd --foreground --volume "$a" --name alpha --export "data=$work/export"
alpha=$pid
wait_for 20 "alpha's paths registered" keys_are "d.get('type') == 7 and [k['paths'] for k in d['keys']] == [2]"
wait_for 20 "ready alpha" grep -q ready "$work/alpha.log"
check "another host reads a file" serves alpha "$b"
portal_down 1
check "with one of two paths cut too" serves alpha "$b"
portal_up 1
wait_for 30 "the path registered again" keys_are "[k['paths'] for k in d['keys']][0] == 2"
check "and with both" serves alpha "$b"

start beta ftsd --foreground --volume "$b" --name beta --export "data=$work/export"
beta=$pid
wait_for 20 "beta's paths registered" keys_are "len(d['keys']) == 2"
wait_for 20 "ready beta" grep -q ready "$work/beta.log"
old=$(key_of alpha)
kill -STOP "$alpha"
wait_for 40 "alpha shut out" keys_are "[k['paths'] for k in d['keys']] == [2] and d['type'] == 7"
check "the other host serves on" serves beta "$b"
kill -CONT "$alpha"
wait_for 20 "alpha out, as it was silent" grep -q "stops using the volume until a path returns" "$work/alpha.log"
wait_for 20 "alpha back with a new key" keys_are "len({k['key'] for k in d['keys']}) == 2 and '$old' not in [k['key'] for k in d['keys']]"
check "it serves again" serves alpha "$b"
kill -TERM "$beta"
wait "$beta" || fail "beta ended with $?"
kill -TERM "$alpha"
wait "$alpha" || fail "alpha ended with $?"
check "the last one leaves nothing" keys_are "d['keys'] == [] and not d['reserved']"
