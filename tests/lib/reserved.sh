# shellcheck shell=bash disable=SC2154
# reserved.sh - the scenario of a volume's device that a stranger has reserved, for any target; comes after
# sh.sh.
#
# The caller sets ours and theirs: the same LUN, seen from two hosts, and port: what is in the name of their
# initiator port (empty where the target does not tell).

# is_refused TEXT COMMAND...: with status 3, and words that help
is_refused ()
{
  local text=$1 status=0
  shift
  timeout 60 "$@" >"$work/out" 2>"$work/stderr" || status=$?
  [ "$status" -eq 3 ] || fail "$text: $* ended with $status: $(cat "$work/stderr")"
  check_stderr "$text, with the key" "reserved by (another host|other hosts) \\(.*$key"
  check_stderr "$text, with the type" "type $type: $words"
  [ -z "$port" ] || check_stderr "$text, with the port" "port [^ ]*$port"
}

mkdir -p "$work/export" "$work/mnt"
advice="let it release the device, or shut it out by .fts-admin --device '.*' takeover. and then .release."

# reserve_it TYPE: by the stranger; its key is then in $key
reserve_it ()
{
  fts-admin --json --device "$theirs" reserve --host stranger --type "$1" >"$work/keys" || fail "reserve"
  key=$(/usr/bin/python3 -c 'import json, sys; print(json.load(sys.stdin)["own_key"])' <"$work/keys")
  [ -n "$key" ] || fail "no key"
}

# refuses_all FENCE: every program but fts-format
refuses_all ()
{
  is_refused "type $type, fence $1: ftsd" ftsd --foreground --volume "$ours" --name alpha --export "data=$work/export"
  check_stderr "and what to do" "$advice"
  is_refused "type $type, fence $1: fts" fts --volume "$ours" alpha:/data dir
  check_stderr "and what to do" "$advice"
  is_refused "type $type, fence $1: ftsfs" ftsfs alpha:/data "$work/mnt" -o "volume=$ours"
  check_stderr "and what to do" "$advice"
}

take_advice ()
{
  fts-admin --device "$ours" takeover --host ours >"$work/out" || fail "takeover"
  fts-admin --device "$ours" release --host ours >"$work/out" || fail "release"
  check "by that the volume is there" fts-admin --volume "$ours" check >"$work/out"
}

type=6 words="exclusive access, registrants only"
check "a volume" fts-format -q --force --connections 2 --fence off "$ours"
reserve_it 6
is_refused "type 6: fts-format" fts-format -q "$ours"
check_stderr "and how to take it" "in use \\(--force takes it\\)"
is_refused "type 6: fts-admin status" fts-admin --volume "$ours" status
check_stderr "and what to do" "$advice"
is_refused "type 6: fts-admin reserve" fts-admin --device "$ours" reserve --host ours
refuses_all off
take_advice

# where reading is allowed, a write is refused, or our own reservation
type=5 words="write exclusive, registrants only"
reserve_it 5
refuses_all off
take_advice
type=7 words="write exclusive, all registrants"
check "a volume" fts-format -q --force --connections 2 --fence registrants-only "$ours"
reserve_it 7
refuses_all registrants-only
take_advice

reserve_it 6
check "by force it is formatted" fts-format -q --force --connections 2 "$ours"
fts-admin --device "$theirs" keys >"$work/keys" || fail "keys"
check "and nobody has it reserved" grep -q "not reserved" "$work/keys"
