#!/usr/bin/env bash
# stress-ng's stressors of files on a mount, a bounded number of rounds each, two processes at a time,
# each checking what it did.
. "$(dirname "$0")/../lib/lab.sh" || exit 99

type -p stress-ng >/dev/null || skip "no stress-ng"
lab

# Left out: those that work on other file systems than the one they are shown (io, bind-mount, procfs),
# or on none (dup, eventfd, handle, inotify and the like).
stressors=(
  access chattr chdir chmod chown copy-file dentry dir dirdeep dirmany fallocate fcntl fiemap file-ioctl
  filename flock fpunch fstat getdent hdd inode-flags iomix lease link locka lockf lockofd mknod open
  readahead rename seek symlink touch utime verity xattr
)

# stress NAME: 0 as well when the system lacks what the stressor is about (3: not implemented, 4).
stress ()
{
  local status=0
  stress-ng --temp-path "$work/mnt/stress" --"$1" 2 --"$1"-ops 40 --timeout 3 --verify \
    --hdd-bytes 2M --fallocate-bytes 2M --iomix-bytes 2M --readahead-bytes 2M --seek-punch >"$work/stress.log" 2>&1 || status=$?
  [ "$status" -eq 0 ] || { [ "$status" -eq 4 ] && echo "not for this system: $1"; }
}

mkdir "$mnt/stress"
for name in "${stressors[@]}"; do
  check "stressor $name" stress "$name"
done
check_equal "they left nothing" "$(ls -A "$export_dir/stress")" ""
