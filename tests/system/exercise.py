#!/usr/bin/python3
"""exercise DIRECTORY STEPS SEED: random work on one file, beside a model of it in memory.

Reads, writes, appends, truncations, mappings, reopenings and syncs through two descriptors; after
each step what the file system says must be what the model says.
"""
import mmap
import os
import random
import sys

LONGEST = 3_000_000


class Exercise:
    def __init__(self, name, seed):
        self.random = random.Random(seed)
        self.name = name
        self.model = bytearray()
        self.fds = [os.open(name, os.O_CREAT | os.O_RDWR | os.O_TRUNC, 0o600) for _ in range(2)]
        self.step = 0

    def fd(self):
        return self.random.choice(self.fds)

    def span(self):
        """Offset and length, often small, sometimes large, sometimes behind the end."""
        limit = self.random.choice((100, 5000, 70_000, LONGEST))
        offset = self.random.randrange(max(1, min(LONGEST, len(self.model) + limit)))
        return offset, self.random.randrange(1, limit)

    def put(self, offset, data):
        if offset > len(self.model):
            self.model.extend(bytes(offset - len(self.model)))
        self.model[offset:offset + len(data)] = data

    def data(self, length):
        return bytes([self.random.randrange(1, 256)]) * length

    def write(self):
        offset, length = self.span()
        data = self.data(min(length, LONGEST - offset) or 1)
        assert os.pwrite(self.fd(), data, offset) == len(data)
        self.put(offset, data)

    def write_on(self):
        """Many small writes in a row, as programs do."""
        offset, _ = self.span()
        fd = self.fd()
        for _ in range(self.random.randrange(1, 60)):
            data = self.data(self.random.randrange(1, 9000))
            if offset + len(data) > LONGEST:
                break
            os.pwrite(fd, data, offset)
            self.put(offset, data)
            offset += len(data)

    def append(self):
        data = self.data(self.random.randrange(1, 20_000))
        if len(self.model) + len(data) > LONGEST:
            return
        fd = os.open(self.name, os.O_WRONLY | os.O_APPEND)
        os.write(fd, data)
        os.close(fd)
        self.put(len(self.model), data)

    def read(self):
        offset, length = self.span()
        got = os.pread(self.fd(), length, offset)
        assert got == self.model[offset:offset + length], \
            f"{len(got)} bytes at {offset}, wanted {length} of {len(self.model)}"

    def truncate(self):
        size = self.random.randrange(LONGEST if self.random.random() < 0.3 else
                                     len(self.model) + 1)
        os.ftruncate(self.fd(), size)
        del self.model[size:]
        self.model.extend(bytes(size - len(self.model)))

    def map(self):
        if not self.model:
            return
        with mmap.mmap(self.fd(), len(self.model)) as view:
            offset, length = self.span()
            assert view[offset:offset + length] == self.model[offset:offset + length], "mapping"
            length = len(view[offset:offset + length])
            if length:
                data = self.data(length)
                view[offset:offset + length] = data
                self.put(offset, data)

    def reopen(self):
        i = self.random.randrange(2)
        os.close(self.fds[i])
        self.fds[i] = os.open(self.name, os.O_RDWR)

    def sync(self):
        os.fsync(self.fd())

    def stat(self):
        assert os.stat(self.name).st_size == len(self.model), "size"

    def whole(self):
        with open(self.name, "rb") as file:
            assert file.read() == self.model, "whole file"

    def run(self, steps):
        kinds = [self.write, self.write_on, self.append, self.read, self.read, self.truncate,
                 self.map, self.reopen, self.sync, self.stat, self.whole]
        for self.step in range(steps):
            kind = self.random.choice(kinds)
            try:
                kind()
                assert os.fstat(self.fd()).st_size == len(self.model), "size by descriptor"
            except AssertionError as error:
                sys.exit(f"step {self.step}, {kind.__name__}: {error}")


def main():
    directory, steps, seed = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    exercise = Exercise(os.path.join(directory, f"exercise-{seed}"), seed)
    exercise.run(steps)
    for fd in exercise.fds:
        os.close(fd)
    exercise.whole()
    print(f"{steps} steps, seed {seed}: well")


main()
