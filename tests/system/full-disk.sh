#!/usr/bin/env bash
# The disk at the server is full: the writer is told at write, fsync or close, nothing else
# breaks, and with room again all goes on.
# shellcheck source=tests/lib/lab.sh
. "$(dirname "$0")/../lib/lab.sh" || exit 99

need_fuse
mkdir -p "$export_dir"
mount -t tmpfs -o size=8M none "$export_dir" || skip "no tmpfs can be mounted"
on_exit umount -l "$export_dir"
lab

head -c 3300K /dev/urandom >"$mnt/kept" # so that writes end in mid-request
for how in "bs=1M count=16" "bs=64k count=256" "bs=1M count=16 conv=fsync" \
  "bs=1M count=16 oflag=direct"; do
  # shellcheck disable=SC2086
  check_fails "dd $how" dd if=/dev/zero of="$mnt/big" $how
  check_stderr "it says why" "No space left"
  check "the rest is untouched" cmp "$mnt/kept" "$export_dir/kept"
  rm "$mnt/big"
done
head -c 5M /dev/urandom >"$work/five"
check_fails "cp" cp "$work/five" "$mnt/big"
check_stderr "it says why" "No space left"
check_equal "the size is the peer's" "$(stat -c %s "$mnt/big")" "$(stat -c %s "$export_dir/big")"
rm "$mnt/big" "$mnt/kept"
check "with room again" cp "$work/five" "$mnt/big"
check "all is there" cmp "$work/five" "$export_dir/big"
check_equal "df is the peer's" "$(df --output=size "$mnt" | tail -n 1)" \
  "$(df --output=size "$export_dir" | tail -n 1)"
