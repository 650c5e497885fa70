#!/usr/bin/env bash
# Files beyond 4 GiB: offsets, sizes, holes, mappings and copies are right where 32 bits end, on a mount and
# by fts get and put.  The files are mostly holes.
. "$(dirname "$0")/../lib/lab.sh" || exit 99

lab
check "reads, writes, seeks, maps, copies and cuts" /usr/bin/python3 - "$mnt" "$export_dir" <<'PY'
import errno, mmap, os, sys

mount, export = sys.argv[1:]
GIB = 1 << 30
places = (0, 2 * GIB - 100, 2 * GIB, 4 * GIB - 5, 4 * GIB, 4 * GIB + 4096, 6 * GIB + 7)
name, twin = os.path.join(mount, "large"), os.path.join(export, "large")
texts = {at: f"at {at} ".encode() * 3 for at in places[::2]}

fd = os.open(name, os.O_RDWR | os.O_CREAT, 0o644)
for at, text in texts.items():
    assert os.pwrite(fd, text, at) == len(text)
os.fsync(fd)
end = max(texts) + len(texts[max(texts)])
assert os.fstat(fd).st_size == os.stat(twin).st_size == end
assert os.stat(twin).st_blocks * 512 < 1 << 20, "the holes are holes"
mine, theirs = os.open(name, os.O_RDONLY), os.open(twin, os.O_RDONLY)
for at in places:
    for offset in (max(at - 3, 0), at):
        assert os.pread(mine, 64, offset) == os.pread(theirs, 64, offset), offset
for whence in (os.SEEK_DATA, os.SEEK_HOLE):
    for at in places[:-1]:
        assert os.lseek(mine, at, whence) == os.lseek(theirs, at, whence), (whence, at)

with mmap.mmap(fd, 8192, offset=4 * GIB) as view:
    assert view[:3] == texts[4 * GIB][:3]
    view[5000:5006] = b"mapped"
    view.flush()
assert os.pread(theirs, 6, 4 * GIB + 5000) == b"mapped"

other = os.open(os.path.join(mount, "other"), os.O_RDWR | os.O_CREAT, 0o644)
assert os.copy_file_range(fd, other, 100, 4 * GIB, 5 * GIB) == 100
assert os.pread(other, 100, 5 * GIB) == os.pread(theirs, 100, 4 * GIB)

os.ftruncate(fd, 4 * GIB + 10)
assert os.stat(twin).st_size == 4 * GIB + 10
os.posix_fallocate(other, 6 * GIB, 4096)
assert os.stat(os.path.join(export, "other")).st_size == 6 * GIB + 4096
try:
    os.pwrite(fd, b"x", (1 << 63) - 1)
    raise SystemExit("a write beyond the largest offset succeeded")
except OSError as error:
    assert error.errno in (errno.EFBIG, errno.EINVAL), error
PY

# A copy by the client, holes and all.
rm "$mnt/other"
truncate -s 5G "$work/source"
printf 'over the edge' | dd of="$work/source" bs=1 seek=$(((1 << 32) - 6)) conv=notrunc status=none
check "fts put" fts --quiet --volume "$volume" server:/lab put "$work/source" sent
check "fts get" fts --quiet --volume "$volume" server:/lab get sent "$work/back"
check "what came back is the source" cmp "$work/source" "$work/back"
check_at_most "KiB that the copy takes" "$(du -k "$work/back" | cut -f1)" 1024
check_at_most "KiB that it takes at the server" "$(du -k "$export_dir/sent" | cut -f1)" 1024
