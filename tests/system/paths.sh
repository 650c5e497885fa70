#!/usr/bin/env bash
# The paths of a mount are shown, changed and read again while it is in use; no secret shows anywhere.
. "$(dirname "$0")/../lib/lab.sh" || exit 99
. "$FTS_SOURCE/tests/lib/target.sh"

need_fuse
secret=averylongsecret42
truncate -s 64M "$work/lun.img"
start_target target 64 --chap "hosta:$secret"
one=iscsi://hosta%$secret@${portals[0]}/$target_iqn/0 two=iscsi://hosta%$secret@${portals[1]}/$target_iqn/0
masked_two=${two/$secret/***}

# key_file PATH...
key_file ()
{
  local IFS=';'
  printf '[volume]\nname=ftsfs\n\n[device 1]\npaths=%s\n' "$*" >"$work/v.conf"
}

volume=$one
check "format" fts-format --quiet --heartbeat-ms 200 --dead-ms 20000 "$volume"
umask 077
key_file "$one"
umask 022
volume=$work/v.conf
mkdir "$export_dir" "$work/second"
start_server server --export "lab=$export_dir"
check "mount" mount_ftsfs server:/lab "$mnt"
mount_pid=$(pid_of_mount "$mnt")

paths_of ()
{
  fts-admin --json paths --process "$1" | /usr/bin/python3 -c 'import json, sys
print(*(p["name"] + "=" + p["state"] for p in json.load(sys.stdin)[0]["lun"][0]["paths"]))'
}

has_two ()
{
  paths_of "$1" | grep -Fq "$masked_two=up"
}

key_file "$one" "$two"
kill -HUP "$mount_pid"
wait_for 30 "the path that is new in the key file" has_two "$mount_pid"
check "the mount works" cp /etc/passwd "$mnt/passwd"
check "fts-admin reaches mount and server" timeout 60 fts-admin path add --process "$(cat "$work/server.pid")" "$two"
wait_for 30 "the path there" has_two "$(cat "$work/server.pid")"
check "a path of all programs at once is removed" timeout 60 fts-admin --volume ftsfs path remove "$two"
check_equal "of the mount" "$(paths_of "$mount_pid" | wc -w)" 1
check "the mount works on" cmp /etc/passwd "$mnt/passwd"

# ---- the secret ----

chmod 644 "$work/v.conf"
check_fails "a key file with a secret that others can read is refused" fts-admin --volume "$work/v.conf" status
check_stderr "with what to do" "chmod 600"
check "a mount and a server with a secret on their command lines" \
  ftsfs server:/lab "$work/second" -o "volume=$one,name=second"
volume=$one
start_server east --export "lab=$export_dir"
fts-admin --json --volume "$one|$two" paths >"$work/shown" || fail "paths"
{ fts-admin --json paths --running; fts-admin --volume "$one" status; } >>"$work/shown" || fail "shown"
no_secret ()
{
  ! grep -aFq "$secret" "$@"
}
check "programs that run do not show it" no_secret "/proc/$pid/cmdline" "/proc/$(pid_of_mount "$work/second")/cmdline"
check "nor do mounts" no_secret /proc/mounts
check "nor what fts-admin prints" no_secret "$work/shown"
check "nor logs" no_secret "$work"/*.log
check_fails "nor messages" ftsfs server:/lab "$work/second" -o "volume=${one/$target_iqn/iqn.of.nobody},name=third"
check "of what went wrong" no_secret "$work/stderr"
check_stderr "though they name the path" "login refused"
umount "$work/second" "$mnt" || fail "umount"
