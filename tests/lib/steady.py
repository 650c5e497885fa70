#!/usr/bin/python3
"""steady.py DIRECTORY CONTENT PROGRESS - programs that go on whatever happens to the mount below DIRECTORY.

One thread writes numbered blocks to DIRECTORY/written, one reads DIRECTORY/steady without the kernel's cache and
compares it with CONTENT, and a lock of DIRECTORY/locked is held, all by descriptors that are opened once.  PROGRESS gets
how many blocks were written and read, the smaller of the two.  SIGTERM ends it; the status is 1 after any error.
"""
import fcntl
import mmap
import os
import signal
import struct
import sys
import threading
import time

BLOCK = 4096
directory, content, progress = sys.argv[1:]
done = threading.Event()
counts = {"write": 0, "read": 0}
errors = []


def block(number):
    return struct.pack("<Q", number) * (BLOCK // 8)


def write(number, fd=os.open(directory + "/written", os.O_RDWR | os.O_CREAT)):
    if os.pwrite(fd, block(number), number * BLOCK) != BLOCK:
        raise OSError("a short write")
    if number % 16 == 0:
        os.fsync(fd)
        if os.pread(fd, BLOCK, number * BLOCK) != block(number):
            raise OSError("what was written is not there")


def read(number, fd=os.open(directory + "/steady", os.O_RDONLY | os.O_DIRECT), buffer=mmap.mmap(-1, BLOCK)):
    at = number * BLOCK % os.path.getsize(content)
    os.preadv(fd, [buffer], at)
    with open(content, "rb") as same:
        if buffer[:] != os.pread(same.fileno(), BLOCK, at):
            raise OSError("what was read is wrong")


def repeat(name, function):
    slowest = 0.0
    while not done.is_set():
        begin = time.monotonic()
        try:
            function(counts[name])
        except OSError as error:
            errors.append(f"{name} {counts[name]}: {error}")
            break
        slowest = max(slowest, time.monotonic() - begin)
        counts[name] += 1
        time.sleep(0.005)
    print(f"{name}: {counts[name]} times, the slowest {slowest:.1f} s", flush=True)


def main():
    signal.signal(signal.SIGTERM, lambda *_: done.set())
    locked = os.open(directory + "/locked", os.O_RDWR | os.O_CREAT)
    fcntl.lockf(locked, fcntl.LOCK_EX)
    threads = [threading.Thread(target=repeat, args=pair) for pair in (("write", write), ("read", read))]
    for thread in threads:
        thread.start()
    while not done.is_set() and not errors:
        with open(progress + ".new", "w") as file:
            file.write(str(min(counts.values())))
        os.rename(progress + ".new", progress)
        done.wait(0.05)
    done.set()
    for thread in threads:
        thread.join()
    with open(directory + "/written", "rb") as file:
        for number in range(counts["write"]):
            if file.read(BLOCK) != block(number):
                errors.append(f"block {number} is wrong")
    print("\n".join(errors), flush=True)
    return bool(errors)


sys.exit(main())
