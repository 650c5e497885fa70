#!/usr/bin/python3
"""crowd MOUNT EXPORT N MOUNT_PID SERVER_PID STATS: a directory of N entries, listed and visited.

The first entries come after the first page; every entry comes once while other names come and go,
at the server and through the mount; the memory of mount and server stays within bounds, and what
the kernel forgets, the mount does.  The bounds are of bytes, never of time.
"""
import json
import os
import pathlib
import signal
import subprocess
import sys
import time

MIB = 1 << 20
PAGE_ENTRIES = 2000  # at most, of a page of the peer's
UNASKED = 1 << 18    # files of a listing that the mount tells the kernel of by itself
INODE = 900          # bytes that the mount keeps of a file the kernel knows
FLOOR = 96 * MIB     # what the programs need anyway


def memory(pid, field):
    for line in pathlib.Path(f"/proc/{pid}/status").read_text(encoding="ascii").splitlines():
        if line.startswith(field):
            return int(line.split()[1]) * 1024
    raise AssertionError(field)


def forget_peak(pid):
    pathlib.Path(f"/proc/{pid}/clear_refs").write_text("5", encoding="ascii")


def stats(pid, file):
    file = pathlib.Path(file)
    file.unlink(missing_ok=True)
    os.kill(pid, signal.SIGUSR1)
    while True:
        try:
            return json.loads(file.read_text(encoding="utf-8"))
        except (OSError, json.JSONDecodeError):
            time.sleep(0.02)


def check(what, value, most):
    print(f"{what}: {value:,} (at most {most:,})")
    assert value <= most, what


def list_all(mount, export, pid, file):
    """Names of the crowd, with others that come and go meanwhile; pages asked for until the first."""
    before = stats(pid, file)["calls"]["dir"]
    names, first = [], None
    with os.scandir(mount) as entries:
        for n, entry in enumerate(entries):
            if first is None:
                first = stats(pid, file)["calls"]["dir"] - before
            if entry.name.startswith("file-"):
                names.append(entry.name)
            if n % 997 == 0:
                for root in (mount, export):
                    other = os.path.join(root, f"other-{n}-{len(root)}")
                    os.close(os.open(other, os.O_CREAT | os.O_WRONLY, 0o600))
                    if n % 2:
                        os.unlink(other)
    return names, first


def main():
    mount, export, n, mount_pid, server_pid, file = sys.argv[1:]
    n, mount_pid, server_pid = int(n), int(mount_pid), int(server_pid)
    mount, export = os.path.join(mount, "crowd"), os.path.join(export, "crowd")
    os.mkdir(export)
    for i in range(n):
        os.mknod(os.path.join(export, f"file-{i:07}"), 0o100644)

    for pid in (mount_pid, server_pid):
        forget_peak(pid)
    names, first = list_all(mount, export, mount_pid, file)
    check("pages until the first entry", first, 2)
    assert len(names) == n, f"{len(names)} names of {n}"
    assert len(set(names)) == n, "a name came twice"
    del names
    known = min(n, UNASKED + PAGE_ENTRIES) * INODE
    check("bytes of the mount after listing", memory(mount_pid, "VmHWM"), FLOOR + known)
    check("bytes of the server after listing", memory(server_pid, "VmHWM"), FLOOR + known)

    found = subprocess.run(["find", mount, "-name", "file-*", "-size", "0", "-printf", "x"],
                           check=True, stdout=subprocess.PIPE).stdout
    assert len(found) == n, f"{len(found)} files of {n} found with their sizes"
    print(f"files the mount knows now: {stats(mount_pid, file)['inodes']:,}")
    check("bytes of the mount after visiting all", memory(mount_pid, "VmHWM"), FLOOR + n * INODE)
    check("bytes of the server after visiting all", memory(server_pid, "VmHWM"),
          FLOOR + known)

    for entry in os.scandir(mount):
        os.unlink(entry.path)
    limit = time.monotonic() + 60
    while (left := stats(mount_pid, file)["inodes"]) > 100 and time.monotonic() < limit:
        time.sleep(0.2)
    check("files the mount knows after they were removed", left, 100)


main()
