"""lab: a volume with a server and a mount of its own, through the public programs.

Everything lies in one private directory, in /dev/shm where there is one; several labs run side by
side.  A lab ends only processes that it started.  Root, for mounts.
"""
import contextlib
import dataclasses
import json
import os
import pathlib
import shutil
import signal
import subprocess
import tempfile
import time

SOURCE = pathlib.Path(os.environ.get("FTS_SOURCE") or pathlib.Path(__file__).resolve().parents[2])
BUILD = pathlib.Path(os.environ.get("FTS_BUILD") or SOURCE / "build")


class LabError(Exception):
    """A program of the lab did not do its part; the message has its output."""


def program(name):
    """Where the build has it: each program lies in a folder of its own."""
    for found in (BUILD / "src" / "prog").glob(f"*/{name}"):
        if found.is_file():
            return str(found)
    raise LabError(f"{BUILD} has no {name}")


def run(*command, **options):
    result = subprocess.run([str(word) for word in command], check=False, capture_output=True,
                            text=True, **options)
    if result.returncode != 0:
        raise LabError(f"{' '.join(map(str, command))} ended with status {result.returncode}:\n"
                       f"{result.stdout}{result.stderr}")
    return result.stdout


def wait_until(what, seconds, condition):
    limit = time.monotonic() + seconds
    while not (value := condition()):
        if time.monotonic() > limit:
            raise LabError(f"no {what} within {seconds} s")
        time.sleep(0.01)
    return value


@dataclasses.dataclass
class Counters:
    """Of one process or several, since it started."""
    reads: int = 0
    writes: int = 0
    read_bytes: int = 0
    written_bytes: int = 0
    polls: int = 0
    pairs: int = 0

    def __add__(self, other):
        return Counters(*(a + b for a, b in zip(dataclasses.astuple(self),
                                                dataclasses.astuple(other))))

    def __sub__(self, other):
        return Counters(*(a - b for a, b in zip(dataclasses.astuple(self),
                                                dataclasses.astuple(other))))


def counters_from(stats):
    """Of the JSON that ftsd and ftsfs write at SIGUSR1; requests are counted where they are made."""
    total = Counters(pairs=sum(stats["calls"].values()) if "source" in stats else 0)
    for device in stats["lun"]:
        total += Counters(device["reads"], device["writes"], device["read_bytes"],
                          device["written_bytes"], device["polls"], 0)
    return total


def started(pid):
    """When, in ticks since the machine's start."""
    stat = pathlib.Path(f"/proc/{pid}/stat").read_text(encoding="ascii")
    return int(stat.rsplit(")", 1)[1].split()[19])


def mount_pid(where):
    """The ftsfs that serves WHERE: it has the directory in its command line, as the one that keeps it,
    which is older."""
    wanted = os.fsencode(str(where))
    found = []
    for entry in os.scandir("/proc"):
        if entry.name.isdigit():
            with contextlib.suppress(OSError):
                words = pathlib.Path(entry.path, "cmdline").read_bytes().split(b"\0")
                if words[0].endswith(b"ftsfs") and wanted in words:
                    found.append((started(entry.name), int(entry.name)))
    if not found:
        raise LabError(f"no ftsfs serves {where}")
    return max(found)[1]


def ask_stats(pid, file):
    """The counters of a running ftsd or ftsfs that writes them to FILE at SIGUSR1."""
    file = pathlib.Path(file)
    file.unlink(missing_ok=True)
    os.kill(pid, signal.SIGUSR1)

    def read():
        with contextlib.suppress(OSError, json.JSONDecodeError):
            return json.loads(file.read_text(encoding="utf-8"))
        return None
    return wait_until(f"counters in {file}", 5, read)


def server_seconds(stats, what, do):
    """What the server of STATS() counts for the transfer WHAT that DO makes; it does so after its
    answer."""
    before = stats()["time_us"][what]
    do()
    return wait_until(f"time of the {what}", 5, lambda: stats()["time_us"][what] - before) / 1e6


def cpu_seconds(pid):
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rsplit(")", 1)[1]
    user, system = fields.split()[11:13]
    return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")


class Lab:
    """with Lab() as lab: lab.export is served, and lab.mount(...) shows it."""

    def __init__(self, size="768M", heartbeat_ms=5000, format_options=()):
        self.root = pathlib.Path(tempfile.mkdtemp(
            prefix="fts-lab.", dir="/dev/shm" if os.access("/dev/shm", os.W_OK) else None))
        self.cleanup = contextlib.ExitStack()
        self.cleanup.callback(shutil.rmtree, self.root, ignore_errors=True)
        self.image = self.root / "lun.img"
        self.volume = f"file:{self.image}"
        self.export = self.root / "export"
        self.export.mkdir()
        self.step = 256 * 1024 - 512  # payload of a segment as fts-format makes it by default
        self.server = None
        self.mounts = {}
        self.size, self.heartbeat_ms, self.format_options = size, heartbeat_ms, format_options

    def __enter__(self):
        try:
            self.start()
        except BaseException:
            self.cleanup.close()
            raise
        return self

    def __exit__(self, *_):
        self.cleanup.close()

    def start(self):
        run(program("fts-format"), "--quiet", "--size", self.size,
            "--heartbeat-ms", self.heartbeat_ms, "--dead-ms", 10 * self.heartbeat_ms,
            *self.format_options, self.volume)
        ready = self.root / "ftsd.pid"
        with open(self.root / "ftsd.log", "w", encoding="utf-8") as log:
            self.server = subprocess.Popen(
                [program("ftsd"), "--foreground", "--pid-file", ready, "--volume", self.volume,
                 "--name", "server", "--export", f"demo={self.export}",
                 "--stats-file", self.root / "ftsd.json"], stdout=log, stderr=log)
        self.cleanup.callback(self.stop, self.server)
        wait_until("server", 10, ready.exists)

    def stop(self, process):
        if process.poll() is None:
            process.terminate()
            try:
                process.wait(15)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def mount(self, name="mnt", options=""):
        """Mounts the export at a new directory and returns it."""
        where = self.root / name
        where.mkdir(exist_ok=True)
        stats = self.root / f"{name}.json"
        run(SOURCE / "contrib/lab/mount", program("ftsfs"), "server:/demo", where,
            f"volume={self.volume},name={name},stats={stats}" + (options and f",{options}"))
        self.mounts[name] = mount_pid(where)
        self.cleanup.callback(self.unmount, name)
        return where

    def unmount(self, name):
        if name in self.mounts:
            pid = self.mounts.pop(name)
            run("umount", self.root / name)
            wait_until(f"end of ftsfs {pid}", 15, lambda: not alive(pid))

    def stats(self, name):
        """Counters of "ftsd" or of a mount, as they are now."""
        return ask_stats(self.pid(name), self.root / f"{name}.json")

    def pid(self, name):
        return self.server.pid if name == "ftsd" else self.mounts[name]

    def fts(self, *words):
        """A command line of the client."""
        return [program("fts"), "--volume", self.volume, "server:/demo", *words]

    def counters_of(self, name):
        """The Counters of one process."""
        return counters_from(self.stats(name))

    def counters(self, mount):
        """Both sides of MOUNT together."""
        return self.counters_of(mount) + self.counters_of("ftsd")


def alive(pid):
    """Still an ftsfs: a zombie has no command line, and the number may be another's by now."""
    try:
        words = pathlib.Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    except OSError:
        return False
    return words[0].endswith(b"ftsfs")


def drop_caches():
    """The kernel forgets what it knows of files, so that the next read is a cold one."""
    pathlib.Path("/proc/sys/vm/drop_caches").write_text("3", encoding="ascii")
