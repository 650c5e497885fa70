"""containment.py EXPORT OUTSIDE ELSEWHERE MOUNT SECONDS: swaps at the server, walks through the mount.

On the server's side processes exchange directories of EXPORT for symlinks to OUTSIDE, move
directories across the border of EXPORT (to ELSEWHERE and back), and bind OUTSIDE into EXPORT.
Meanwhile others walk MOUNT without following symlinks, read every file, and make, rename and remove
files wherever they come.  What they read must never be of OUTSIDE, and OUTSIDE must be as it was.
"""
import ctypes, errno, multiprocessing, os, pathlib, random, sys, time

export, outside, elsewhere, mount = map(pathlib.Path, sys.argv[1:5])
seconds = float(sys.argv[5])
libc = ctypes.CDLL(None, use_errno=True)
SECRET = b"outside: nobody may read this"
MADE = "made-by-a-client"
DIRS = [f"d{i}" for i in range(4)]
# What a walk meets while names change under it.
PASSING = {errno.ENOENT, errno.ESTALE, errno.ENOTDIR, errno.ELOOP, errno.EXDEV, errno.EEXIST,
           errno.ENOTEMPTY, errno.EISDIR, errno.EINVAL, errno.EAGAIN, errno.EBUSY, errno.EIO, errno.ENXIO}


def exchange(a, b):
    if libc.renameat2(-100, os.fsencode(a), -100, os.fsencode(b), 2) != 0:
        raise OSError(ctypes.get_errno(), f"exchange {a} {b}")


def build():
    for i, name in enumerate(DIRS):
        (export / name / "sub").mkdir(parents=True)
        for j in range(5):
            (export / name / f"f{j}").write_bytes(b"inside")
            (export / name / "sub" / f"f{j}").write_bytes(b"inside")
        target = outside if i % 2 else os.path.relpath(outside, export)
        (export / f"link{i}").symlink_to(target)
    (export / "moving" / "sub").mkdir(parents=True)
    (export / "bound").mkdir()
    for place in (outside, outside / "sub"):
        place.mkdir(exist_ok=True)
        for j in range(5):
            (place / f"f{j}").write_bytes(SECRET)


def snapshot():
    return [(str(p), p.lstat().st_mtime_ns, p.lstat().st_ctime_ns, p.lstat().st_nlink)
            for p in sorted(outside.rglob("*"))] + [outside.stat().st_mtime_ns]


def swap_links(end):
    while time.monotonic() < end:
        for i, name in enumerate(DIRS):
            exchange(export / name, export / f"link{i}")
    return []


def cross_border(end):
    while time.monotonic() < end:
        (export / "moving").rename(elsewhere / "moving")
        (elsewhere / "moving").rename(export / "moving")
    return []


def bind(end):
    while time.monotonic() < end:
        if libc.mount(os.fsencode(outside), os.fsencode(export / "bound"), None, 4096, None) != 0:
            raise OSError(ctypes.get_errno(), "bind")
        while libc.umount2(os.fsencode(export / "bound"), 2) != 0:
            time.sleep(0.001)
    return []


class Walker:
    def __init__(self, seed, end):
        self.random = random.Random(seed)
        self.end = end
        self.seed = seed
        self.wrong = []
        self.files = self.made = 0

    def tolerate(self, what, call, *args, **kwargs):
        try:
            return call(*args, **kwargs)
        except OSError as error:
            if error.errno not in PASSING:
                self.wrong.append(f"{what}: {error}")
        return None

    def read(self, name, at):
        fd = self.tolerate("open", os.open, name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=at)
        if fd is None:
            return
        data = self.tolerate("read", os.read, fd, 4096)
        os.close(fd)
        self.files += data is not None
        if data and SECRET in data:
            self.wrong.append(f"read what lies outside as {name}")

    def change(self, at):
        name = f"{MADE}-{self.seed}-{self.random.randrange(5)}"
        fd = self.tolerate("create", os.open, name, os.O_CREAT | os.O_WRONLY | os.O_NOFOLLOW, 0o644, dir_fd=at)
        if fd is not None:
            self.made += 1
            self.tolerate("write", os.write, fd, b"inside")
            self.tolerate("close", os.close, fd)
        self.tolerate("rename", os.rename, name, name + "x", src_dir_fd=at, dst_dir_fd=at)
        self.tolerate("chmod", os.chmod, name + "x", 0o600, dir_fd=at)
        self.tolerate("unlink", os.unlink, name + "x", dir_fd=at)
        self.tolerate("mkdir", os.mkdir, name + "d", dir_fd=at)
        self.tolerate("rmdir", os.rmdir, name + "d", dir_fd=at)

    def walk(self, at, depth):
        """Takes the descriptor AT over; it stays open while things beneath it are moved."""
        try:
            names = self.tolerate("list", os.listdir, at) or []
            for name in names + [".."] * (depth > 0):
                if time.monotonic() > self.end:
                    return
                self.read(name, at)
                if depth < 3:
                    below = self.tolerate("enter", os.open, name,
                                          os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=at)
                    if below is not None:
                        self.walk(below, depth + 1)
            self.change(at)
        finally:
            os.close(at)

    def run(self):
        while time.monotonic() < self.end:
            self.walk(os.open(mount, os.O_RDONLY | os.O_DIRECTORY), 0)
        if not self.files or not self.made:
            self.wrong.append(f"read {self.files} and made {self.made} files: nothing was tested")
        return self.wrong


def walk_mount(seed, end):
    return Walker(seed, end).run()


def main():
    assert os.path.ismount(mount)
    build()
    before = snapshot()
    end = time.monotonic() + seconds
    with multiprocessing.Pool(6) as pool:
        jobs = [pool.apply_async(job, (end,)) for job in (swap_links, cross_border, bind)]
        jobs += [pool.apply_async(walk_mount, (seed, end)) for seed in range(3)]
        wrong = [line for job in jobs for line in job.get()]
    if snapshot() != before:
        wrong.append("what lies outside has changed")
    wrong += [f"{p}: made outside" for p in outside.rglob(MADE + "*")]
    print("\n".join(sorted(set(wrong))[:20]))
    sys.exit(bool(wrong))


main()
