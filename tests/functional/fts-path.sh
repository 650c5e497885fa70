#!/usr/bin/env bash
# Paths of a running server are added, removed, set down and up, and read again from the key file, while
# a transfer goes on; fts-admin shows what they do.
. "$(dirname "$0")/../lib/sh.sh"
. "$(dirname "$0")/../lib/target.sh"

mkdir "$work/there"
truncate -s 64M "$work/lun.img"
truncate -s 8M "$work/other.img"
start_portal one "$work/lun.img" 127.0.0.1:0
one=iscsi://$portal/$target_iqn/0 one_portal=$portal one_pid=$pid
start_portal two "$work/lun.img" 127.0.0.2:0
two=iscsi://$portal/$target_iqn/0
start_portal other "$work/other.img" 127.0.0.3:0
other=iscsi://$portal/$target_iqn/0

check "format" fts-format --quiet --name box --fence all-registrants --heartbeat-ms 200 --dead-ms 20000 "$one"

# key_file PATH...: the server's
key_file ()
{
  local IFS=';'
  printf '[volume]\nname=box\npolicy=round-robin\n\n[device 1]\npaths=%s\n' "$*" >"$work/box.conf"
}

# value EXPRESSION: of the JSON document `d`, what the server says of its paths; p: state by name
value ()
{
  timeout 30 fts-admin --json paths --process "$server" >"$work/out" 2>"$work/stderr"
  /usr/bin/python3 -c 'import json, sys
d = json.load(open(sys.argv[2]))[0]["lun"][0]["paths"]
p = {e["name"]: e for e in d}
print(eval(sys.argv[1], {"p": p, "d": d, "one": sys.argv[3], "two": sys.argv[4]}))' "$1" "$work/out" "$one" "$two"
}

is ()
{
  [ "$(value "$1")" = True ]
}

n_keys ()
{
  fts-admin --json --device "$two" keys | /usr/bin/python3 -c 'import json, sys
print(sum(k["paths"] for k in json.load(sys.stdin)["keys"]))'
}

is_n_keys ()
{
  [ "$(n_keys)" -eq "$1" ]
}

change ()
{
  timeout 60 fts-admin path "$@" >"$work/changed"
}

key_file "$one"
volume=$work/box.conf
start_server south --export "data=$work/there:rw"
server=$pid
check_equal "one path, registered" "$(value 'len(d)') $(n_keys)" "1 1"

# ---- during transfers, one after the other ----

put_all ()
{
  until [ -e "$work/enough" ]; do
    timeout 100 fts --volume "$one|$two" --name client south:/data replace "$work/big" big || return 1
    cmp "$work/big" "$work/there/big" || return 1
  done
}

head -c 40M /dev/urandom >"$work/big"
put_all >"$work/put.log" 2>&1 &
put=$!
on_exit stop "$put"
wait_for 60 "begin of the transfer" test -s "$work/there/big"
check "a path is added" change add --process "$server" "$two"
wait_for 60 "data over it" is 'p[two]["state"] == "up" and p[two]["bytes"] > 1000000'
check_fails "one that leads elsewhere is refused" change add --process "$server" "$other"
check_stderr "with both identities" "leads to naa.*the other paths to naa"
check "the old path is removed" change remove --process "$server" "$one"
wait_for 90 "its end, when its commands have ended" is 'list(p) == [two]'
check_fails "the last one is not" change remove --process "$server" "$two"
check_stderr "which is said" "is the last path"
check "a key file that names it is read by SIGHUP" key_file "$one" "$two"
kill -HUP "$server"
wait_for 60 "the path again" is 'p.get(one, {}).get("state") == "up"'
check "a path is set down" change down --process "$server" "$two"
check_equal "which is seen" "$(value 'p[two]["state"], p[two]["reason"]')" "('off', 'by the administrator')"
check "and set up" change up --process "$server" "$two"
wait_for 60 "it again" is 'p[two]["state"] == "up"'
touch "$work/enough"
wait "$put" || fail "a transfer was disturbed: $(cat "$work/put.log")"

# ---- what is shown ----

check_equal "times, errors and bytes" "$(value 'all(k in e for e in d for k in
  ("since_ms", "queued", "errors", "failures", "us_below", "bytes", "reason", "stuck"))')" True
check_equal "latencies are counted" "$(value 'sum(p[two]["us_below"].values()) == p[two]["commands"] > 0')" True
check "as text" fts-admin --volume box paths --running >"$work/text"
check "with latencies" grep -q "took less than: .* us: " "$work/text"
check_fails "of another volume there is none" fts-admin --volume nobox paths --running

# ---- reservations ----

wait_for 60 "registration of both" is_n_keys 2
key_file "$two"
check "reload removes what the file does not name" timeout 60 fts-admin reload
wait_for 90 "one path" is 'list(p) == [two]'
check_equal "and its registration is gone" "$(n_keys)" 1
stop "$one_pid" KILL
key_file "$one" "$two"
check "a new path that does not answer" timeout 60 fts-admin reload
check_equal "is tried again" "$(value 'p[one]["state"]')" down
start_portal one "$work/lun.img" "$one_portal"
wait_for 60 "it when it answers" is 'p[one]["state"] == "up"'
wait_for 60 "its registration" is_n_keys 2
check "and can be removed again" change remove --process "$server" "$one"
printf 'nonsense' >"$work/box.conf"
check_fails "a damaged file" timeout 60 fts-admin reload
check_stderr "is refused with its name" "box.conf"
check_equal "and changes nothing" "$(value 'list(p) == [two]')" True

# ---- who may ----

check_equal "only the owner can reach it" "$(stat -c %a "$work/run" "$work/run/ftsd.$server" | tr '\n' ' ')" "700 600 "
if [ "$(id -u)" -eq 0 ]; then
  chmod 755 "$work" "$work/run"
  chmod 666 "$work/run/ftsd.$server"
  check_fails "another user gets no answer" setpriv --reuid 65534 --regid 65534 --clear-groups \
    "$(command -v fts-admin)" path down "$two"
fi
stop "$server"
check "the socket goes with it" test ! -e "$work/run/ftsd.$server"
