"""throughput: fts get and put, and a mount's cold read and fsynced write, beside yardsticks.

Each round measures every candidate once, in alternating order, so that a slow moment of the
machine meets all of them; the medians are compared.
"""
import os
import pathlib
import shutil
import statistics
import subprocess
import time

import lab as labs

MIB = 1 << 20
EXAMPLE = pathlib.Path("/usr/share/doc/libfuse3-dev/examples/passthrough_ll.c")

# measured by us / its yardstick / at least this ratio is asked for
PAIRS = [
    ("fts get", "memcpy through the LUN", 0.5),
    ("fts put", "memcpy through the LUN", 0.5),
    ("mount: cold read", "passthrough_ll: cold read", 0.6),
    ("mount: write + fsync", "passthrough_ll: write + fsync", 0.6),
]


def warm_up(folder, size):
    """Lets a virtual machine's host back the memory that the rounds will use."""
    file = folder / "warm-up"
    block = bytes(64 * MIB)
    with open(file, "wb", buffering=0) as out:
        for _ in range(max(1, size // len(block))):
            out.write(block)
    file.unlink()


def build_passthrough(folder):
    """libfuse's example from libfuse3-dev's own source, or None where that is not to be had."""
    if EXAMPLE.exists():
        source = EXAMPLE
    elif pathlib.Path(f"{EXAMPLE}.gz").exists():
        source = folder / EXAMPLE.name
        source.write_text(labs.run("zcat", f"{EXAMPLE}.gz"), encoding="utf-8")
    else:
        return None
    flags = labs.run("pkg-config", "--cflags", "--libs", "fuse3").split()
    target = folder / "passthrough_ll"
    labs.run("cc", "-O2", "-w", f"-I{EXAMPLE.parent}", "-o", target, source, *flags)
    return target


class Bench:
    """The candidates; each method gives bytes a second."""

    def __init__(self, lab, size):
        self.lab, self.size = lab, size
        self.source = lab.root / "source"
        self.local = lab.root / "local"
        self.local.mkdir()
        with open(self.source, "wb", buffering=0) as out:
            block = os.urandom(16 * MIB)
            for _ in range(size // len(block)):
                out.write(block)
        shutil.copyfile(self.source, lab.export / "big")
        self.memory = []
        self.yard_image = lab.root / "yardstick.img"
        with open(self.yard_image, "wb") as image:
            image.write(bytes(4 * MIB))  # as much as one connection's ring
        self.mount = lab.mount("bench")
        self.passthrough = None
        example = build_passthrough(lab.root)
        if example:
            self.passthrough = lab.root / "passthrough"
            self.passthrough.mkdir()
            process = subprocess.Popen([example, "-f", "-o", f"source={lab.export}",
                                        self.passthrough], stderr=subprocess.DEVNULL)
            lab.cleanup.callback(lab.stop, process)
            lab.cleanup.callback(labs.run, "umount", "-l", self.passthrough)
            labs.wait_until("passthrough_ll", 10, lambda: os.path.ismount(self.passthrough))

    def candidates(self):
        yield "memcpy through the LUN", self.memcpy
        yield "fts get", self.get
        yield "fts put", self.put
        yield "mount: cold read", lambda: self.read(self.mount)
        yield "mount: write + fsync", lambda: self.write(self.mount)
        if self.passthrough:
            yield "passthrough_ll: cold read", lambda: self.read(self.passthrough)
            yield "passthrough_ll: write + fsync", lambda: self.write(self.passthrough)

    def memcpy(self):
        target = self.local / "memcpy"
        out = labs.run(labs.BUILD / "tests/bench/memcpy_lun", self.source, self.yard_image,
                       target, self.lab.step)
        target.unlink()
        rates = dict(line.split() for line in out.splitlines())
        self.memory.append(float(rates["memory"]))
        return float(rates["through_lun"])

    def timed(self, *command):
        start = time.monotonic()
        labs.run(*command)
        return self.size / (time.monotonic() - start)

    def get(self):
        target = self.local / "got"
        rate = self.timed(*self.lab.fts("get", "big", target))
        self.check_size(target)
        return rate

    def put(self):
        rate = self.timed(*self.lab.fts("put", self.source, "put"))
        self.check_size(self.lab.export / "put")
        return rate

    def check_size(self, file):
        if file.stat().st_size != self.size:
            raise labs.LabError(f"{file} has {file.stat().st_size} bytes, not {self.size}")
        file.unlink()

    def read(self, root):
        buffer = bytearray(MIB)
        fd = os.open(root / "big", os.O_RDONLY)
        os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_DONTNEED)
        start = time.monotonic()
        total = 0
        while n := os.readv(fd, [buffer]):
            total += n
        took = time.monotonic() - start
        os.close(fd)
        if total != self.size:
            raise labs.LabError(f"read {total} bytes of {self.size}")
        return self.size / took

    def write(self, root):
        block = memoryview(os.urandom(MIB))
        fd = os.open(root / "written", os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
        start = time.monotonic()
        for _ in range(self.size // MIB):
            os.write(fd, block)
        os.fsync(fd)
        took = time.monotonic() - start
        os.close(fd)
        os.unlink(root / "written")
        return self.size / took


def measure(lab, size, rounds):
    """(rows, compared, memory rate): medians, and each against its yardstick."""
    warm_up(lab.root, 4 * size)
    bench = Bench(lab, size)
    rates = {name: [] for name, _ in bench.candidates()}
    for number in range(rounds + 1):
        turn = list(bench.candidates())
        for name, candidate in turn if number % 2 else reversed(turn):
            rate = candidate()
            if number:  # the first round only warms up
                rates[name].append(rate)
    medians = {name: statistics.median(values) for name, values in rates.items()}
    rows = [{"what": name, "bytes_per_second": medians[name],
             "lowest": min(values), "highest": max(values)} for name, values in rates.items()]
    compared = [{"what": ours, "yardstick": theirs, "ratio": medians[ours] / medians[theirs],
                 "asked": asked} for ours, theirs, asked in PAIRS if theirs in medians]
    lab.unmount("bench")
    return rows, compared, statistics.median(bench.memory)


def idle(lab, seconds):
    """CPU of an idle mount and an idle server, in percent of one CPU, and LUN commands a second."""
    lab.mount("idle")
    time.sleep(1)
    before = {name: (labs.cpu_seconds(lab.pid(name)), lab.counters_of(name)) for name in ("idle", "ftsd")}
    time.sleep(seconds)
    rows = []
    for name, title in (("idle", "mount"), ("ftsd", "server")):
        cpu, counters = before[name]
        spent = lab.counters_of(name) - counters
        rows.append({"what": title,
                     "cpu_percent": 100 * (labs.cpu_seconds(lab.pid(name)) - cpu) / seconds,
                     "commands_per_second": (spent.reads + spent.writes) / seconds})
    lab.unmount("idle")
    return rows
