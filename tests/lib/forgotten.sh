# shellcheck shell=bash disable=SC2154
# forgotten.sh - the scenario of a LUN that forgets registrations under a mount; comes after lab.sh.
#
# The caller sets serving, mounting, observer, stranger: the same LUN, from four hosts.  Each step is
#   goes_on TEXT COMMAND...    COMMAND takes registrations away; the mount goes on, and both hosts are
#                              registered again, under the keys that they had

observe ()
{
  timeout 30 fts-admin --json --device "$observer" keys >"$work/keys" 2>"$work/stderr"
}

of_keys ()
{
  /usr/bin/python3 -c 'import json, sys; d = json.load(open(sys.argv[2])); print(eval(sys.argv[1]))' "$1" "$work/keys"
}

registered ()
{
  observe && [ "$(of_keys 'd.get("type"), sorted(k["key"] for k in d["keys"])')" = "(7, $1)" ]
}

# One block of zeroes to block 0, where nothing is.
stranger_writes ()
{
  timeout 30 fts-admin --device "$stranger" cdb --out "$(printf '00%.0s' {1..512})" \
    8a 00 00 00 00 00 00 00 00 00 00 00 00 01 00 00 >"$work/out" 2>&1
}

forgotten_start ()
{
  need_fuse
  mkdir -p "$export_dir"
  fts-format --quiet --force --heartbeat-ms "$heartbeat_ms" --dead-ms "$dead_ms" --io-timeout-ms "${io_timeout_ms:-5000}" --connections 4 \
    --fence all-registrants "$serving" >"$work/format.log" 2>&1 || fail "fts-format: $(cat "$work/format.log")"
  volume=$serving
  start server ftsd --foreground --pid-file "$work/server.ready" --volume "$volume" --name server --export "lab=$export_dir:rw"
  wait_for 60 "the server" test -s "$work/server.ready"
  volume=$mounting
  mount_ftsfs server:/lab "$mnt" "attr_timeout=0,entry_timeout=0,wait=60" || fail "mount"
  echo before >"$mnt/file"
  observe || fail "keys"
  keys=$(of_keys 'sorted(k["key"] for k in d["keys"])')
  check_equal "two hosts are registered" "$(of_keys 'len(d["keys"])')" 2
  exec 7<>"$mnt/open"
  echo one >&7
}

goes_on ()
{
  local text=$1
  shift
  "$@" || fail "$text: $*"
  echo "$text" >"$mnt/after" || fail "$text: writing"
  check_equal "$text: what is written arrives" "$(cat "$export_dir/after")" "$text"
  check "$text: what was there is read" grep -q before "$mnt/file"
  echo "$text" >&7 || fail "$text: writing to an open file"
  wait_for 60 "registrations under the same keys" registered "$keys"
  stranger_writes
  check "$text: a stranger cannot write" grep -q "reservation conflict" "$work/out"
  echo "ok: $text"
}

forgotten_end ()
{
  exec 7>&-
  check "umount" umount "$mnt"
  wait_for 60 "end of the mount" is_unserved "$mnt"
  stop "$(cat "$work/server.pid")"
  observe || fail "keys"
  check_equal "nothing is left" "$(of_keys '(d["reserved"], d["keys"])')" "(False, [])"
}
