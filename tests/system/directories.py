#!/usr/bin/python3
"""directories DIRECTORY N: a directory of N entries keeps its promises to readdir and seekdir.

Makes N files there, then checks: every name comes once; the place telldir names is found again by
seekdir, in any order and after names were made and removed; rewinddir sees what is new.
"""
import ctypes
import os
import random
import sys

LIBC = ctypes.CDLL(None, use_errno=True)
LIBC.opendir.restype = ctypes.c_void_p
LIBC.telldir.restype = ctypes.c_long
for function in ("closedir", "telldir", "rewinddir", "readdir"):
    getattr(LIBC, function).argtypes = [ctypes.c_void_p]
LIBC.seekdir.argtypes = [ctypes.c_void_p, ctypes.c_long]


class Dirent(ctypes.Structure):
    _fields_ = [("ino", ctypes.c_uint64), ("off", ctypes.c_int64), ("reclen", ctypes.c_uint16),
                ("type", ctypes.c_uint8), ("name", ctypes.c_char * 256)]


LIBC.readdir.restype = ctypes.POINTER(Dirent)


def read_all(stream):
    """Each name with the place before it."""
    out = []
    while True:
        place = LIBC.telldir(stream)
        entry = LIBC.readdir(stream)
        if not entry:
            return out
        out.append((place, entry.contents.name, entry.contents.ino, entry.contents.type))


def name_at(stream, place):
    LIBC.seekdir(stream, place)
    entry = LIBC.readdir(stream)
    return entry.contents.name if entry else None


def main():
    directory, n = sys.argv[1], int(sys.argv[2])
    names = {f"file-{i:06}".encode() for i in range(n)}
    for name in names:
        os.close(os.open(os.path.join(os.fsencode(directory), name), os.O_CREAT | os.O_WRONLY))
    stream = LIBC.opendir(os.fsencode(directory))
    listed = read_all(stream)
    assert len(listed) == n + 2, f"{len(listed)} entries of {n} and two dots"
    assert {entry[1] for entry in listed} == names | {b".", b".."}, "names differ"
    for _, name, ino, kind in listed:
        if name in names and random.random() < 0.02:
            assert os.stat(os.path.join(os.fsencode(directory), name)).st_ino == ino, name
            assert kind == 8, f"type {kind} of a file"

    sample = random.sample(listed, min(60, len(listed)))
    for place, name, _, _ in sample:
        assert name_at(stream, place) == name, f"another name at the place of {name}"

    gone = {entry[1] for entry in random.sample(listed, n // 4)} - {b".", b".."}
    for name in gone:
        os.unlink(os.path.join(os.fsencode(directory), name))
    for place, name, _, _ in sample:
        found = name_at(stream, place)
        assert name in gone or found == name, f"{found} at the place of {name}"

    os.mkdir(os.path.join(directory, "new"))
    LIBC.rewinddir(stream)
    again = {entry[1] for entry in read_all(stream)}
    assert again == (names - gone) | {b".", b"..", b"new"}, "after rewinddir"
    LIBC.closedir(stream)
    print(f"{n} entries: well")


main()
