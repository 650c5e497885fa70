#!/usr/bin/env bash
# A real tree goes in and out with cp -a and rsync -a, and comes back as it was: contents, modes,
# owners, nanosecond times, symlinks, hard links, empty files, odd sizes.
. "$(dirname "$0")/../lib/lab.sh" || exit 99

# Some thousand files of the system, and what it lacks.
make_tree ()
{
  local size
  mkdir -p "$1/made/empty dir/deep/er"
  cp -a /usr/include/linux /usr/include/glib-2.0 "$1" 2>/dev/null || cp -a /usr/share/doc/. "$1"
  for size in 0 1 511 4095 4096 4097 65535 65536 65537 262143 262144 1048577 9999991; do
    head -c "$size" /dev/urandom >"$1/made/size $size"
  done
  ln "$1/made/size 4096" "$1/made/second name"
  ln "$1/made/size 4096" "$1/made/empty dir/third name"
  ln -s "size 1" "$1/made/link"
  ln -s /nowhere/at/all "$1/made/dangling"
  mkfifo "$1/made/fifo"
  truncate -s 20M "$1/made/hole"
  printf x | dd of="$1/made/hole" bs=1 seek=10000000 conv=notrunc status=none
  touch -d '1971-02-03 04:05:06.123456789' "$1/made/size 511" "$1/made/empty dir"
  touch -h -d '2001-02-03 04:05:06.987654321' "$1/made/link"
  chmod 4711 "$1/made/size 1"
  chmod 1777 "$1/made/empty dir/deep"
  chown 1234:4321 "$1/made/size 4097"
}

same_tree ()
{
  "$FTS_SOURCE/tests/lib/compare-trees" "$1" "$2"
}

lab
which rsync >/dev/null || skip "no rsync"
make_tree "$work/tree"

check "cp -a in" cp -a "$work/tree" "$mnt/cp"
check "the server has the tree" same_tree "$work/tree" "$export_dir/cp"
check "the mount shows the tree" same_tree "$work/tree" "$mnt/cp"
check "cp -a out" cp -a "$mnt/cp" "$work/out-cp"
check "what came out is the tree" same_tree "$work/tree" "$work/out-cp"

check "rsync -aH in" rsync -aH "$work/tree/" "$mnt/rsync/"
check "the server has the tree of rsync" same_tree "$work/tree" "$export_dir/rsync"
check "rsync -aH out" rsync -aH "$mnt/rsync/" "$work/out-rsync/"
check "what rsync brought out is the tree" same_tree "$work/tree" "$work/out-rsync"
check_equal "rsync finds nothing left to do" \
  "$(rsync -aHi --checksum "$work/tree/" "$mnt/rsync/" | grep -v '^\.d' || :)" ""

unmount "$mnt"
mount_ftsfs server:/lab "$mnt" "name=again" || fail "mounting again"
check "a new mount shows the same" same_tree "$work/tree" "$mnt/cp"
check "rm -r" rm -r "$mnt/cp"
check_equal "nothing is left at the server" "$(ls "$export_dir")" rsync
