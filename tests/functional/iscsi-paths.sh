#!/usr/bin/env bash
# The loss of paths with default settings, in the middle of transfers by fts.
. "$(dirname "$0")/../lib/sh.sh"
. "$(dirname "$0")/../lib/target.sh"
. "$(dirname "$0")/../lib/cables.sh"

there=$work/there
mkdir "$there"
start_target lun 128
volume="${urls[0]}|${urls[1]}"
check "format" fts-format --quiet --connections 8 "$volume"
start_server south --export "data=$there:rw"

lay_cable one "${portals[0]}"
one=$portal
lay_cable two "${portals[1]}"
two=$portal
# so slow that a transfer lasts
cables="rate(12M)+iscsi://$one/$target_iqn/0|rate(12M)+iscsi://$two/$target_iqn/0"

remote ()
{
  timeout 110 fts --volume "$cables${paths_options-}" south:/data "$@"
}

bytes_there ()
{
  find "$there" -type f -printf '%s\n' | sort -n | tail -n 1
}

has_come ()
{
  [ "$(bytes_there)" -ge "$1" ]
}

# more_comes TEXT: MiB beyond what is there
more_comes ()
{
  seconds_until "$1" has_come $(($(bytes_there) + 4194304))
}

# begin_put FILE: in the background, up to its first bytes
begin_put ()
{
  remote put -f "$work/big" "$1" >"$work/put.log" 2>&1 &
  put_pid=$!
  on_exit stop "$put_pid"
  wait_for 60 "a put begins" has_come 1000000
}

end_put ()
{
  local status=0
  wait "$put_pid" || status=$?
  [ "$status" -eq 0 ] || fail "$1: status $status: $(cat "$work/put.log")"
  check "$1" cmp "$work/big" "$there/$2"
}

head -c 96M /dev/urandom >"$work/big"
touch "$there/nothing"
begin_put first
check "both paths carry it" wait_for 60 "data on both" has_carried two 1000000
mute_cable one
more_comes "it goes on when one path falls silent"
cut_cable one
mend_cable one "${portals[0]}" "$one"
seconds_until "the path that returns carries data again" has_carried one 4194304
cut_cable two
more_comes "it goes on when the other path is cut"
mend_cable two "${portals[1]}" "$two"
end_put "nothing is lost" first

rm "$there/first"
begin_put second
cut_cable one
cut_cable two
sleep 1
check "without a path it waits" is_alive "$put_pid"
mend_cable two "${portals[1]}" "$two"
more_comes "and goes on when a path returns"
mend_cable one "${portals[0]}" "$one"
end_put "nothing is lost then either" second

rm "$there/second"
paths_options="|?no-path-wait-ms=1000"
begin_put third
cut_cable one
cut_cable two
status=0
wait "$put_pid" || status=$?
[ "$status" -ne 0 ] && [ "$status" -lt 124 ] || fail "a put without a path: status $status"
check "after the time that was set it fails, and says why" grep -qi "no path" "$work/put.log"
mend_cable one "${portals[0]}" "$one"
mend_cable two "${portals[1]}" "$two"
# The server holds what it has of the file until it knows that its sender is gone.
goes_on ()
{
  remote put -c "$work/big" third 2>"$work/again.log"
}
seconds_until "everything goes on when the paths are back" goes_on
check "with what was there already" cmp "$work/big" "$there/third"
