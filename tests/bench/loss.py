"""loss: what the loss and the return of paths costs a transfer, with the default settings of paths.

A client reaches an iSCSI target over two paths of RATE each, each through a cable (tests/lib/relay.py)
that is silenced, cut and mended in the middle of a put; the server has paths of its own.  What is
measured is seen from outside: how long the file over there does not grow.
"""
import contextlib
import os
import pathlib
import signal
import subprocess
import threading
import time

import lab as labs
import target as targets

MIB = 1 << 20
RATE = 16 * MIB
RELAY = pathlib.Path(__file__).resolve().parents[1] / "lib" / "relay.py"
WAIT_MS = 3000
ASKED = {"one of two paths falls silent: the transfer stands still": 5.0,
         "one of two paths is cut: the transfer stands still": 5.0,
         "a path returns: until it carries data": 10.0}


class Cable:
    """A path's way to PORTAL."""

    def __init__(self, target, number):
        self.portal = (target.root / "tgt.portals").read_text().split()[number]
        self.name = target.paths[number]
        self.count = target.root / f"cable{number}"
        self.address, self.process = "127.0.0.1:0", None
        self.mend()
        target.cleanup.callback(self.cut)

    @property
    def path(self):
        return f"rate({RATE})+{self.name.replace(self.portal, self.address)}"

    def mend(self):
        self.process = subprocess.Popen([RELAY, self.count, self.portal, self.address],
                                        stdout=subprocess.PIPE, text=True)
        self.address = self.process.stdout.readline().strip()

    def silence(self):
        self.process.send_signal(signal.SIGSTOP)

    def cut(self):
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()

    def carried(self):
        return int(self.count.read_text())


class Growth:
    """Watches the export grow: the longest time without, since reset."""

    def __init__(self, folder):
        self.folder, self.size, self.longest = folder, 0, 0.0
        self.since = time.monotonic()
        self.ends = threading.Event()
        self.thread = threading.Thread(target=self.watch)
        self.thread.start()

    def watch(self):
        while not self.ends.wait(0.005):
            size = 0
            with contextlib.suppress(OSError):
                size = sum(entry.stat().st_size for entry in os.scandir(self.folder))
            now = time.monotonic()
            if size != self.size:
                self.since, self.size = now, size
            self.longest = max(self.longest, now - self.since)

    def reset(self):
        self.longest = 0.0

    def wait_for_more(self, n_bytes):
        goal = self.size + n_bytes
        labs.wait_until("progress of the transfer", 120, lambda: self.size >= goal)

    def stop(self):
        self.ends.set()
        self.thread.join()


class Bench:
    def __init__(self, target):
        self.target = target
        self.cables = [Cable(target, number) for number in (0, 1)]
        self.source = target.root / "source"
        self.source.write_bytes(os.urandom(MIB) * 512)
        # The lock of a volume on tgtd takes twice this time; a try of a command is 4 s all the same.
        target.serve("|".join(target.paths[2:]), "--io-timeout-ms", "8000")
        self.growth = Growth(target.export)
        target.cleanup.callback(self.growth.stop)
        self.rows = []

    def put(self, name, *options):
        volume = "|".join([cable.path for cable in self.cables] + list(options))
        process = subprocess.Popen([labs.program("fts"), "--volume", volume, "server:/demo", "put",
                                    "-f", self.source, name], stderr=subprocess.PIPE, text=True)
        self.target.cleanup.callback(process.kill)
        self.growth.wait_for_more(16 * MIB)
        return process

    def note(self, what, seconds):
        self.rows.append({"what": what, "seconds": seconds,
                          **({"asked": ASKED[what]} if what in ASKED else {})})

    def stand_still(self, what, act, cable):
        self.growth.reset()
        act()
        self.growth.wait_for_more(16 * MIB)
        self.note(f"one of two paths {what}: the transfer stands still", self.growth.longest)
        cable.cut()
        start = time.monotonic()
        cable.mend()
        labs.wait_until("data on the path that returned", 120, lambda: cable.carried() > 2 * MIB)
        self.note("a path returns: until it carries data", time.monotonic() - start)

    def lose_one(self):
        process = self.put("big")
        for cable, what, act in ((self.cables[0], "falls silent", self.cables[0].silence),
                                 (self.cables[1], "is cut", self.cables[1].cut)):
            self.stand_still(what, act, cable)
        _, errors = process.communicate()
        if process.returncode != 0:
            raise labs.LabError(f"the put that lost paths failed: {errors}")

    def lose_all(self):
        process = self.put("other", f"?no-path-wait-ms={WAIT_MS}")
        start = time.monotonic()
        for cable in self.cables:
            cable.cut()
        labs.wait_until("end of the put", 120, lambda: process.poll() is not None)
        seconds = time.monotonic() - start
        errors = process.communicate()[1]
        if process.returncode == 0 or "no path" not in errors:
            raise labs.LabError(f"a put without a path ended with {process.returncode}: {errors}")
        self.note(f"no path: until the put fails (wait of {WAIT_MS / 1000:.0f} s set; it says good-bye"
                  " too)", seconds)
        for cable in self.cables:
            cable.mend()
        start = time.monotonic()
        process = self.put("third")
        self.note("paths are back: until the next put goes (it joins the volume first)",
                  time.monotonic() - start)


def measure():
    with targets.Target(portals=3) as target:
        bench = Bench(target)
        bench.lose_one()
        bench.lose_all()
        return bench.rows


def above_asked(rows):
    for row in rows:
        if "asked" in row and row["seconds"] > row["asked"]:
            yield f"{row['what']}: {row['seconds']:.1f} s, {row['asked']} s asked"
