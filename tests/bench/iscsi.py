"""iscsi: `fts put` and `fts get` over an iSCSI target, beside what the target can do at all.

Through a volume each byte is written by one host and read by the other.  So the target's limit is
how fast one session can write while another reads (lun_raw), in the same rounds and on a LUN of its
own; client and server have one session each, too.  The transfer itself is timed by the server.  Where the CPU's time goes is measured beside it: on
a small machine it is what all of them share.

That is why the limit is shown with files, too: what a program without any protocol would reach that
reads a file, writes the LUN, reads the LUN and writes a file.

On such a machine the two CPUs are the limit, and not the target.  So all is measured once more with a
target that has a limit of its own, as one that is a machine of its own: it is held to a share of
one CPU.  What is asked for counts from there.

One client gets its commands on standard input, and just before each of them as much memory is used
and freed as the transfer will take: a virtual machine gives memory that was free for a second back
to its host, and to get it again costs more than the transfer.
"""
import os
import statistics
import subprocess

import lab as labs
import target as targets
import throughput

MIB = 1 << 20
ASKED = 0.8
SHARE = 0.5  # of a CPU, for the target that is held
# Fewer and larger updates than by default: each is a command that the target has to serve.
RING = ("--entries", "64", "--multi-buffer", "8")


class Bench:
    """The candidates; each method gives the seconds of one run."""

    def __init__(self, target, size):
        self.target, self.size = target, size
        target.tgt("lun", 2, "1G")
        self.raw_paths = [path.removesuffix("/1") + "/2" for path in target.paths[:2]]
        self.source = target.files / "source"
        self.source.write_bytes(os.urandom(MIB) * (size // MIB))
        (target.export / "big").write_bytes(self.source.read_bytes())
        target.serve(target.paths[1], "--io-timeout-ms", "500", *RING)
        self.client = subprocess.Popen(
            [labs.program("fts"), "--volume", target.paths[0], "server:/demo"], text=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        target.cleanup.callback(self.leave)
        self.tell("pwd")

    def leave(self):
        self.client.stdin.close()
        try:
            self.client.wait(30)
        except subprocess.TimeoutExpired:
            self.client.kill()
            self.client.wait()

    def tell(self, command):
        """Has the client do COMMAND, and waits until it has."""
        self.client.stdin.write(f"{command}\npwd\n" if command != "pwd" else "pwd\n")
        self.client.stdin.flush()
        while (line := self.client.stdout.readline()) != "/\n":
            if not line:
                raise labs.LabError(f"fts ended at \"{command}\"")

    def limit(self, *files):
        """One session writes while another reads."""
        both = [subprocess.Popen([labs.BUILD / "tests" / "bench" / "lun_raw", path, verb,
                                  str(self.size), *file], stdout=subprocess.PIPE, text=True)
                for path, verb, *file in zip(self.raw_paths, ("write", "read"),
                                             *([files] if files else []))]
        answers = [process.communicate()[0] for process in both]
        if any(process.returncode for process in both):
            raise labs.LabError("the target's limit could not be measured: a transfer failed")
        return max(map(float, answers))

    def limit_with_files(self):
        """The first reads a file for that, and the other writes one."""
        copy = self.target.files / "copy"
        seconds = self.limit(self.source, copy)
        copy.unlink()
        return seconds

    def transfer(self, what, words):
        return labs.server_seconds(self.target.server_stats, what,
                                   lambda: self.tell(f"{what} {words}"))

    def put(self):
        seconds = self.transfer("put", f"{self.source} put")
        (self.target.export / "put").unlink()
        return seconds

    def get(self):
        seconds = self.transfer("get", f"big {self.target.files}/back")
        (self.target.files / "back").unlink()
        return seconds

    def measured(self, candidate):
        """Seconds of the run, and of the CPU: of the target, and of all else of ours."""
        throughput.warm_up(self.target.files, self.size)
        pids = (self.client.pid, self.target.server.pid)
        children = os.times()
        before = sum(map(labs.cpu_seconds, pids))
        target = labs.cpu_seconds(self.target.pid)
        seconds = candidate(self)
        after = os.times()
        return {"seconds": seconds, "target": labs.cpu_seconds(self.target.pid) - target,
                "ours": sum(map(labs.cpu_seconds, pids)) - before +
                after.children_user + after.children_system -
                children.children_user - children.children_system}


def row(what, size, runs, best, asked):
    def median(key):
        return statistics.median(run[key] for run in runs)
    rates = [size / run["seconds"] for run in runs]
    rate = statistics.median(rates)
    return {"what": what, "bytes_per_second": rate, "lowest": min(rates), "highest": max(rates),
            "target_us_per_mib": median("target") * 1e6 / (size / MIB),
            "ours_us_per_mib": median("ours") * 1e6 / (size / MIB),
            **({"ratio": rate / best} if best else {}), **({"asked": asked} if asked else {})}


def compare(bench, candidates, rounds, asked):
    """A row for each; the first is the limit.  In alternating rounds, of which the first warms up."""
    runs = {name: [] for name in candidates}
    for number in range(rounds + 1):
        for name in candidates if number % 2 else reversed(candidates):
            run = bench.measured(candidates[name])
            if number:
                runs[name].append(run)
    limit, *others = candidates
    first = row(limit, bench.size, runs[limit], None, None)
    return [first, *(row(name, bench.size, runs[name], first["bytes_per_second"], asked)
                     for name in others)]


def measure(size, rounds):
    """What shares the machine's CPUs, and with a target that has a limit of its own."""
    transfers = {"fts put": Bench.put, "fts get": Bench.get}
    with targets.Target() as target:
        bench = Bench(target, size)
        shared = compare(bench, {"target's limit": Bench.limit,
                                 "the same, of files": Bench.limit_with_files, **transfers},
                         rounds, None)
        with target.held_to(SHARE):
            held = compare(bench, {"target's limit": Bench.limit, **transfers}, rounds, ASKED)
    return {"shared": shared, "held": held}


def below_asked(rows):
    """What did not reach what was asked."""
    for each in rows:
        if "asked" in each and each["ratio"] < each["asked"]:
            yield f"{each['what']}: {each['ratio']:.2f} of the target's limit, {ASKED} asked"
