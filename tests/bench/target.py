"""target: a private iSCSI target (tests/lib/tgt.sh) and a server on a volume of its LUN."""
import contextlib
import os
import pathlib
import shutil
import subprocess
import tempfile

import lab as labs

CGROUPS = pathlib.Path("/sys/fs/cgroup")
PERIOD_US = 10000
TGT = pathlib.Path(__file__).resolve().parents[1] / "lib" / "tgt.sh"


class Target:
    """with Target(portals) as target: target.paths are the lunpath names of its LUN."""

    def __init__(self, portals=2, size="1G"):
        self.cleanup = contextlib.ExitStack()
        self.root = pathlib.Path(tempfile.mkdtemp(prefix="fts-bench-", dir="/dev/shm"))
        self.cleanup.callback(shutil.rmtree, self.root, ignore_errors=True)
        self.portals, self.size = portals, size
        self.files = self.root / "files"
        self.export = self.files / "export"
        self.stats = self.root / "stats.json"
        self.server = None

    def __enter__(self):
        try:
            self.mount_files()
            self.cleanup.callback(subprocess.run, [TGT, "stop", self.root], check=False)
            self.tgt("start", self.size, self.portals)
            self.paths = self.tgt("paths").split("|")
        except BaseException:
            self.cleanup.close()
            raise
        return self

    def __exit__(self, *_):
        self.cleanup.close()

    def mount_files(self):
        """A tmpfs of large pages, as the page cache of a disk's file system has them: the 256 small
        pages of a MiB cost more than its transfer."""
        self.files.mkdir()
        labs.run("mount", "-t", "tmpfs", "-o", "huge=within_size", "bench", self.files)
        self.cleanup.callback(labs.run, "umount", self.files)
        self.export.mkdir()

    def tgt(self, command, *words):
        return labs.run(TGT, command, self.root, *words).strip()

    @property
    def pid(self):
        return int((self.root / "tgt.pid").read_text())

    @contextlib.contextmanager
    def held_to(self, share):
        """The target gets SHARE of one CPU meanwhile, as one that is a machine of its own has a limit
        of its own.  By control groups, version 2 or 1; LabError where there are none."""
        two = (CGROUPS / "cgroup.controllers").exists()
        group = (CGROUPS if two else CGROUPS / "cpu") / f"fts-bench-{os.getpid()}"
        quota = int(PERIOD_US * share)
        try:
            if two:
                (CGROUPS / "cgroup.subtree_control").write_text("+cpu")
            group.mkdir()
        except OSError as error:
            raise labs.LabError(f"no control group for the target: {error}") from error
        try:
            if two:
                (group / "cpu.max").write_text(f"{quota} {PERIOD_US}")
            else:
                (group / "cpu.cfs_period_us").write_text(str(PERIOD_US))
                (group / "cpu.cfs_quota_us").write_text(str(quota))
            (group / "cgroup.procs").write_text(str(self.pid))
            yield
        finally:
            with contextlib.suppress(OSError):
                (group.parent / "cgroup.procs").write_text(str(self.pid))
            group.rmdir()

    def serve(self, volume, *format_options):
        """Formats VOLUME and starts a server on it."""
        labs.run(labs.program("fts-format"), "--quiet", "--force", *format_options, volume)
        ready = self.root / "ready"
        with open(self.root / "ftsd.log", "w", encoding="utf-8") as log:
            self.server = subprocess.Popen(
                [labs.program("ftsd"), "--foreground", "--pid-file", ready, "--volume", volume,
                 "--name", "server", "--stats-file", self.stats,
                 "--export", f"demo={self.export}:rw"], stdout=log, stderr=log)
        self.cleanup.callback(self.end_server)
        labs.wait_until("server", 60, lambda: ready.exists() and ready.stat().st_size)

    def end_server(self):
        self.server.terminate()
        try:
            self.server.wait(30)
        except subprocess.TimeoutExpired:
            self.server.kill()
            self.server.wait()

    def server_stats(self):
        return labs.ask_stats(self.server.pid, self.stats)
