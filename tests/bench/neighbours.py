"""neighbours: what programs do with many files, beside sshfs and libfuse's passthrough_ll.

The three mounts show the same directory: ours over the file LUN, sshfs over an sshd of its own on
loopback, and passthrough_ll, which marks what FUSE itself allows.  Each round measures every
candidate, in alternating order.  Cold means: mounted for this measurement, so that neither
the kernel nor the program knows anything.
"""
import contextlib
import os
import pathlib
import shutil
import socket
import statistics
import subprocess
import time

import lab as labs
import throughput

MIB = 1 << 20
FILES = 2000
READS = 4000
# For ls, and where files are made, the kernel asks each file for extended attributes.  sshfs has none, and
# passthrough_ll only when told: measured with like beside like, once without them and once with what
# there are.
WITHOUT_XATTR = "without"
WITH_XATTR = "with"
SHORT_ONES = 3  # times a round: they take less than a second, which varies
SFTP = "/usr/lib/openssh/sftp-server"

# what is measured / at least so many times sshfs / at least so much of passthrough_ll
ASKED = {
    "create+write 4 KiB": (3, 0.6),
    "create+write 4 KiB, xattr": (3, 0.6),
    "tar, cold": (3, 0.8),
    "ls -lR, cold": (2, 0.6),
    "ls -lR, cold, xattr": (None, 0.6),
    "rm -rf": (2, None),
    "read, cold": (3, 0.7),
    "write+fsync": (3, 0.7),
    "random 4 KiB reads": (4, 0.4),
}


class Ftsfs:
    name = "ftsfs"

    def __init__(self, lab):
        self.lab, self.number = lab, 0

    def mount(self, what=None):
        self.number += 1
        return self.lab.mount(f"ftsfs{self.number}", "noxattr" if what == WITHOUT_XATTR else "")

    def unmount(self):
        self.lab.unmount(f"ftsfs{self.number}")


class Foreign:
    """A FUSE program that stays in the foreground, so that it is ours to end."""

    def __init__(self, lab, name):
        self.lab, self.name = lab, name
        self.where = lab.root / f"{name}.mnt"
        self.where.mkdir()
        self.process = None
        lab.cleanup.callback(self.unmount)

    def command(self, what):
        raise NotImplementedError

    def mount(self, what=None):
        with open(self.lab.root / f"{self.name}.log", "ab") as log:
            self.process = subprocess.Popen(self.command(what), stdin=subprocess.DEVNULL,
                                            stdout=log, stderr=log)
        labs.wait_until(self.name, 10, lambda: os.path.ismount(self.where))
        return self.where

    def unmount(self):
        if self.process is None:
            return
        subprocess.run(["umount", self.where], check=False)
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(10)
        if self.process.poll() is None:
            subprocess.run(["umount", "-l", self.where], check=False)
            self.lab.stop(self.process)
        self.process = None


class Passthrough(Foreign):
    def __init__(self, lab, program):
        super().__init__(lab, "passthrough_ll")
        self.program = program

    def command(self, what):
        xattr = ",xattr" if what == WITH_XATTR else ""
        return [self.program, "-f", "-o", f"source={self.lab.export}{xattr}", self.where]


class Sshfs(Foreign):
    """Debian's sshfs and an sshd with keys, port and configuration of its own."""

    def __init__(self, lab):
        super().__init__(lab, "sshfs")
        self.folder = lab.root / "ssh"
        self.folder.mkdir(mode=0o700)
        for key in ("host", "user"):
            labs.run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", self.folder / key)
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = free.getsockname()[1]
        config = self.folder / "sshd_config"
        config.write_text(
            f"Port {self.port}\nListenAddress 127.0.0.1\nHostKey {self.folder}/host\n"
            f"AuthorizedKeysFile {self.folder}/user.pub\nPidFile none\nUsePAM no\n"
            "PasswordAuthentication no\nPermitRootLogin prohibit-password\nStrictModes no\n"
            f"Subsystem sftp {SFTP}\n", encoding="ascii")
        pathlib.Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)
        with open(self.folder / "log", "wb") as log:
            server = subprocess.Popen(["/usr/sbin/sshd", "-D", "-e", "-f", config],
                                      stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        lab.cleanup.callback(lab.stop, server)
        labs.wait_until("sshd", 10, self.answers)

    def answers(self):
        with contextlib.suppress(OSError):
            socket.create_connection(("127.0.0.1", self.port), 1).close()
            return True
        return False

    def command(self, _):
        return ["sshfs", "-f", "-p", str(self.port), "-o",
                f"max_conns=2,IdentityFile={self.folder}/user,IdentitiesOnly=yes,"
                "UserKnownHostsFile=/dev/null,StrictHostKeyChecking=no,LogLevel=ERROR",
                f"root@127.0.0.1:{self.lab.export}", self.where]


class Bench:
    """One method a row of ASKED: seconds, or bytes a second turned into seconds."""

    def __init__(self, lab, size):
        self.lab, self.size = lab, size
        self.candidates = [Ftsfs(lab)]
        program = throughput.build_passthrough(lab.root)
        if program:
            self.candidates.append(Passthrough(lab, program))
        if shutil.which("sshfs") and os.path.exists("/usr/sbin/sshd"):
            self.candidates.append(Sshfs(lab))
        big = lab.export / "big"
        with open(big, "wb", buffering=0) as out:
            block = os.urandom(16 * MIB)
            for _ in range(size // len(block)):
                out.write(block)

    @contextlib.contextmanager
    def cold(self, candidate, what=None):
        where = candidate.mount(what)
        try:
            yield where
        finally:
            candidate.unmount()

    @staticmethod
    def timed(*command):
        start = time.monotonic()
        labs.run(*command, env={**os.environ, "LC_ALL": "C"})
        return time.monotonic() - start

    @staticmethod
    def load(*words):
        return float(labs.run(labs.BUILD / "tests/bench/file_load", *words))

    def measure(self, candidate):
        """What was measured and its seconds, in one pass."""
        for _ in range(SHORT_ONES):
            yield from self.measure_short_ones(candidate)
        with self.cold(candidate) as where:
            yield "read, cold", self.read(where / "big")
            yield "write+fsync", self.write(where / "written")

    def measure_short_ones(self, candidate):
        with self.cold(candidate, WITHOUT_XATTR) as where:
            (where / "plain").mkdir()
            yield "create+write 4 KiB", self.load("create", where / "plain", FILES)
        shutil.rmtree(self.lab.export / "plain")
        with self.cold(candidate, WITH_XATTR) as where:
            (where / "tree").mkdir()
            yield "create+write 4 KiB, xattr", self.load("create", where / "tree", FILES)
        with self.cold(candidate) as where:
            archive = self.lab.root / "tree.tar"
            yield "tar, cold", self.timed("tar", "-C", where, "-cf", archive, "tree")
            archive.unlink()
        with self.cold(candidate, WITHOUT_XATTR) as where:
            yield "ls -lR, cold", self.timed("ls", "-lR", where / "tree")
        with self.cold(candidate, WITH_XATTR) as where:
            yield "ls -lR, cold, xattr", self.timed("ls", "-lR", where / "tree")
        with self.cold(candidate) as where:
            yield "rm -rf", self.timed("rm", "-rf", where / "tree")
        with self.cold(candidate) as where:
            yield "random 4 KiB reads", self.load("random", where / "big", READS)

    def read(self, file):
        buffer = bytearray(MIB)
        with open(file, "rb", buffering=0) as source:
            start = time.monotonic()
            total = 0
            while n := source.readinto(buffer):
                total += n
        if total != self.size:
            raise labs.LabError(f"read {total} bytes of {self.size}")
        return time.monotonic() - start

    def write(self, file):
        block = memoryview(os.urandom(MIB))
        with open(file, "wb", buffering=0) as out:
            start = time.monotonic()
            for _ in range(self.size // MIB):
                out.write(block)
            os.fsync(out.fileno())
            took = time.monotonic() - start
        file.unlink()
        return took


def measure(lab, size, rounds):
    """A row for each thing measured and each neighbour: medians and their ratio."""
    throughput.warm_up(lab.root, 3 * size)
    bench = Bench(lab, size)
    seconds = {}
    for number in range(rounds + 1):
        for candidate in bench.candidates if number % 2 else reversed(bench.candidates):
            for what, took in bench.measure(candidate):
                if number:  # the first round only warms up
                    seconds.setdefault((what, candidate.name), []).append(took)
    medians = {key: statistics.median(values) for key, values in seconds.items()}
    rows = []
    for what, asked in ASKED.items():
        for neighbour, limit in zip(("sshfs", "passthrough_ll"), asked):
            if (what, neighbour) in medians:
                rows.append({"what": what, "neighbour": neighbour,
                             "seconds": medians[what, "ftsfs"],
                             "neighbour_seconds": medians[what, neighbour],
                             "ratio": medians[what, neighbour] / medians[what, "ftsfs"],
                             **({"asked": limit} if limit else {})})
    return rows


def below_asked(rows):
    """One line for each ratio that is lower than what was asked for."""
    for row in rows:
        if row["ratio"] < row.get("asked", 0):
            yield (f"{row['what']}: {row['ratio']:.2f} of {row['neighbour']}, "
                   f"{row['asked']} are asked for")
