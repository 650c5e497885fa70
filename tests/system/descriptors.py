#!/usr/bin/python3
"""descriptors MOUNT EXPORT N: N files open at once on a mount behave as they do on a local one.

The server may have far fewer descriptors than that.
"""
import os
import sys


def content(i):
    return f"content of {i}\n".encode()


def main():
    mount, export, n = sys.argv[1], sys.argv[2], int(sys.argv[3])
    names = [f"file-{i:06}" for i in range(n)]
    for i, name in enumerate(names):
        with open(os.path.join(export, name), "wb") as file:
            file.write(content(i))
    fds = [os.open(os.path.join(mount, name), os.O_RDWR) for name in names]
    # Names go, and come to others, while the files are open.
    for name in names[::31]:
        os.unlink(os.path.join(mount, name))
    for name in names[1::31]:
        os.rename(os.path.join(mount, name), os.path.join(mount, name + "-moved"))
    for name in names[2::31]:
        with open(os.path.join(mount, "new"), "wb") as file:
            file.write(b"another file")
        os.rename(os.path.join(mount, "new"), os.path.join(mount, name))
    os.chmod(os.path.join(mount, names[3]), 0)
    for i, fd in enumerate(fds):
        assert os.pread(fd, 100, 0) == content(i), f"read of {names[i]}"
        assert os.pwrite(fd, b"C", 0) == 1, f"write of {names[i]}"
    for i, fd in enumerate(fds):
        os.fsync(fd)
        assert os.pread(fd, 100, 0) == b"C" + content(i)[1:], f"second read of {names[i]}"
        assert os.fstat(fd).st_nlink == (0 if i % 31 in (0, 2) else 1), f"links of {names[i]}"
        os.ftruncate(fd, 3)
    for i, fd in enumerate(fds):
        assert os.fstat(fd).st_size == 3, f"size of {names[i]}"
        os.close(fd)


main()
