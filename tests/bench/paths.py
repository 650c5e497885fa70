"""paths: what several paths of a limited rate each carry, compared with one of them.

The client reaches the volume over 1, 2 and 4 paths of RATE each (lunpath's layer `rate`): paths to a
file LUN, or portals of an iSCSI target.  The server's paths are not limited, and it times the
transfers.  The rate is far below what the machine can do, so that paths are what limits.
"""
import os
import statistics
import subprocess

import lab as labs
import target as targets

MIB = 1 << 20
RATE = 16 * MIB
ASKED = {2: 1.9, 4: 3.7}


def volume_over(paths, n_paths):
    return "|".join(f"rate({RATE})+{path}" for path in paths[:n_paths])


def transfer(paths, n_paths, server_stats, what, *words):
    """Seconds."""
    return labs.server_seconds(server_stats, what, lambda: subprocess.run(
        [labs.program("fts"), "--volume", volume_over(paths, n_paths), "server:/demo", what,
         *words], check=True, stdout=subprocess.DEVNULL))


def compare(root, export, paths, server_stats, size, rounds):
    """A row for each direction and number of paths."""
    source = root / "paths-source"
    source.write_bytes(os.urandom(size))
    (export / "paths-big").write_bytes(source.read_bytes())
    seconds = {}
    for _ in range(rounds):
        for n_paths in (1, 2, 4):
            put = transfer(paths, n_paths, server_stats, "put", source, "paths-up")
            get = transfer(paths, n_paths, server_stats, "get", "paths-big", root / "paths-down")
            (export / "paths-up").unlink()
            (root / "paths-down").unlink()
            seconds.setdefault(("fts put", n_paths), []).append(put)
            seconds.setdefault(("fts get", n_paths), []).append(get)
    medians = {key: statistics.median(values) for key, values in seconds.items()}
    return [{"what": what, "paths": n_paths, "bytes_per_second": size / median,
             "ratio": medians[what, 1] / median, "asked": ASKED.get(n_paths, 1.0)}
            for (what, n_paths), median in sorted(medians.items())]


def measure(lab, size, rounds):
    """Paths to a file LUN."""
    paths = [f"file:{lab.image}?path={number}" for number in range(2, 6)]
    return compare(lab.root, lab.export, paths, lambda: lab.stats("ftsd"), size, rounds)


def measure_iscsi(size, rounds):
    """Portals of a real target."""
    with targets.Target(portals=4) as target:
        target.serve("|".join(target.paths), "--io-timeout-ms", "1000")
        return compare(target.root, target.export, target.paths, target.server_stats, size, rounds)


def below_asked(rows):
    for row in rows:
        if row["ratio"] < row["asked"] and row["paths"] > 1:
            yield (f"{row['what']} over {row['paths']} paths: {row['ratio']:.2f} times one,"
                   f" {row['asked']} asked")
