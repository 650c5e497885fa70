#!/usr/bin/env bash
# A server that is killed and started again: the mount, its files and its open files go on.
# shellcheck shell=bash
. "$(dirname "$0")/../lib/sh.sh"

need_fuse
make_volume
mkdir -p "$work/export/dir" "$work/state"
# What lets handles of files outlive the server: the machine's identity, or a place to keep a key.
state=()
[ -e /etc/machine-id ] || state=(--state-dir "$work/state")
echo one >"$work/export/dir/file"
start_server server --export "data=$work/export" "${state[@]}"
mnt=$work/mnt
check "mount" mount_ftsfs server:/data "$mnt" name=mount,attr_timeout=0,entry_timeout=0
check_equal "the file is there" "$(cat "$mnt/dir/file")" one
exec {reader}<"$mnt/dir/file" {writer}>>"$mnt/dir/file"
copy=$mnt/dir/copy
exec {target}<>"$copy"

for round in 1 2; do
  kill -s KILL "$pid"
  wait "$pid" 2>/dev/null
  start_server server --export "data=$work/export" "${state[@]}"
  check "round $round: a known directory is listed" test "$(ls "$mnt/dir")" = "$(printf 'copy\nfile')"
  check "round $round: between open files is copied at the server" /usr/bin/python3 -c \
    "import os; assert os.copy_file_range($reader, $target, 4, 0, 0) == 4"
  check "round $round: an open file is written" eval "echo more >&$writer"
done
check_equal "an open file is read to its end" "$(cat <&"$reader")" "$(printf 'one\nmore\nmore')"
check_equal "the server has it all" "$(cat "$work/export/dir/file")" "$(printf 'one\nmore\nmore')"
check "a new file is made" touch "$mnt/dir/new"

check_equal "the copy is there" "$(cat "$copy")" one
exec {reader}<&- {writer}>&- {target}>&-
rm "$copy"
kill -s TERM "$pid"
wait "$pid" 2>/dev/null
start_server server --export "data=$work/export" "${state[@]}"
check "after a clean stop too" test "$(cat "$mnt/dir/file" | wc -l)" -eq 3
check "unmount" umount "$mnt"
