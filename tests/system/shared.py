#!/usr/bin/python3
"""shared ONE OTHER: two mounts of one export at work on the same files: mappings, appends, names."""
import mmap
import os
import subprocess
import sys

APPENDER = """
import os, sys
fd = os.open(sys.argv[1], os.O_WRONLY | os.O_CREAT | os.O_APPEND)
for i in range(int(sys.argv[3])):
    os.write(fd, ("%s %05d\\n" % (sys.argv[2], i)).encode() * 3)
os.close(fd)
"""


def check(text, condition):
    if not condition:
        sys.exit(f"FAILED: {text}")
    print(f"ok: {text}")


def mappings(one, other):
    with open(f"{one}/map", "wb") as file:
        file.write(bytes(20_000))
    with open(f"{one}/map", "r+b") as left, open(f"{other}/map", "r+b") as right:
        with mmap.mmap(left.fileno(), 0) as mine, mmap.mmap(right.fileno(), 0) as yours:
            assert mine[0] == yours[0] == 0
            for i in range(1, 30):
                source, target = (mine, yours) if i % 2 else (yours, mine)
                source[i * 100] = i
                source.flush()
                assert target[i * 100] == i, f"round {i}: not seen after msync"
            check("what one mapping has written the other shows after msync", True)
            mine[19_999] = 7
            mine.flush()
            right.seek(19_999)
            check("read() by the other mount shows it, too", right.read(1) == b"\7")


def appends(one, other):
    jobs = [subprocess.Popen([sys.executable, "-c", APPENDER, f"{mount}/log", name, "150"])
            for mount, name in ((one, "a"), (other, "b"), (one, "c"), (other, "d"))]
    check("four who append end well", all(job.wait() == 0 for job in jobs))
    with open(f"{one}/log", encoding="ascii") as file:
        lines = file.read().splitlines()
    check("no line is lost", len(lines) == 4 * 150 * 3)
    wanted = {f"{name} {i:05}" for name in "abcd" for i in range(150)}
    check("and none is torn", set(lines) == wanted)
    pieces = [lines[i:i + 3] for i in range(0, len(lines), 3)]
    check("each write is one piece", all(len(set(piece)) == 1 for piece in pieces))


def names(one, other):
    with open(f"{one}/kept", "w", encoding="ascii") as file:
        file.write("old")
    with open(f"{other}/kept", encoding="ascii") as kept:
        os.unlink(f"{one}/kept")
        check("a name removed by one mount is gone for the other", not os.path.exists(f"{other}/kept"))
        check("who has the file open reads on", kept.read() == "old")
        check("and sees that it has no name", os.fstat(kept.fileno()).st_nlink == 0)
    os.makedirs(f"{one}/deep/er")
    with open(f"{one}/deep/er/file", "w", encoding="ascii") as file:
        file.write("text")
    check("a tree made by one", os.path.exists(f"{other}/deep/er/file"))
    here = os.open(f"{other}/deep/er", os.O_RDONLY | os.O_DIRECTORY)
    os.rename(f"{one}/deep", f"{one}/moved")
    check("moved by one, it is gone for the other", not os.path.exists(f"{other}/deep/er/file"))
    check("and is in its new place", os.path.exists(f"{other}/moved/er/file"))
    fd = os.open("file", os.O_RDONLY, dir_fd=here)
    check("who was inside goes on", os.read(fd, 10) == b"text")
    os.close(fd)
    os.close(here)
    for i in range(20):
        with open(f"{one}/temporary", "w", encoding="ascii") as file:
            file.write(str(i))
        os.rename(f"{one}/temporary", f"{one}/target")
        with open(f"{other}/target", encoding="ascii") as file:
            assert file.read() == str(i), f"saved {i} times"
    check("saving by rename is seen each time", True)


def both_change(one, other):
    """Two who make and remove the same names in one folder get in each other's way, and both end."""
    worker = """
import os, sys
for i in range(150):
    try:
        os.close(os.open(sys.argv[1] + "/lock", os.O_CREAT | os.O_EXCL))
        os.rename(sys.argv[1] + "/lock", sys.argv[1] + "/taken")
        os.unlink(sys.argv[1] + "/taken")
    except (FileExistsError, FileNotFoundError):
        pass
"""
    jobs = [subprocess.Popen([sys.executable, "-c", worker, mount]) for mount in (one, other) * 2]
    check("all who fight for a name end", all(job.wait() == 0 for job in jobs))


def main():
    for test in (mappings, appends, names, both_change):
        test(*sys.argv[1:])


main()
