#!/usr/bin/env bash
# A volume on an iSCSI target with all of SPC-4, over two paths that are cut under a transfer.
. "$(dirname "$0")/../lib/sh.sh"
. "$(dirname "$0")/../lib/target.sh"

there=$work/there
mkdir "$there"
truncate -s 64M "$work/lun.img"
start_portal one "$work/lun.img" 127.0.0.1:0
one=$portal one_pid=$pid
start_portal two "$work/lun.img" 127.0.0.2:0
two=$portal two_pid=$pid
volume="iscsi://$one/$target_iqn/0|iscsi://$two/$target_iqn/0"

check "format" fts-format --quiet --heartbeat-ms 200 --dead-ms 10000 "$volume"
start_server south --export "data=$there:rw"

remote ()
{
  timeout 100 fts --volume "$volume" south:/data "$@"
}

kib_there ()
{
  du -s "$there" | cut -f 1
}

has_come ()
{
  [ "$(kib_there)" -ge "$1" ]
}

# more_comes TEXT: 20 MiB beyond what is there
more_comes ()
{
  wait_for 30 "$1" has_come $(($(kib_there) + 20480))
  echo "ok: $1"
}

head -c 20M /dev/urandom >"$work/small"
check "put over two paths" remote put "$work/small" small
check "get over two paths" remote get small "$work/back"
check "what was put came back" cmp "$work/small" "$work/back"
rm "$there/small" "$work/back"

head -c 600M /dev/urandom >"$work/big"
remote put "$work/big" big >"$work/put.log" 2>&1 &
put_pid=$!
on_exit stop "$put_pid"
more_comes "a long put begins"
stop "$one_pid" KILL
more_comes "it goes on when one path is cut"
start_portal one "$work/lun.img" "$one"
one_pid=$pid
more_comes "and when the path is back"
stop "$two_pid" KILL
more_comes "then by the path that was lost"
stop "$one_pid" KILL
check "without a path it waits" is_alive "$put_pid"
start_portal two "$work/lun.img" "$two"
start_portal one "$work/lun.img" "$one"
wait "$put_pid" || fail "put: status $?: $(cat "$work/put.log")"
check "and all has come" cmp "$work/big" "$there/big"
