"""iscsi: `fts put` and `fts get` over an iSCSI target, beside what the target can do at all.

Through a volume each byte is written by one host and read by the other.  So the target's limit is
how fast one session can write while another reads (lun_raw), in the same rounds.  The transfer
itself is timed by the server: joining a volume takes time of its own.
"""
import os
import pathlib
import shutil
import statistics
import subprocess
import tempfile
import time

import lab as labs

MIB = 1 << 20
TGT = pathlib.Path(__file__).resolve().parents[1] / "lib" / "tgt.sh"


def tgt(command, folder, *words):
    return subprocess.run([TGT, command, folder, *words], check=True, stdout=subprocess.PIPE,
                          text=True).stdout.strip()


def limit(build, spec, size):
    """Bytes a second that one session writes while another reads."""
    both = [subprocess.Popen([build / "tests" / "bench" / "lun_raw", path, verb, str(size)],
                             stdout=subprocess.PIPE, text=True)
            for path, verb in zip(spec.split("|"), ("write", "read"))]
    return size / max(float(process.communicate()[0]) for process in both)


def server_seconds(pid, file, what):
    return labs.ask_stats(pid, file)["time_us"][what] / 1e6


def transfers(spec, folder, size, rounds):
    """Rates of each round, by command."""
    export, source = folder / "export", folder / "source"
    export.mkdir()
    source.write_bytes(os.urandom(MIB) * (size // MIB))
    subprocess.run([labs.program("fts-format"), "--quiet", "--force", "--io-timeout-ms", "500",
                    spec], check=True)
    ready, stats = folder / "ready", folder / "stats.json"
    server = subprocess.Popen([labs.program("ftsd"), "--foreground", "--pid-file", ready,
                               "--volume", spec, "--name", "server", "--stats-file", stats,
                               "--export", f"demo={export}:rw"], stderr=subprocess.DEVNULL)
    try:
        while not (ready.exists() and ready.stat().st_size):
            time.sleep(0.05)
        rates = {"put": [], "get": []}
        for _ in range(rounds):
            for what, words in (("put", (source, "big")), ("get", ("big", folder / "back"))):
                before = server_seconds(server.pid, stats, what)
                subprocess.run([labs.program("fts"), "--volume", spec, "server:/demo", what, "-f",
                                *words], check=True, stdout=subprocess.DEVNULL)
                rates[what].append(size / (server_seconds(server.pid, stats, what) - before))
        return rates
    finally:
        server.terminate()
        server.wait()


def measure(build, size, rounds):
    """A row for each direction; empty without tgtd."""
    folder = pathlib.Path(tempfile.mkdtemp(prefix="fts-bench-", dir="/dev/shm"))
    try:
        tgt("start", folder, "1G", "2")
        spec = tgt("paths", folder)
        limits = [limit(build, spec, size) for _ in range(rounds)]
        rates = transfers(spec, folder, size, rounds)
        best = statistics.median(limits + [limit(build, spec, size) for _ in range(rounds)])
        return [{"what": f"fts {what}", "bytes_per_second": statistics.median(values),
                 "limit": best, "ratio": statistics.median(values) / best, "asked": 0.8}
                for what, values in rates.items()]
    finally:
        subprocess.run([TGT, "stop", folder], check=False)
        shutil.rmtree(folder, ignore_errors=True)
