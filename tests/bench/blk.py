"""blk: a path to a block device by io_uring, beside one by the path's own threads.

On a loop device over shared memory: what is measured is the way there, not a disk.  Both ways take
turns within each round.  The CPU time is that of the program that moves the data; what the
kernel's loop device does on its own threads is the same for both.  Each way has its own depth, 32
and 8.
"""
import contextlib
import os
import statistics
import subprocess
import tempfile

import lab as labs

MIB = 1 << 20
SHAPES = [(4096, 1), (4096, 8), (4096, 32), (4096, 128), (256 * 1024, 4), (256 * 1024, 16)]
WAYS = {"io_uring": 1, "threads": 0}


@contextlib.contextmanager
def loop_device(size):
    with tempfile.NamedTemporaryFile(prefix="fts-blk.", dir="/dev/shm") as image:
        image.truncate(size)
        node = labs.run("losetup", "--find", "--show", image.name).strip()
        try:
            yield node
        finally:
            labs.run("losetup", "--detach", node)


def move(path, verb, length, depth, size):
    """Seconds, and CPU seconds."""
    command = [str(labs.BUILD / "tests" / "bench" / "lun_raw"), "-l", str(length), "-d", str(depth),
               path, verb, str(size)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        printed = process.stdout.read()
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        raise labs.LabError(f"{' '.join(command)} ended with status {process.returncode}")
    return float(printed), used.ru_utime + used.ru_stime


def measure(size, rounds):
    """A row for each direction, length and number of transfers."""
    seen = {}
    with loop_device(min(size, 512 * MIB)) as node:
        for _ in range(rounds + 1):  # the first one warms the memory up
            for verb in ("read", "write"):
                for length, depth in SHAPES:
                    for way, option in WAYS.items():
                        part = size if length > 4096 else size // 8
                        seconds, cpu = move(f"blk:{node}?uring={option}", verb, length, depth, part)
                        seen.setdefault((verb, length, depth, way), []).append(
                            (part / seconds, cpu * 1e6 * MIB / part))
    rows = []
    for verb, length, depth, way in seen:
        if way != "io_uring":
            continue
        numbers = {name: [statistics.median(column) for column in
                          zip(*seen[verb, length, depth, name][1:])] for name in WAYS}
        rows.append({"what": f"{verb} {length // 1024} KiB", "depth": depth,
                     "bytes_per_second": numbers["io_uring"][0],
                     "threads_bytes_per_second": numbers["threads"][0],
                     "ratio": numbers["io_uring"][0] / numbers["threads"][0],
                     "us_per_mib": numbers["io_uring"][1],
                     "threads_us_per_mib": numbers["threads"][1]})
    return rows
