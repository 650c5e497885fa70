#!/usr/bin/python3
"""visit MOUNT EXPORT N KEPT: N files are opened and read, KEPT of them at a time stay open."""
import collections
import os
import sys

FOLDER = 1000  # files of one folder


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
            open_files.append((i, os.open(os.path.join(mount, name), os.O_RDONLY)))
            if len(open_files) > kept:
                j, fd = open_files.popleft()
                assert os.pread(fd, 100, 0) == str(j).encode(), f"content of {j}"
                os.close(fd)
    for j, fd in open_files:
        assert os.pread(fd, 100, 0) == str(j).encode(), f"content of {j}"
        os.close(fd)


main()
