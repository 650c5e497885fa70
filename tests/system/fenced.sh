#!/usr/bin/env bash
# A mount whose host is shut out by reservation: errors at once, nothing is undone by itself, umount works, and a
# new mount of the same host may come back.
# shellcheck source=tests/lib/lab.sh
. "$(dirname "$0")/../lib/lab.sh" || exit 99

# key_of ROLE: as the host table says
key_of ()
{
  fts-admin --volume "$image?host=observer" --json hosts |
    /usr/bin/python3 -c 'import json, sys; print([h["key"] for h in json.load(sys.stdin) if h["role"] == sys.argv[1]][0])' "$1"
}

keys ()
{
  fts-admin --device "$image?host=observer" keys
}

is_refused ()
{
  ! timeout 10 stat "$mnt/file" >/dev/null 2>"$work/stderr"
}

need_fuse
mkdir -p "$export_dir"
make_volume --size 256M --heartbeat-ms "$heartbeat_ms" --dead-ms "$dead_ms" --fence all-registrants
image=$volume
volume="$image?host=serving"
start_server server --export "lab=$export_dir:rw"
volume="$image?host=mounting"
mount_ftsfs server:/lab "$mnt" "attr_timeout=0,entry_timeout=0" || fail "mount"
echo text >"$mnt/file"
check "the mount works" grep -q text "$mnt/file"

key=$(key_of mount)
check "another host shuts it out" fts-admin --device "$image?host=observer" fence "$key" --host observer
wait_for 5 "errors for the application" is_refused
timed cat "$mnt/file" >/dev/null 2>"$work/stderr" && fail "reading from a fenced mount"
check_at_most "ms until reading fails" "$took" 2000
timed touch "$mnt/new" 2>"$work/stderr" && fail "writing to a fenced mount"
check_at_most "ms until writing fails" "$took" 2000
keys >"$work/keys"
check_fails "nothing is undone by itself" grep -q "$key" "$work/keys"
timed umount "$mnt" || fail "umount"
check_at_most "ms of umount" "$took" 5000
wait_for 10 "end of the mount" is_unserved "$mnt"

mount_ftsfs server:/lab "$mnt" "wait=20" || fail "mount again"
check "a new mount of the host works" grep -q text "$mnt/file"
keys >"$work/keys"
check_equal "with a key of its own" "$(grep -c '^key' "$work/keys")" 2
check_fails "which is not the old one" grep -q "$key" "$work/keys"
