"""counts: LUN commands, request/answer pairs and bytes moved, an operation.

They do not depend on the machine, so they are asserted by tests (LIMITS).  Both sides are counted
together: commands of the mount and of the server, polls that found nothing and heartbeats aside.
"""
import os
import tempfile

import lab as labs

MIB = 1 << 20
SMALL_FILES = 40
ENTRIES = 1000

# What issue and design ask for: at most so much for one operation.
LIMITS = {
    "stat": {"writes": 2, "reads": 2, "pairs": 1},
    "lookup of a missing name": {"writes": 2, "reads": 2, "pairs": 1},
    "open+read+close of 4 KiB": {"pairs": 1.1},
    "create+write+close of 4 KiB": {"pairs": 2.5},
    "unlink": {"pairs": 1.1},
    # A file that changed a moment ago is asked for again; the other 2,000 questions of ls are not.
    "ls -l of 1,000 entries": {"pairs": 2},
    "readdir of 1,000 entries with attributes": {"pairs": 4},
    "tar of 1,000 small files, per file": {"pairs": 0.2},
    "1 MiB read": {"bytes moved": 1.05},
    "1 MiB write": {"bytes moved": 1.05},
}


def make_files(folder, count, size):
    folder.mkdir()
    for i in range(count):
        (folder / f"file-{i:04}").write_bytes(os.urandom(size))


def stat_files(folder):
    for i in range(SMALL_FILES):
        os.lstat(folder / f"file-{i:04}")
    return SMALL_FILES, 0


def look_for_missing(folder):
    for i in range(SMALL_FILES):
        if os.path.lexists(folder / f"missing-{i:04}"):
            raise labs.LabError("a missing file is there")
    return SMALL_FILES, 0


def read_small(folder):
    total = 0
    for i in range(SMALL_FILES):
        total += len((folder / f"file-{i:04}").read_bytes())
    return SMALL_FILES, total


def create_small(folder):
    data = os.urandom(4096)
    for i in range(SMALL_FILES):
        fd = os.open(folder / f"new-{i:04}", os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644)
        os.write(fd, data)
        os.close(fd)
    return SMALL_FILES, SMALL_FILES * len(data)


def read_directory(folder):
    """As ls -l does it: all names, then the attributes of each."""
    names = os.listdir(folder)
    for name in names:
        os.lstat(folder / name)
    if len(names) != ENTRIES:
        raise labs.LabError(f"{len(names)} names, not {ENTRIES}")
    return 1, 0


def list_with_labels(folder):
    """ls asks each file for its ACL and its security label, too."""
    labs.run("ls", "-l", folder)
    return 1, 0


def tar_many(folder):
    with tempfile.TemporaryDirectory() as where: # tar does not read for /dev/null
        labs.run("tar", "-C", folder.parent, "-cf", os.path.join(where, "tar"), folder.name)
    return ENTRIES, 0


def unlink_small(folder):
    for name in os.listdir(folder):
        os.unlink(folder / name)
    return SMALL_FILES, 0


def read_mib(folder):
    total = sum(len(file.read_bytes()) for file in sorted(folder.iterdir()))
    return total // MIB, total


def write_mib(folder):
    data = os.urandom(MIB)
    for i in range(8):
        fd = os.open(folder / f"big-{i}", os.O_WRONLY | os.O_CREAT, 0o644)
        os.write(fd, data)
        os.fsync(fd)
        os.close(fd)
    return 8, 8 * MIB


# What to show, the folder it works in, what to do before counting, what to count.
OPERATIONS = [
    ("stat", "small", None, stat_files),
    ("lookup of a missing name", "small", None, look_for_missing),
    ("open+read+close of 4 KiB", "small", stat_files, read_small),
    ("create+write+close of 4 KiB", "new", None, create_small),
    ("readdir of 1,000 entries with attributes", "many", None, read_directory),
    ("unlink", "small", None, unlink_small),
    ("ls -l of 1,000 entries", "many", None, list_with_labels),
    ("tar of 1,000 small files, per file", "many", None, tar_many),
    ("1 MiB read", "big", None, read_mib),
    ("1 MiB write", "new", None, write_mib),
]


def prepare(export):
    make_files(export / "small", SMALL_FILES, 4096)
    make_files(export / "many", ENTRIES, 10)
    make_files(export / "big", 8, MIB)
    (export / "new").mkdir()


def measure(lab):
    """One row an operation: what it costs on average.  LAB was just started."""
    prepare(lab.export)
    rows = []
    for number, (title, folder, before, operation) in enumerate(OPERATIONS):
        # A mount of its own: nothing is in any cache, and the counters begin at nothing.
        name = f"count{number}"
        where = lab.mount(name) / folder
        os.lstat(where)
        if before:
            before(where)
        start = lab.counters(name)
        times, payload = operation(where)
        cost = lab.counters(name) - start
        lab.unmount(name)
        row = {"operation": title, "times": times, "payload": payload,
               "writes": cost.writes / times, "reads": (cost.reads - cost.polls) / times,
               "polls": cost.polls / times, "pairs": cost.pairs / times}
        if payload >= MIB:
            row["bytes moved"] = max(cost.written_bytes, cost.read_bytes) / payload
        rows.append(row)
    return rows


def above_limits(rows):
    """One line for each number that is above what was asked for."""
    for row in rows:
        for what, limit in LIMITS.get(row["operation"], {}).items():
            # A heartbeat may fall into the time that is measured: one write and one read a side.
            slack = 0 if what in ("pairs", "bytes moved") else 2 / row["times"]
            if row[what] > limit + slack:
                yield f"{row['operation']}: {row[what]:.2f} {what}, at most {limit} are asked for"
