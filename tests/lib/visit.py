#!/usr/bin/python3
"""visit MOUNT EXPORT N KEPT: N files are opened and read, KEPT of them at a time stay open.

Each is made at the server just before, and removed there afterwards.
"""
import collections
import os
import sys

FOLDER = 1000  # files of one folder


def end(export, i, name, fd):
    assert os.pread(fd, 100, 0) == str(i).encode(), f"content of {i}"
    os.close(fd)
    os.unlink(os.path.join(export, name))


def main():
    mount, export, n, kept = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
    open_files = collections.deque()
    for start in range(0, n, FOLDER):
        folder = f"visit-{start:07}"
        os.mkdir(os.path.join(export, folder))
        for i in range(start, min(n, start + FOLDER)):
            name = os.path.join(folder, f"file-{i:07}")
            with open(os.path.join(export, name), "w", encoding="ascii") as file:
                file.write(str(i))
            open_files.append((i, name, os.open(os.path.join(mount, name), os.O_RDONLY)))
            if len(open_files) > kept:
                end(export, *open_files.popleft())
    for file in open_files:
        end(export, *file)


main()
