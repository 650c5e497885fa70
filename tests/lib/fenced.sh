# shellcheck shell=bash disable=SC2154
# fenced.sh - the scenario of a mount whose host is shut out; comes after lab.sh.
#
# The caller sets serving, mounting, observer: the same LUN, from three hosts.

# host_is ROLE EXPRESSION: of what the host table says of the member of that role, as `h`, must be true
host_is ()
{
  timeout 30 fts-admin --volume "$observer" --json status >"$work/status" &&
    /usr/bin/python3 -c 'import json, sys
h = [h for h in json.load(open(sys.argv[3]))["hosts"] if h["role"] == sys.argv[1]][0]
print(h["key"])
sys.exit(not eval(sys.argv[2]))' "$1" "$2" "$work/status"
}

keys ()
{
  timeout 30 fts-admin --device "$observer" keys
}

is_refused ()
{
  ! timeout 10 stat "$mnt/file" >/dev/null 2>"$work/stderr"
}

# Each operation, also on what was open before, must end with EIO and soon.
every_operation_fails ()
{
  /usr/bin/python3 - "$mnt" <<'PY'
import errno, os, sys, time

mount = sys.argv[1]

def read_open():
    os.pread(7, 100, 0)

def write_open():
    os.pwrite(7, b"x" * 100, 0)
    os.fsync(7)

operations = {
    "open": lambda: os.open(mount + "/file", os.O_RDONLY),
    "create": lambda: os.open(mount + "/new", os.O_RDWR | os.O_CREAT),
    "list": lambda: os.listdir(mount),
    "mkdir": lambda: os.mkdir(mount + "/dir"),
    "unlink": lambda: os.unlink(mount + "/file"),
    "rename": lambda: os.rename(mount + "/file", mount + "/other"),
    "write to an open file": write_open,
    "read from an open file": read_open,
}
bad = 0
for name, operation in operations.items():
    begin = time.monotonic()
    try:
        operation()
        result = 0
    except OSError as error:
        result = error.errno
    took = time.monotonic() - begin
    if result != errno.EIO or took > 5:
        print(f"{name}: {errno.errorcode.get(result, result)} after {took:.1f} s")
        bad = 1
sys.exit(bad)
PY
}

need_fuse
mkdir -p "$export_dir"
fts-format --quiet --force --heartbeat-ms "$heartbeat_ms" --dead-ms "$dead_ms" --io-timeout-ms "${io_timeout_ms:-5000}" \
  --connections 4 --fence all-registrants "$serving" >"$work/format.log" 2>&1 || fail "fts-format: $(cat "$work/format.log")"
volume=$serving
start server ftsd --foreground --pid-file "$work/server.ready" --volume "$volume" --name server --export "lab=$export_dir:rw"
wait_for 60 "the server" test -s "$work/server.ready"
volume=$mounting
mount_ftsfs server:/lab "$mnt" "attr_timeout=0,entry_timeout=0,wait=60" || fail "mount"
echo text >"$mnt/file"
check "the mount works" grep -q text "$mnt/file"
exec 7<>"$mnt/file"

key=$(host_is mount 'h["life"] == "alive"') || fail "the mount is not alive: $key"
check "another host shuts it out" fts-admin --device "$observer" fence "$key" --host observer
wait_for 30 "errors for the application" is_refused
check "every operation fails with EIO, and soon" every_operation_fails
check "fts-admin status says so" host_is mount 'h["life"] in ("fenced", "dead")'
check "and that the server is well" host_is server 'h["life"] == "alive"'
keys >"$work/keys"
check_fails "nothing is undone by itself" grep -q "$key" "$work/keys"
exec 7>&-
timed umount "$mnt" || fail "umount"
check_at_most "ms of umount" "$took" 15000
wait_for 30 "end of the mount" is_unserved "$mnt"

mount_ftsfs server:/lab "$mnt" "wait=60" || fail "mount again"
check "a new mount of the host works" grep -q text "$mnt/file"
keys >"$work/keys"
check_equal "with a key of its own" "$(grep -c '^key' "$work/keys")" 2
check_fails "which is not the old one" grep -q "$key" "$work/keys"
umount "$mnt" || fail "umount"
