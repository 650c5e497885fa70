#!/usr/bin/env bash
# What goes wrong at mount time is said, in words and by the exit status; then nothing is mounted.
# shellcheck source=tests/lib/lab.sh
. "$(dirname "$0")/../lib/lab.sh" || exit 99

# refused TEXT STATUS PATTERN SOURCE OPTIONS: the mount fails with STATUS and a message of PATTERN.
refused ()
{
  local status=0
  timed ftsfs "$4" "$mnt" -o "$5" 2>"$work/stderr" || status=$?
  check_equal "$1: status ($(cat "$work/stderr"))" "$status" "$2"
  check_stderr "$1: message" "$3"
  ! mountpoint -q "$mnt" || fail "$1: it is mounted"
}

need_fuse
mkdir -p "$mnt" "$export_dir"
make_volume --size 128M --heartbeat-ms "$heartbeat_ms" --dead-ms "$dead_ms"

refused "unknown option" 2 '"colour=red"' server:/lab "volume=$volume,colour=red"
refused "no volume given" 2 volume= server:/lab ro
refused "source without export" 2 PEER:/EXPORT server "volume=$volume"
refused "no server" 3 server server:/lab "volume=$volume,wait=0.5"
check_at_most "ms waited for no server" "$took" 5000
[ "$took" -ge 450 ] || fail "gave up after $took ms of 500"
status=0
ftsfs server:/lab "$work/nowhere" -o "volume=$volume" 2>"$work/stderr" || status=$?
check_equal "no mount point: status" "$status" 2
check_stderr "no mount point: message" nowhere

refused "no such image" 3 "$work/none.img" server:/lab "volume=file:$work/none.img"
head -c 1M /dev/urandom >"$work/foreign.img"
refused "foreign data" 4 foreign.img server:/lab "volume=file:$work/foreign.img"
cp --sparse=always "$work/lun.img" "$work/damaged.img"
[ ! -e "$work/lun.img.lun" ] || cp "$work/lun.img.lun" "$work/damaged.img.lun"
printf 'rust' | dd of="$work/damaged.img" bs=1 seek=$((5 * 512 + 100)) conv=notrunc status=none
size=$(stat -c %s "$work/damaged.img")
printf 'rust' | dd of="$work/damaged.img" bs=1 seek=$((size - 512 + 100)) conv=notrunc status=none
refused "damaged volume" 4 damaged.img server:/lab "volume=file:$work/damaged.img"

cat >"$work/secrets" <<TEXT
[secrets]
alpha=a long random text
TEXT
chmod 600 "$work/secrets"
printf 'a long random text\n' >"$work/right"
printf 'another text\n' >"$work/wrong"
chmod 600 "$work/right" "$work/wrong"
start_server server --export "lab=$export_dir" --export "read=$export_dir:ro" \
  --secrets "$work/secrets"
refused "no such export" 3 nothing server:/nothing "volume=$volume,name=alpha,secret=$work/right"
refused "wrong secret" 1 'secret|denied' server:/lab "volume=$volume,name=alpha,secret=$work/wrong"
refused "no secret" 1 'secret|denied' server:/lab "volume=$volume,name=alpha"
refused "a peer the server does not know" 1 'beta|denied|secret' \
  server:/lab "volume=$volume,name=beta,secret=$work/right"
chmod 644 "$work/right"
refused "a secret that others can read" 2 right server:/lab \
  "volume=$volume,name=alpha,secret=$work/right"
chmod 600 "$work/right"

check "mounting for show" ftsfs server:/lab "$mnt" --fake -o "volume=$volume,name=alpha,secret=$work/right"
! mountpoint -q "$mnt" || fail "--fake mounted"
mount_ftsfs server:/lab "$mnt" "name=alpha,secret=$work/right" || fail "right secret: status $?"
check "the right secret opens" touch "$mnt/f"
mount_ftsfs server:/read "$work/ro" "name=alpha,secret=$work/right" || fail "second mount of alpha"
check "both serve" cmp "$mnt/f" "$work/ro/f"
unmount "$mnt"
check_fails "a read-only export cannot be written" touch "$work/ro/g"
check_stderr "it says so" "[Rr]ead-only"
check_equal "/proc/mounts shows source and type" \
  "$(findmnt -n -o SOURCE,FSTYPE "$work/ro" | tr -s ' ')" "server:/read fuse.ftsfs"

# A server that comes in time is waited for.
make_late_server ()
{
  sleep 0.7
  exec ftsd --foreground --volume "$volume" --name late --export "lab=$export_dir"
}
start late make_late_server
mount_ftsfs late:/lab "$work/late" "wait=20,name=patient" || fail "a server that comes late"
check "a server that comes late serves" ls "$work/late/f"
