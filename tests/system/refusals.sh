#!/usr/bin/env bash
# What the server refuses, and the errno that a program gets: EROFS, EACCES, EPERM, ENAMETOOLONG,
# ESTALE, EXDEV.  (A full disk: full-disk.sh; a quota: tests/kernel/quota.sh.)
# shellcheck source=tests/lib/lab.sh
. "$(dirname "$0")/../lib/lab.sh" || exit 99

refusals ()
{
  check "$1" /usr/bin/python3 "$FTS_SOURCE/tests/system/refusals.py" "$2" "$export_dir" "${3-$mnt}"
}

# reload LINE...: the server's configuration of the export from here on.
reload ()
{
  printf '%s\n' '[export lab]' "path=$export_dir" "$@" >"$work/server.conf"
  [ -n "${server_pid-}" ] || return 0
  local told
  told=$(grep -c "configuration was read again" "$work/server.log")
  kill -HUP "$server_pid"
  wait_for 30 "the new configuration" told_more "$told"
}

told_more ()
{
  [ "$(grep -c "configuration was read again" "$work/server.log")" -gt "$1" ]
}

need_fuse
mkdir -p "$export_dir"
make_volume --size 256M
reload
start_server server --config "$work/server.conf"
server_pid=$pid
mount_ftsfs server:/lab "$mnt" || fail "mount: status $?"

refusals "names and paths that are too long" too_long
rm -rf "${export_dir:?}"/*
refusals "files and directories that were replaced behind their handles" replaced
rm -rf "${export_dir:?}"/*
mkdir "$export_dir/inner"
if mount -t tmpfs none "$export_dir/inner"; then
  refusals "another file system beneath the export" other_file_system
  umount "$export_dir/inner"
fi

rm -rf "${export_dir:?}"/*
sleep_out_caches ()
{
  [ "$(ls -A "$mnt")" = "" ]
}
wait_for 30 "an empty mount" sleep_out_caches
mkdir "$mnt/d"
echo x >"$mnt/f"
echo x >"$mnt/private"

reload mode=ro
refusals "an export that became read-only under the mount" became_read_only


reload mode=rw
check "writable again" touch "$mnt/f"

chmod 600 "$mnt/private"
chmod 755 "$export_dir"
chmod 700 "$mnt/d"
reload squash=root
refusals "root that is nobody there" denied
