#!/usr/bin/env bash
# A user's quota on the server's file system binds on the mount, though the server is root: EDQUOT
# at write, fsync or close, and for one file too many.  Under a kernel of its own because many
# have no quota.
# shellcheck source=tests/lib/lab.sh
. "$(dirname "$0")/../lib/lab.sh" || exit 99

mkdir -p /tmp/modules/lib
ln -s "$FTS_MODULES" /tmp/modules/lib/modules
for module in fuse loop quota_v2; do
  modprobe -d /tmp/modules "$module" || fail "no module $module"
done
for program in mkfs.ext4 setquota; do
  command -v "$program" >/dev/null || skip "no $program (contrib/install-deps --test)"
done

as ()
{
  local uid=$1
  shift
  setpriv --reuid "$uid" --regid "$uid" --clear-groups -- "$@"
}

truncate -s 32M "$work/disk.img"
mkfs.ext4 -q -O quota -E quotatype=usrquota "$work/disk.img" || fail "mkfs.ext4"
mkdir -p "$export_dir"
mount -o loop,usrquota "$work/disk.img" "$export_dir" || fail "no ext4 with quota can be mounted"
on_exit umount -l "$export_dir"
chmod 711 "$work"
chmod 1777 "$export_dir"
lab
setquota -u 5001 1000 2000 0 10 "$export_dir" || fail "setquota"

head -c 4M /dev/urandom >"$work/four"
check "within the quota" as 5001 dd if=/dev/zero of="$mnt/small" bs=100k count=5 status=none
for how in "bs=100k count=40" "bs=100k count=40 conv=fsync" "bs=1M count=4 oflag=direct"; do
  # shellcheck disable=SC2086
  check_fails "beyond it: dd $how" as 5001 dd if=/dev/zero of="$mnt/big" $how
  check_stderr "the reason is told" "Disk quota exceeded"
  rm -f "$mnt/big"
done
check_fails "cp tells it too" as 5001 cp "$work/four" "$mnt/big"
check_stderr "the reason is told" "Disk quota exceeded"
rm -f "$mnt/big"
check "another user has none" as 5002 dd if=/dev/zero of="$mnt/other" bs=100k count=40 status=none
make_files ()
{
  local i
  for i in $(seq 20); do
    as 5001 touch "$mnt/n$i" || return
  done
}
check_fails "one file too many" make_files
check_stderr "the reason is told" "Disk quota exceeded"
rm -f "$mnt"/n* "$mnt/small"
check "with room again" as 5001 dd if=/dev/zero of="$mnt/again" bs=100k count=15 conv=fsync status=none
