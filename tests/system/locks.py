#!/usr/bin/python3
"""locks ONE TWO: locks hold between two mounts of one directory (or one, named twice)."""
import errno
import fcntl
import os
import signal
import struct
import subprocess
import sys
import time

ONE, TWO = sys.argv[1:]
SHARED, ALONE, NOW = fcntl.LOCK_SH, fcntl.LOCK_EX, fcntl.LOCK_NB


def check(text, good):
    print(("ok" if good else "not ok") + f": {text}", flush=True)
    if not good:
        sys.exit(1)


class Other:
    """A process of its own at a directory; commands are lines of Python with `f`, answers errno or value."""
    CODE = """
import errno, fcntl, os, struct, sys
f = os.open(sys.argv[1] + "/f", os.O_RDWR | os.O_CREAT, 0o666)
for line in sys.stdin:
    try:
        print(eval(line), flush=True)
    except OSError as error:
        print(errno.errorcode[error.errno], flush=True)
"""

    def __init__(self, place):
        self.process = subprocess.Popen([sys.executable, "-c", self.CODE, place], text=True,
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.ask("None")  # it is there, and hears signals

    def tell(self, line):
        print(line, file=self.process.stdin, flush=True)

    def hear(self):
        return self.process.stdout.readline().strip()

    def ask(self, line):
        self.tell(line)
        return self.hear()

    def lock(self, how, length=0, start=0):
        return self.ask(f"fcntl.lockf(f, {how}, {length}, {start})")

    def flock(self, how):
        return self.ask(f"fcntl.flock(f, {how})")

    def end(self):
        self.process.stdin.close()
        self.process.wait()


WELL, REFUSED = "None", ("EAGAIN", "EACCES")


def soon(call, *args):
    """Closing is told to the server behind the program's back."""
    end = time.monotonic() + 2
    while call(*args) != WELL:
        if time.monotonic() > end:
            return False
        time.sleep(0.01)
    return True


def ranges(one, two):
    check("a write lock", one.lock(ALONE | NOW, 10) == WELL)
    check("keeps others out", two.lock(ALONE | NOW, 1, 9) in REFUSED)
    check("readers too", two.lock(SHARED | NOW, 1, 9) in REFUSED)
    check("of its bytes", two.lock(ALONE | NOW, 10, 10) == WELL)
    check("made a read lock", one.lock(SHARED | NOW, 10) == WELL)
    check("it is shared", two.lock(SHARED | NOW, 10) == WELL)
    check("unlocking", one.lock(fcntl.LOCK_UN) == WELL and two.lock(fcntl.LOCK_UN) == WELL)


def closing(one, two):
    one.lock(ALONE | NOW)
    one.ask("os.close(os.open(sys.argv[1] + '/f', os.O_RDONLY))")
    check("closing any descriptor of the file ends fcntl's locks", two.lock(ALONE | NOW) == WELL)
    two.lock(fcntl.LOCK_UN)
    one.flock(ALONE)
    one.ask("os.close(os.open(sys.argv[1] + '/f', os.O_RDONLY))")
    check("but not flock's", two.flock(ALONE | NOW) in REFUSED)
    one.ask("os.close(f)")
    check("closing the one descriptor does", soon(two.flock, ALONE | NOW))
    two.flock(fcntl.LOCK_UN)
    one.end()


def open_file_locks(one, two):
    wish = "struct.pack('hhqqi4x', fcntl.F_WRLCK, 0, 0, 0, 0)"
    check("an open file's lock", one.ask(f"fcntl.fcntl(f, 37, {wish}) != b''") == "True")
    check("keeps others out", two.lock(SHARED | NOW) in REFUSED)
    one.ask("os.close(f)")
    check("and ends with it", soon(two.lock, SHARED | NOW))
    one.end()
    two.end()


def who(one, two):
    one.lock(ALONE | NOW, 7, 5)
    answer = two.ask("struct.unpack('hhqqi4x', fcntl.fcntl(f, fcntl.F_GETLK, "
                     "struct.pack('hhqqi4x', fcntl.F_WRLCK, 0, 0, 0, 0)))")
    pid = one.process.pid if ONE == TWO else 0
    check(f"F_GETLK tells who: {answer}", answer == f"({fcntl.F_WRLCK}, 0, 5, 7, {pid})")
    one.end()


def waiting(one, two):
    one.lock(ALONE | NOW)
    two.tell("fcntl.lockf(f, 2)")
    time.sleep(0.2)
    begin = time.monotonic()
    one.lock(fcntl.LOCK_UN)
    check("who waits gets it", two.hear() == WELL)
    check("soon", time.monotonic() - begin < 1)
    two.flock(ALONE)
    one.tell("fcntl.flock(f, 1)")
    time.sleep(0.1)
    two.flock(fcntl.LOCK_UN)
    check("flock too", one.hear() == WELL)


def queueing(one, two):
    """Who waits is served in order of arrival; a later reader does not pass by."""
    one.lock(ALONE | NOW)
    others = [Other(place) for place in (TWO, ONE, TWO)]
    for other in others:
        other.ask("0")
    for other, how in zip(others, (ALONE, SHARED, ALONE)):
        other.tell(f"fcntl.lockf(f, {how})")
        time.sleep(1)
    one.lock(fcntl.LOCK_UN)
    check("the first who came is served first", others[0].hear() == WELL)
    check("the others wait on", two.lock(SHARED | NOW) in REFUSED)
    others[0].lock(fcntl.LOCK_UN)
    check("then the second", others[1].hear() == WELL)
    check("whom a reader may join", two.lock(SHARED | NOW) == WELL)
    two.lock(fcntl.LOCK_UN)
    others[1].lock(fcntl.LOCK_UN)
    check("then the third", others[2].hear() == WELL)
    for other in others:
        other.end()


def circle(one, two):
    """Two who wait for each other: the second is told."""
    one.lock(ALONE | NOW, 1, 0)
    two.lock(ALONE | NOW, 1, 1)
    one.tell("fcntl.lockf(f, 2, 1, 1)")
    time.sleep(1)
    check("a deadlock is refused", two.lock(ALONE, 1, 0) in ("EDEADLK", "EDEADLOCK"))
    two.lock(fcntl.LOCK_UN)
    check("and the other goes on", one.hear() == WELL)


def dying(one, two):
    one.lock(ALONE | NOW)
    one.flock(ALONE)
    two.tell("fcntl.lockf(f, 2)")
    time.sleep(0.1)
    one.process.send_signal(signal.SIGKILL)
    one.process.wait()
    check("a killed program's lock ends", two.hear() == WELL)
    check("flock's too", soon(two.flock, ALONE | NOW))
    third = Other(ONE)
    third.tell("fcntl.lockf(f, 2)")
    time.sleep(0.1)
    begin = time.monotonic()
    third.process.send_signal(signal.SIGINT)
    third.process.stdout.read()
    third.process.wait()
    check("a wait can be interrupted", time.monotonic() - begin < 2)
    third = Other(ONE)
    third.tell("fcntl.flock(f, 2)")
    time.sleep(0.1)
    third.process.send_signal(signal.SIGKILL)
    third.process.wait()
    check("or killed", time.monotonic() - begin < 4)
    two.flock(fcntl.LOCK_UN)
    check("and it gets nothing afterwards", soon(two.flock, ALONE | NOW))
    two.end()


def counting():
    """Many add one to a number in a file, under a lock each time."""
    code = """
import fcntl, os, sys
f = os.open(sys.argv[1] + "/number", os.O_RDWR | os.O_CREAT, 0o666)
for _ in range(25):
    getattr(fcntl, sys.argv[2])(f, fcntl.LOCK_EX)
    number = int(os.pread(f, 20, 0) or b"0")
    os.pwrite(f, str(number + 1).encode(), 0)
    getattr(fcntl, sys.argv[2])(f, fcntl.LOCK_UN)
"""
    for how in ("lockf", "flock"):
        all_of_them = [subprocess.Popen([sys.executable, "-c", code, place, how])
                       for place in (ONE, TWO, ONE, TWO)]
        check(f"adding up under {how}", [one.wait() for one in all_of_them] == [0] * 4)
        with open(ONE + "/number", "rb") as file:
            check("every one counts", file.read() == b"100")
        os.remove(ONE + "/number")
        time.sleep(1.1)  # the other mount may remember the name


def appending():
    """Several append lines through both mounts: none is lost or torn."""
    code = """
import os, sys
f = os.open(sys.argv[1] + "/log", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o666)
for i in range(100):
    os.write(f, (sys.argv[2] * 60 + f" {i}\\n").encode())
"""
    all_of_them = [subprocess.Popen([sys.executable, "-c", code, place, mark])
                   for place, mark in ((ONE, "a"), (TWO, "b"), (ONE, "c"), (TWO, "d"))]
    check("appending", [one.wait() for one in all_of_them] == [0] * 4)
    with open(TWO + "/log", encoding="ascii") as file:
        lines = file.read().split("\n")
    wanted = sorted([""] + [mark * 60 + f" {i}" for mark in "abcd" for i in range(100)])
    check(f"all lines are there: {len(lines) - 1}", sorted(lines) == wanted)


for section in (ranges, closing, open_file_locks, who, waiting, queueing, circle, dying):
    first, second = Other(ONE), Other(TWO)
    section(first, second)
    first.end()
    second.end()
counting()
appending()
