"""paths: what several paths of a limited rate each carry, compared with one of them.

The client reaches the volume over 1, 2 and 4 paths of RATE each (lunpath's layer `rate`); the server
over memory.  The rate is far below what the machine can do, so that paths are what limits.
"""
import os
import statistics
import subprocess
import time

import lab as labs

MIB = 1 << 20
RATE = 16 * MIB
ASKED = {2: 1.9, 4: 3.7}


def volume_over(lab, n_paths):
    return "|".join(f"rate({RATE})+file:{lab.image}?path={number + 2}"
                    for number in range(n_paths))


def transfer(lab, n_paths, *words):
    """Seconds."""
    start = time.monotonic()
    subprocess.run([labs.program("fts"), "--volume", volume_over(lab, n_paths), "server:/demo",
                    *words], check=True, stdout=subprocess.DEVNULL)
    return time.monotonic() - start


def measure(lab, size, rounds):
    """A row for each direction and number of paths."""
    source = lab.root / "paths-source"
    source.write_bytes(os.urandom(size))
    (lab.export / "paths-big").write_bytes(source.read_bytes())
    seconds = {}
    for _ in range(rounds):
        for n_paths in (1, 2, 4):
            put = transfer(lab, n_paths, "put", source, "paths-up")
            get = transfer(lab, n_paths, "get", "paths-big", lab.root / "paths-down")
            (lab.export / "paths-up").unlink()
            (lab.root / "paths-down").unlink()
            seconds.setdefault(("fts put", n_paths), []).append(put)
            seconds.setdefault(("fts get", n_paths), []).append(get)
    medians = {key: statistics.median(values) for key, values in seconds.items()}
    return [{"what": what, "paths": n_paths, "bytes_per_second": size / median,
             "ratio": medians[what, 1] / median, "asked": ASKED.get(n_paths, 1.0)}
            for (what, n_paths), median in sorted(medians.items())]
