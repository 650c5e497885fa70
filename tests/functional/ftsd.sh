#!/usr/bin/env bash
# ftsd's life: starts, says why not, goes to the background, counts, ends, and its name is free again.
# shellcheck shell=bash
. "$(dirname "$0")/../lib/sh.sh"

make_volume
mkdir "$work/export"
export_option=--export=data=$work/export

ends_with ()
{
  local wanted=$1 status=0
  shift
  timeout 20 "$@" 2>"$work/stderr" || status=$?
  [ "$status" -eq "$wanted" ] || fail "$* ended with $status instead of $wanted: $(cat "$work/stderr")"
}

# ---- the command line ----

check "help is shown" ends_with 0 ftsd --help >/dev/null
check "no volume is a usage error" ends_with 2 ftsd -f "$export_option"
check_stderr "it says which option" "--volume"
check "no export is a usage error" ends_with 2 ftsd -f --volume "$volume"
check_stderr "it says which option" "--export"
check "an unknown option is a usage error" ends_with 2 ftsd --frob
check "an argument is a usage error" ends_with 2 ftsd -f --volume "$volume" "$export_option" stray
check_stderr "it is named" stray
check "a wrong number of workers is a usage error" ends_with 2 ftsd --volume "$volume" "$export_option" --workers 0x
check "a missing directory is a usage error" ends_with 2 ftsd -f --volume "$volume" --export "data=$work/none"
check_stderr "it names export and directory" "data.*$work/none: No such file"
check "a missing directory is told by the daemon's caller too" ends_with 2 ftsd --volume "$volume" --export "data=$work/none"
check_stderr "with its reason" "No such file"
printf '[export x]\npath=%s\nmood=ro\n' "$work/export" >"$work/bad.conf"
check "a wrong key file is a usage error" ends_with 2 ftsd -f --volume "$volume" --config "$work/bad.conf"
check_stderr "it names file, group and key" "bad.conf.*\[export x\].*mood"
printf '[secrets]\nalpha=sesame\n' >"$work/secrets"
chmod 644 "$work/secrets"
check "readable secrets are a usage error" ends_with 2 ftsd -f --volume "$volume" "$export_option" --secrets "$work/secrets"
check_stderr "it says what to do" "chmod 600"
truncate -s 1M "$work/empty.img"
check "a device without a volume is a damaged one" ends_with 4 ftsd -f --volume "file:$work/empty.img" "$export_option"
check "a missing device cannot be reached" ends_with 3 ftsd -f --volume "file:$work/none/lun.img" "$export_option"

# ---- one name, one server ----

start_server server "$export_option"
first=$pid
check "a second server of the name is refused" ends_with 3 ftsd -f --volume "$volume" --name server "$export_option"
check_stderr "it says that the name is in use" server
check "a server of another name may serve too" ends_with 0 ftsd --volume "$volume" --name other "$export_option" \
  --pid-file "$work/other.pid"
other=$(cat "$work/other.pid")
on_exit kill "$other"
check "it runs in the background" is_alive "$other"

# ---- counters and the end ----

kill -s TERM "$other"
wait_for 10 "end of the background server" is_gone "$other"
check "its pid file is gone" test ! -e "$work/other.pid"
check "its name is free at once" ends_with 0 ftsd --volume "$volume" --name other "$export_option" \
  --pid-file "$work/other.pid" --stats-file "$work/stats.json"
other=$(cat "$work/other.pid")
on_exit kill "$other"
kill -s USR1 "$other"
wait_for 10 "counters" test -s "$work/stats.json"
check "the counters are JSON" /usr/bin/python3 -c '
import json, sys
stats = json.load(open(sys.argv[1]))
assert stats["name"] == "other" and stats["calls"]["get"] == 0 and stats["lun"][0]["writes"] > 0
' "$work/stats.json"
kill -s TERM "$other"
wait_for 10 "end of the background server" is_gone "$other"

kill -s TERM "$first"
wait "$first"
check_equal "a server told to end ends well" "$?" 0

# ---- told by a descriptor, killed, started again ----

exec {ready}> >(cat >"$work/ready")
start second ftsd -f --volume "$volume" --name server "$export_option" --ready-fd "$ready"
exec {ready}>&-
wait_for 10 "word on the descriptor" grep -q READY "$work/ready"
kill -s KILL "$pid"
wait "$pid" 2>/dev/null
started=$SECONDS
until timeout 20 ftsd --volume "$volume" --name server "$export_option" --pid-file "$work/third.pid" 2>"$work/stderr"; do
  [ $((SECONDS - started)) -lt 15 ] || fail "a killed server's name stays in use: $(cat "$work/stderr")"
  sleep 0.1
done
third=$(cat "$work/third.pid")
on_exit kill "$third"
echo "ok: a killed server's name is free again after the dead time"
