#!/usr/bin/python3
"""sequences SEED STEPS LOCAL VIEW...: random operations on a file system, each by way of one of its
views (mounts, chosen at random), and on a local directory beside it.

What a step gives (result or errno) must be the same in both, and so must be what the other views
say right after it of the names that it touched; at the end all trees are equal.  A failure names
the seed and the steps, so that it can be run again.
"""
import ctypes
import errno
import os
import random
import stat
import sys

LIBC = ctypes.CDLL(None, use_errno=True)
NAMES = ["a", "b", "c", "d", "e" * 255, "f" * 256]
FOLDERS = ["", "x", "y", "x/z", "missing", "a"]


def rename2(old, new, flags):
    if LIBC.renameat2(-100, os.fsencode(old), -100, os.fsencode(new), flags) != 0:
        raise OSError(ctypes.get_errno(), "renameat2")


def outcome(call, *args):
    try:
        return call(*args)
    except OSError as error:
        return errno.errorcode.get(error.errno, error.errno)


def facts(path):
    """What stat says, as far as it can be the same in two places."""
    st = os.lstat(path)
    out = [stat.filemode(st.st_mode), st.st_nlink]
    if not stat.S_ISDIR(st.st_mode):
        out.append(st.st_size)
    if stat.S_ISREG(st.st_mode):
        out.append(sorted(os.listxattr(path)))
    return out


def read_file(path):
    fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW)
    try:
        if not stat.S_ISREG(os.fstat(fd).st_mode):
            return "no regular file"
        return os.read(fd, 1 << 20)
    finally:
        os.close(fd)


def write_file(path, flags, data):
    fd = os.open(path, flags | os.O_NOFOLLOW, 0o640)
    try:
        return os.write(fd, data)
    finally:
        os.close(fd)


def write_at(path, offset, data):
    fd = os.open(path, os.O_RDWR | os.O_NOFOLLOW)
    try:
        return os.pwrite(fd, data, offset), os.fsync(fd)
    finally:
        os.close(fd)


def set_times(path, seconds):
    os.utime(path, ns=(seconds * 10**9, seconds * 10**9 + 7), follow_symlinks=False)
    return os.lstat(path).st_mtime_ns


class Sequence:
    def __init__(self, seed, local, views):
        self.random = random.Random(seed)
        self.local, self.views = local, views
        self.open = []  # (view's descriptor, local one)
        self.log = []

    def name(self):
        folder = self.random.choice(FOLDERS)
        return os.path.join(folder, self.random.choice(NAMES + ["x", "y", "z"]))

    def data(self):
        return bytes([self.random.randrange(97, 123)]) * self.random.choice((1, 100, 5000, 70_000))

    def step(self):
        """What to do: a function, and its arguments with paths as 'Path'."""
        pick, name = self.random.random(), self.name()
        offset = self.random.choice((0, 3, 4096, 100_000))
        choices = [
            (os.mkdir, Path(name), 0o750), (os.mkdir, Path(self.random.choice(FOLDERS[1:])), 0o755),
            (os.rmdir, Path(name)), (os.unlink, Path(name)), (os.unlink, Path(name)),
            (write_file, Path(name), os.O_WRONLY | os.O_CREAT | os.O_TRUNC, self.data()),
            (write_file, Path(name), os.O_WRONLY | os.O_CREAT | os.O_EXCL, self.data()),
            (write_file, Path(name), os.O_WRONLY | os.O_APPEND, self.data()),
            (write_at, Path(name), offset, self.data()),
            (read_file, Path(name)), (read_file, Path(name)),
            (os.truncate, Path(name), offset),
            (rename2, Path(name), Path(self.name()), 0), (rename2, Path(name), Path(self.name()), 0),
            (rename2, Path(name), Path(self.name()), self.random.choice((1, 2))),
            (link, Path(name), Path(self.name())),
            (os.symlink, "target of " + name[:10], Path(name)), (os.readlink, Path(name)),
            (list_folder, Path(self.random.choice(FOLDERS))),
            (facts, Path(name)), (facts, Path(name)),
            (chmod, Path(name), self.random.choice((0o600, 0o444, 0o755, 0o4711))),
            (set_times, Path(name), self.random.randrange(10**9)),
            (os.setxattr, Path(name), "user.n" + str(offset), self.data()[:100]),
            (os.getxattr, Path(name), "user.n" + str(offset)),
            (os.removexattr, Path(name), "user.n" + str(offset)),
        ]
        return choices[int(pick * len(choices))]

    def on_open_file(self):
        if len(self.open) < 4 or self.random.random() < 0.3:
            return self.open_file()
        index = self.random.randrange(len(self.open))
        fds = self.open[index]
        offset, data = self.random.choice((0, 10, 8000)), self.data()
        what = self.random.choice(("read", "write", "size", "truncate", "close"))
        if what == "close":
            del self.open[index]
        calls = {
            "read": lambda fd: os.pread(fd, 100_000, offset),
            "write": lambda fd: (os.pwrite(fd, data, offset), os.fsync(fd)),
            "size": lambda fd: (os.fstat(fd).st_size, os.fstat(fd).st_nlink),
            "truncate": lambda fd: os.ftruncate(fd, offset),
            "close": os.close,
        }
        self.log.append(f"{what} open file {index} at {offset}")
        return [outcome(calls[what], fd) for fd in fds]

    def open_file(self):
        name, view = self.name(), self.random.choice(self.views)
        flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW
        self.log.append(f"open {name[:20]} by {view}")
        fds = [outcome(os.open, os.path.join(top, name), flags, 0o600)
               for top in (view, self.local)]
        if all(isinstance(fd, int) for fd in fds):
            self.open.append(fds)
            return [0, 0]
        return fds

    def run_step(self):
        function, *args = self.step()
        view = self.random.choice(self.views)
        shown = [arg[:20] if isinstance(arg, (str, bytes)) else arg for arg in args]
        self.log.append(f"{function.__name__} {shown} by {view}")
        return [outcome(function, *(arg.under(top) if isinstance(arg, Path) else arg for arg in args))
                for top in (view, self.local)], [arg for arg in args if isinstance(arg, Path)]

    def check(self, what, got, wanted):
        if got == wanted:
            return
        print("\n".join(self.log[-40:]))
        sys.exit(f"step {len(self.log)}: {what}: {str(got)[:300]}, wanted {str(wanted)[:300]}")

    def run(self, steps):
        for _ in range(steps):
            if self.random.random() < 0.25:
                got, wanted = self.on_open_file()
                self.check("the result", got, wanted)
                continue
            (got, wanted), paths = self.run_step()
            self.check("the result", got, wanted)
            for path in paths:
                for view in self.views:
                    self.check(f"{path} seen by {view}", outcome(facts, path.under(view)),
                               outcome(facts, path.under(self.local)))
        for fds in self.open:
            for fd in fds:
                os.close(fd)
        wanted = tree(self.local)
        for view in self.views:
            self.check(f"the tree of {view}", tree(view), wanted)


class Path(str):
    def under(self, top):
        return os.path.join(top, self)


def link(old, new):
    os.link(old, new, follow_symlinks=False)


def chmod(path, mode):
    if stat.S_ISLNK(os.lstat(path).st_mode):
        return "no mode"
    return os.chmod(path, mode)


def list_folder(path):
    return sorted((entry.name, entry.is_dir(follow_symlinks=False)) for entry in os.scandir(path))


def tree(top):
    out = []
    for folder, names, files in os.walk(top):
        names.sort()
        for name in sorted(names + files):
            path = os.path.join(folder, name)
            st = os.lstat(path)
            out.append((os.path.relpath(path, top), facts(path), st.st_uid, st.st_gid,
                        read_file(path) if stat.S_ISREG(st.st_mode) else None))
    return out


def main():
    seed, steps, local, *views = sys.argv[1:]
    os.umask(0o022)
    Sequence(int(seed), local, views).run(int(steps))


main()
