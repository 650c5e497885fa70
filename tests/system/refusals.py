"""refusals.py CASE EXPORT MOUNT: which errno a program gets on the mount when the server refuses."""
import errno, os, pathlib, sys, time

case = sys.argv[1]
export, mount = map(pathlib.Path, sys.argv[2:4])
failures = []


def expect(wanted, what, call, *args, **kwargs):
    """CALL must fail with WANTED (0: not fail); the result."""
    try:
        result, got = call(*args, **kwargs), 0
    except OSError as error:
        result, got = None, error.errno
    if got != wanted:
        failures.append(f"{what}: {errno.errorcode.get(got, got)}, not {errno.errorcode.get(wanted, wanted)}")
    return result


def write_file(path, data=b"x"):
    fd = os.open(path, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o644)
    try:
        os.write(fd, data)
        os.fsync(fd)
    finally:
        os.close(fd)


def changes(wanted):
    """Everything that changes something, beside files f and d that are there."""
    expect(wanted, "create", os.open, mount / "new", os.O_CREAT | os.O_WRONLY, 0o644)
    expect(wanted, "mkdir", os.mkdir, mount / "newd")
    expect(wanted, "mknod", os.mkfifo, mount / "newp")
    expect(wanted, "symlink", os.symlink, "f", mount / "newl")
    expect(wanted, "link", os.link, mount / "f", mount / "newh")
    expect(wanted, "rename", os.rename, mount / "f", mount / "g")
    expect(wanted, "unlink", os.unlink, mount / "f")
    expect(wanted, "rmdir", os.rmdir, mount / "d")
    expect(wanted, "chmod", os.chmod, mount / "f", 0o600)
    expect(wanted, "chown", os.chown, mount / "f", 1, 1)
    expect(wanted, "utime", os.utime, mount / "f", (1, 1))
    expect(wanted, "truncate", os.truncate, mount / "f", 0)
    expect(wanted, "open to write", os.open, mount / "f", os.O_WRONLY)
    expect(wanted, "setxattr", os.setxattr, mount / "f", "user.x", b"y")


def became_read_only():
    """The mount was made read-write, the server has changed its mind."""
    changes(errno.EROFS)
    expect(0, "read", (mount / "f").read_bytes)
    expect(0, "list", os.listdir, mount)


def denied():
    """Root here, anonymous there: this kernel lets root pass, the server does not."""
    expect(errno.EACCES, "create", os.open, mount / "new", os.O_CREAT | os.O_WRONLY, 0o644)
    expect(errno.EACCES, "mkdir", os.mkdir, mount / "newd")
    expect(errno.EACCES, "rename", os.rename, mount / "f", mount / "g")
    expect(errno.EACCES, "unlink", os.unlink, mount / "f")
    expect(errno.EACCES, "open", os.open, mount / "private", os.O_RDONLY)
    expect(errno.EACCES, "list", os.listdir, mount / "d")
    expect(errno.EACCES, "make something in it", os.mkdir, mount / "d" / "e")
    expect(errno.EPERM, "chmod", os.chmod, mount / "f", 0o600)
    expect(errno.EPERM, "chown", os.chown, mount / "f", 1, 1)
    expect(errno.EPERM, "utime", os.utime, mount / "f", (1, 1))
    expect(errno.EACCES, "truncate", os.truncate, mount / "f", 0)
    expect(errno.EPERM, "mknod", os.mknod, mount / "null", 0o20666, os.makedev(1, 3))
    expect(0, "read what all may read", (mount / "f").read_bytes)


def too_long():
    name, longer = "n" * 255, "n" * 256
    write_file(mount / "f")
    expect(0, "255 bytes", write_file, mount / name)
    for what, call in {
            "stat": lambda: os.stat(mount / longer), "create": lambda: write_file(mount / longer),
            "mkdir": lambda: os.mkdir(mount / longer), "unlink": lambda: os.unlink(mount / longer),
            "rename to": lambda: os.rename(mount / "f", mount / longer),
            "link to": lambda: os.link(mount / "f", mount / longer),
            "symlink": lambda: os.symlink("x", mount / longer)}.items():
        expect(errno.ENAMETOOLONG, what, call)
    expect(errno.ENAMETOOLONG, "path", os.stat, str(mount) + "/." * 2100)
    expect(0, "a target of 4095 bytes", os.symlink, "t" * 4095, mount / "long-target")
    expect(errno.ENAMETOOLONG, "a target of 4096", os.symlink, "t" * 4096, mount / "longer-target")
    if os.readlink(mount / "long-target") != "t" * 4095:
        failures.append("a target of 4095 bytes came back as another")
    deep(mount)


def deep(top):
    """Deeper than any path reaches, step by step."""
    at = os.open(top, os.O_RDONLY)
    for depth in range(30):
        try:
            os.mkdir("d" * 200, dir_fd=at)
        except OSError as error:
            failures.append(f"directory {depth} of 30: {error.strerror}")
            break
        below = os.open("d" * 200, os.O_RDONLY, dir_fd=at)
        os.close(at)
        at = below
    fd = expect(0, "a file in the depth", os.open, "f", os.O_CREAT | os.O_RDWR, 0o644, dir_fd=at)
    if fd is not None:
        os.write(fd, b"deep")
        os.fsync(fd)
        os.close(fd)
        expect(0, "stat of it", os.stat, "f", dir_fd=at)
        fd = os.open("f", os.O_RDONLY, dir_fd=at)
        if os.read(fd, 9) != b"deep":
            failures.append("the file in the depth has other content")
        os.close(fd)
    os.close(at)


def replaced():
    """A file and a directory are replaced at the server: names lead to the new, handles do not."""
    (export / "f").write_bytes(b"old")
    os.makedirs(mount / "d" / "sub")
    directory = os.open(mount / "d", os.O_RDONLY)
    wait_for("the old file", lambda: os.path.exists(mount / "f"))
    os.rename(export / "d", export / "gone")
    os.system(f"rm -r {export}/gone {export}/f")
    os.mkdir(export / "d")
    (export / "d" / "new").write_bytes(b"new")
    (export / "f").write_bytes(b"new")
    # The kernel asks again by name when the file it knew is stale.
    if expect(0, "the new file", (mount / "f").read_bytes) != b"new":
        failures.append("the file is still the old one")
    # What was opened is the old one, whatever bears its name now.
    if not fails_with(lambda: os.open("x", os.O_CREAT | os.O_WRONLY, dir_fd=directory), errno.ESTALE, errno.ENOENT):
        failures.append("a file was made in the old directory, or refused for another reason")
    if "new" in (expect_any(os.listdir, directory) or []):
        failures.append("the old directory lists the new one")
    os.close(directory)
    wait_for("the new directory", lambda: os.listdir(mount / "d") == ["new"])


def expect_any(call, *args):
    """The result of CALL, or None when there is nothing any more."""
    try:
        return call(*args)
    except OSError as error:
        if error.errno not in (errno.ESTALE, errno.ENOENT):
            raise
    return None


def fails_with(call, *wanted):
    try:
        call()
    except OSError as error:
        return error.errno in wanted
    return False


def wait_for(what, condition):
    end = time.monotonic() + 30
    while not condition():
        if time.monotonic() > end:
            failures.append(f"no {what}")
            return
        time.sleep(0.05)


def other_file_system():
    """Something is mounted beneath the exported directory: seen by name, and not entered."""
    expect(0, "list", os.listdir, mount)
    wait_for("EXDEV at the border", lambda: fails_with(lambda: os.listdir(mount / "inner"), errno.EXDEV))
    expect(errno.EXDEV, "create", write_file, mount / "inner" / "f")
    write_file(mount / "f")
    expect(errno.EXDEV, "rename into", os.rename, mount / "f", mount / "inner" / "f")


globals()[case]()
print("\n".join(failures))
sys.exit(bool(failures))
