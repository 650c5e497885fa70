#!/usr/bin/env bash
# A mount's life: in the foreground and background, one thread or many, several on one host; it
# ends by umount and by signals, and leaves nothing.
# shellcheck source=tests/lib/lab.sh
. "$(dirname "$0")/../lib/lab.sh" || exit 99

need_fuse
lab_server
mkdir "$mnt" "$work/two" "$work/three"

for signal in TERM INT; do
  check "mounting" ftsfs server:/lab "$mnt" -o "volume=$volume"
  echo "$signal" >"$mnt/f"
  exec 8>"$mnt/still open"
  echo "$signal" >&8
  kill -s "$signal" "$(pid_of_mount "$mnt")"
  wait_for 10 "end by SIG$signal" is_unserved "$mnt"
  ! mountpoint -q "$mnt" || fail "SIG$signal left the mount"
  check_equal "what was written before SIG$signal" "$(cat "$export_dir/f")" "$signal"
  check_equal "to a file still open, too" "$(cat "$export_dir/still open")" "$signal"
  exec 8>&-
done

check "two mounts of one host" ftsfs server:/lab "$mnt" -o "volume=$volume"
check "take names of their own" ftsfs server:/lab "$work/two" -o "volume=$volume"
check_equal "both serve" "$(cat "$mnt/f" "$work/two/f")" "$(printf 'INT\nINT')"
kill -USR1 "$(pid_of_mount "$mnt")" # no stats= was given: nothing happens
check "SIGUSR1 does no harm" cat "$mnt/f"
kill -HUP "$(pid_of_mount "$mnt")" # there is no key file to read again
check "SIGHUP does no harm" cat "$mnt/f"

start front ftsfs -f -s server:/lab "$work/three" -o "volume=$volume"
wait_for 10 "mount of a foreground program" mountpoint -q "$work/three"
check "one thread serves" cp -a /etc/passwd "$work/three/passwd"
check "umount ends the foreground program" umount "$work/three"
wait_for 10 "its end" is_gone "$pid"
wait "$pid"
check_equal "its status" $? 0

exec 9>"$mnt/open"
check_fails "a busy mount is not unmounted" umount "$mnt"
printf 'written while leaving' >&9
check "but may be detached" umount -l "$mnt"
exec 9>&-
wait_for 10 "the end of a detached mount" is_unserved "$mnt"
check_equal "nothing was lost" "$(cat "$export_dir/open")" "written while leaving"

# Whoever waits for the output of mount must not wait for the daemon.
output=$(ftsfs server:/lab "$mnt" -o "volume=$volume" 2>&1)
check_equal "a good mount is silent" "$output" ""
unmount "$mnt"
wait_for 10 "its end" is_unserved "$mnt"

# As mount(8) calls its helper: set-id bits and devices work unless forbidden.
ln -s "$FTS_BUILD/src/prog/ftsfs/ftsfs" "$work/mount.fuse.ftsfs"
check "as a mount helper" "$work/mount.fuse.ftsfs" server:/lab "$mnt" -v -n -o \
  "rw,volume=$volume,_netdev" -t fuse.ftsfs
options=$(findmnt -n -o OPTIONS "$mnt")
case ,$options, in
  *,nosuid,* | *,nodev,*) fail "mounted $options" ;;
esac
unmount "$mnt"
check "as a mount helper, nosuid" "$work/mount.fuse.ftsfs" server:/lab "$mnt" -o \
  "nosuid,volume=$volume"
case ,$(findmnt -n -o OPTIONS "$mnt"), in
  *,nosuid,*) echo "ok: nosuid is heard" ;;
  *) fail "nosuid was not heard" ;;
esac
