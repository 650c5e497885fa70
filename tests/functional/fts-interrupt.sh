#!/usr/bin/env bash
# A transfer that a dead server, a dead client or Ctrl-C interrupts ends soon with a clear error,
# leaves the target alone, and is continued by -c.
. "$(dirname "$0")/../lib/sh.sh"

there=$work/there
here=$work/here
size=$((200 * 1024 * 1024))
mkdir "$there" "$here"
cd "$here" || exit 99
make_volume
start_server south --export "data=$there:rw"
server=$pid
head -c "$size" /dev/zero | tr '\0' 'x' >"$there/big"

partial_in ()
{
  find "$1" -name '.big.fts-*' -size +0
}

# begin DIRECTORY COMMAND...: fts in the background, stopped when a part of the file has arrived in
# DIRECTORY; `kill -CONT` lets it go on.  One that was done before it could be stopped begins anew.
begin ()
{
  local dir=$1 attempt
  shift
  for attempt in 1 2 3 4 5; do
    fts --volume "$volume" south:/data "$@" >"$work/fts.log" 2>&1 &
    client=$!
    on_exit stop "$client" KILL
    until [ -n "$(partial_in "$dir")" ] || is_gone "$client"; do
      :
    done
    kill -STOP "$client" 2>/dev/null
    [ -n "$(partial_in "$dir")" ] && return
    echo "attempt $attempt came too late"
    kill -CONT "$client" 2>/dev/null
    wait "$client"
    rm -f "$dir/big"
  done
  fail "no transfer could be stopped"
}

# ended WITHIN_MS STATUS: the client ends by itself.
ended ()
{
  local begin=${EPOCHREALTIME/./} status=0
  kill -CONT "$client"
  wait "$client" || status=$?
  check_at_most "it ends within ms" $(((${EPOCHREALTIME/./} - begin) / 1000)) "$1"
  check_equal "its exit status" "$status" "$2"
}

# continue_with COMMAND...: -c brings the rest, less than all.
continue_with ()
{
  local left
  left=$(stat -c %s "$(partial_in "$1")")
  shift
  check "something is left" test "$left" -gt 0 -a "$left" -lt "$size"
  fts --volume "$volume" --json south:/data "$@" >"$work/json" || fail "continue: $*"
  check "it is whole" cmp "$there/big" "$here/big"
  check_equal "no temporary is left" "$(find "$work" -name '.big.fts-*')" ""
}

# ---- Ctrl-C ----
begin "$here" get big
kill -INT "$client"
ended 1000 130
check "the target is not there" test ! -e big
check "the server goes on" fts --volume "$volume" south:/data dir
continue_with "$here" get -c big

rm "$there/big"
begin "$there" put big
kill -TERM "$client"
ended 1000 143
check "the target is not there" test ! -e "$there/big"
wait_for 5 "part that is left" test -n "$(partial_in "$there")"
continue_with "$there" put -c big
rm big

# ---- the client killed ----
begin "$here" get big
stop "$client" KILL
check "the server goes on" fts --volume "$volume" south:/data dir
continue_with "$here" get -c big
rm big

# ---- the server killed ----
begin "$here" get big
stop "$server" KILL
ended 4000 3
check "it says that the server is gone" grep -q south "$work/fts.log"
check "the target is not there" test ! -e big
start_server south --export "data=$there:rw"
continue_with "$here" get -c big
