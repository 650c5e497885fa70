# Reservations on a real iSCSI target, which ties registrations to sessions and has no PREEMPT AND ABORT: two hosts
# with two paths each, a path that is cut and comes back, a host that hangs.
# shellcheck shell=bash
. "$(dirname "$0")/../lib/sh.sh"

tgt ()
{
  "$FTS_SOURCE/tests/lib/tgt.sh" "$1" "$work" "${@:2}"
}

command -v tgtd >/dev/null || [ -x /usr/sbin/tgtd ] || skip "no tgtd (Debian package tgt)"
tgt start 64M 5 || fail "tgtd"
on_exit "$FTS_SOURCE/tests/lib/tgt.sh" stop "$work"
a="$(tgt path 1)|$(tgt path 2)"
b="$(tgt path 3)|$(tgt path 4)"
observer=$(tgt path 5)

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

# ---- one owner ----

check "a device is reserved" fts-admin --device "$a" reserve --host a >/dev/null
check_fails "another host is refused" fts-admin --device "$b" reserve --host b
check_stderr "with the holder's key" "reserved by another host \\(key 0x"
check "takeover shuts the holder out" fts-admin --device "$b" takeover --host b >/dev/null
check "one host is left" keys_are "[k['paths'] for k in d['keys']] == [2] and d['type'] == 6"
check "release frees the device" fts-admin --device "$b" release --host b >/dev/null
check "clear removes what lost sessions left" fts-admin --device "$b" clear --host b --force >/dev/null
check "nothing is left" keys_are "d['keys'] == []"

# ---- a volume ----

mkdir "$work/export"
echo hello >"$work/export/hello"
fts-format -q --connections 4 --fence all-registrants --heartbeat-ms 100 --dead-ms 1500 --io-timeout-ms 300 "$a" ||
  fail "fts-format"
start alpha ftsd --foreground --volume "$a" --name alpha --export "data=$work/export"
alpha=$pid
wait_for 20 "alpha's paths registered" keys_are "d.get('type') == 7 and [k['paths'] for k in d['keys']] == [2]"
wait_for 20 "ready alpha" grep -q ready "$work/alpha.log"
check "another host reads a file" serves alpha "$b"
tgt cut 1
check "with one of two paths cut too" serves alpha "$b"
tgt mend 1
wait_for 20 "the path registered again" keys_are "[k['paths'] for k in d['keys']][0] >= 3" # one of a lost session
check "and with both" serves alpha "$b"

start beta ftsd --foreground --volume "$b" --name beta --export "data=$work/export"
beta=$pid
wait_for 20 "beta's paths registered" keys_are "len(d['keys']) == 2"
wait_for 20 "ready beta" grep -q ready "$work/beta.log"
old=$(key_of alpha)
kill -STOP "$alpha"
wait_for 20 "alpha shut out" keys_are "[k['paths'] for k in d['keys']] == [2] and d['type'] == 7"
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
