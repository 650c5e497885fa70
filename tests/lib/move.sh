# shellcheck shell=bash disable=SC2154
# move.sh - the scenario of a holder whose path dies, for any target; comes after sh.sh.
#
# The caller sets a (two paths), b and observer (one each): the same LUN from three hosts, and has the
# functions cut and mend, which take a's first path away and bring it back.  tells_ports=no: the target
# has no READ FULL STATUS.
tells_ports=${tells_ports:-yes}

# keys_are EXPRESSION: of the JSON document `d` of the device's reservations, must be true
keys_are ()
{
  timeout 20 fts-admin --json --device "$observer" keys >"$work/keys" &&
    /usr/bin/python3 -c 'import json, sys; d = json.load(open(sys.argv[2])); sys.exit(not eval(sys.argv[1]))' \
      "$1" "$work/keys"
}

value_of_keys ()
{
  /usr/bin/python3 -c 'import json, sys; d = json.load(open(sys.argv[2])); print(eval(sys.argv[1]))' "$1" "$work/keys"
}

is_alive_there ()
{
  timeout 60 fts-admin --volume "$observer" hosts >"$work/hosts" && grep -Eq 'alpha.*alive|alive.*alpha' "$work/hosts"
}

serves ()
{
  timeout 60 fts --volume "$b" "alpha:/data" get -f hello "$work/got" && cmp -s "$work/got" "$work/export/hello"
}

mkdir -p "$work/export"
echo hello >"$work/export/hello"
check "a volume that one member's reservation protects" fts-format -q --force --connections 4 \
  --fence registrants-only --heartbeat-ms 200 --dead-ms "${dead_ms:-10000}" --io-timeout-ms 1000 "$a"
start alpha ftsd --foreground --volume "$a" --name alpha --export "data=$work/export"
alpha=$pid
held="d.get('type') == 5 and d['holder_key'] == d['keys'][0]['key'] and len(d['keys']) == 1"
wait_for 60 "the reservation, held by one of two paths" keys_are "$held and d['keys'][0]['paths'] == 2"
wait_for 60 "ready alpha" grep -q ready "$work/alpha.log"
key=$(value_of_keys 'd["holder_key"]')
port=$(value_of_keys '[r["port"] for r in d.get("registrations", []) if r["holder"]]')
check "the host is alive" is_alive_there

cut
# PREEMPT with the own key takes the dead path's registration away
wait_for 60 "the reservation on the other path" keys_are "$held and d['keys'][0]['paths'] == 1"
check_equal "under the same key" "$(value_of_keys 'd["holder_key"]')" "$key"
if [ "$tells_ports" = yes ]; then
  check "by another port than before" [ "$(value_of_keys '[r["port"] for r in d["registrations"] if r["holder"]]')" != "$port" ]
fi
check "the host serves on" serves

mend
wait_for 60 "the first path registered again" keys_are "$held and d['keys'][0]['paths'] == 2"
check "and is alive with both paths" is_alive_there
kill -TERM "$alpha"
wait "$alpha" || fail "alpha ended with $?"
check "nothing is left" keys_are "d['keys'] == [] and not d['reserved']"
