#!/usr/bin/python3
"""operations MOUNT LOCAL: every file operation on the mount gives what it gives on a local directory.

Each step runs once in each of the two (empty) directories; results, errors and what stands there
afterwards must be equal.  A step is a function of a directory; what it returns is compared.
"""
import ctypes
import errno
import mmap
import os
import stat
import sys
import time

LIBC = ctypes.CDLL(None, use_errno=True)
NOREPLACE, EXCHANGE = 1, 2
STEPS = []


def step(function):
    STEPS.append(function)
    return function


def error_of(call, *args, **options):
    """The result of CALL, or the name of its errno."""
    try:
        return call(*args, **options)
    except OSError as error:
        return errno.errorcode.get(error.errno, error.errno)


def rename2(old, new, flags):
    if LIBC.renameat2(-100, os.fsencode(old), -100, os.fsencode(new), flags) != 0:
        raise OSError(ctypes.get_errno(), "renameat2")
    return 0


def write(name, data=b"x", flags=os.O_CREAT | os.O_WRONLY | os.O_TRUNC, mode=0o644):
    fd = os.open(name, flags, mode)
    try:
        return os.write(fd, data)
    finally:
        os.close(fd)


def read(name):
    with open(name, "rb") as file:
        return file.read()


def facts(name, times=False):
    """What stat says, as far as it can be the same in two places."""
    st = os.lstat(name)
    out = [stat.filemode(st.st_mode), st.st_nlink, st.st_uid, st.st_gid, st.st_rdev]
    if not stat.S_ISDIR(st.st_mode):
        out.append(st.st_size)
    if times:
        out += [st.st_atime_ns, st.st_mtime_ns]
    return out


@step
def create_modes_and_umask(_):
    old = os.umask(0o027)
    try:
        write("a", mode=0o666)
        os.mkdir("d", 0o777)
        os.mkfifo("p", 0o666)
    finally:
        os.umask(old)
    return [facts(name) for name in ("a", "d", "p")]


@step
def create_exclusively(_):
    write("a")
    return [error_of(os.open, "a", os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600),
            error_of(os.open, "none", os.O_RDONLY), error_of(os.open, "a/b", os.O_RDONLY),
            error_of(os.open, "none/b", os.O_CREAT | os.O_WRONLY, 0o600),
            error_of(os.open, ".", os.O_WRONLY)]


@step
def every_kind_of_node(_):
    os.mknod("file", stat.S_IFREG | 0o640)
    os.mknod("char", stat.S_IFCHR | 0o600, os.makedev(1, 3))
    os.mknod("block", stat.S_IFBLK | 0o600, os.makedev(7, 200))
    os.mknod("socket", stat.S_IFSOCK | 0o755)
    os.mkfifo("fifo", 0o622)
    os.symlink("a/b/../c", "link")
    os.mkdir("dir", 0o1770)
    return [facts(name) for name in sorted(os.listdir("."))], sorted(
        (entry.name, entry.is_dir(follow_symlinks=False), entry.is_symlink(), entry.is_file())
        for entry in os.scandir("."))


@step
def write_and_read_odd_sizes(_):
    out = []
    for size in (0, 1, 511, 512, 4095, 4096, 4097, 65535, 65536, 65537, 262144, 1048575, 1048577,
                 3333333):
        data = bytes(range(256)) * (size // 256 + 1)
        write("f", data[:size])
        out.append((size, read("f") == data[:size], os.stat("f").st_size))
    return out


@step
def write_in_the_middle(_):
    write("f", b"0123456789" * 1000)
    fd = os.open("f", os.O_RDWR)
    os.pwrite(fd, b"abc", 5)
    first = os.pread(fd, 20, 0)
    os.pwrite(fd, b"Z" * 10, 20000)
    size = os.fstat(fd).st_size
    os.close(fd)
    return first, size, read("f")


@step
def overlapping_writes_keep_their_order(_):
    fd = os.open("f", os.O_CREAT | os.O_RDWR, 0o600)
    for i in range(200):
        os.pwrite(fd, bytes([i]) * 5000, (i * 1777) % 40000)
    os.close(fd)
    return read("f")


@step
def appending_from_two_descriptors(_):
    one = os.open("f", os.O_CREAT | os.O_WRONLY | os.O_APPEND, 0o600)
    two = os.open("f", os.O_WRONLY | os.O_APPEND)
    for i in range(20):
        os.write((one, two)[i % 2], b"line %d\n" % i)
    os.close(one)
    os.close(two)
    return read("f")


@step
def truncating(_):
    write("f", b"0123456789")
    out = []
    for size in (4, 0, 7, 100000):
        os.truncate("f", size)
        out.append((os.stat("f").st_size, read("f")))
    fd = os.open("f", os.O_RDWR)
    os.ftruncate(fd, 3)
    os.pwrite(fd, b"end", 10)
    os.ftruncate(fd, 12)
    out.append(os.fstat(fd).st_size)
    os.close(fd)
    out.append(read("f"))
    out.append(error_of(os.truncate, "none", 1))
    os.mkdir("d")
    out.append(error_of(os.truncate, "d", 1))
    return out


@step
def open_with_truncation(_):
    write("f", b"a long content")
    fd = os.open("f", os.O_WRONLY | os.O_TRUNC)
    size = os.fstat(fd).st_size
    os.write(fd, b"ab")
    os.close(fd)
    return size, read("f")


@step
def wrong_use_of_descriptors(_):
    write("f", b"abc")
    reader = os.open("f", os.O_RDONLY)
    writer = os.open("f", os.O_WRONLY)
    out = [error_of(os.write, reader, b"x"), error_of(os.read, writer, 1),
           error_of(os.ftruncate, reader, 0)]
    os.close(reader)
    os.close(writer)
    return out


@step
def sparse_and_far_offsets(_):
    fd = os.open("f", os.O_CREAT | os.O_RDWR, 0o600)
    os.pwrite(fd, b"far", 5 * 2 ** 30 + 7)
    os.pwrite(fd, b"near", 3)
    os.fsync(fd)
    out = [os.fstat(fd).st_size, os.pread(fd, 10, 0), os.pread(fd, 10, 5 * 2 ** 30 + 5),
           os.pread(fd, 3, 2 ** 31), os.fstat(fd).st_blocks < 1000]
    os.close(fd)
    return out


@step
def setting_times(_):
    write("f")
    os.mkdir("d")
    os.symlink("f", "l")
    os.utime("f", ns=(1234567890123456789, 987654321000000001))
    os.utime("d", ns=(1, 2))
    os.utime("l", ns=(3, 4 * 10 ** 18), follow_symlinks=False)
    before = time.time() - 5
    out = [facts(name, times=True)[-2:] for name in ("f", "d")] + [os.lstat("l").st_mtime_ns]
    os.utime("f")
    return out, os.stat("f").st_mtime > before


@step
def times_stay_after_late_data(_):
    fd = os.open("f", os.O_CREAT | os.O_WRONLY, 0o600)
    os.write(fd, b"data that may still be on the way")
    os.utime(fd, ns=(5 * 10 ** 9 + 1, 6 * 10 ** 9 + 2))
    os.close(fd)
    return os.stat("f").st_mtime_ns


@step
def modes_and_owners(_):
    write("f")
    out = []
    for mode in (0o600, 0o4755, 0o2755, 0o1777, 0):
        os.chmod("f", mode)
        out.append(facts("f"))
    os.chown("f", 1000, 2000)
    out.append(facts("f"))
    os.chown("f", -1, 7)
    out.append(facts("f"))
    os.symlink("f", "l")
    os.lchown("l", 5, 6)
    out.append(facts("l"))
    out.append(error_of(os.chmod, "none", 0))
    return out


@step
def hard_links(_):
    write("a", b"one")
    os.link("a", "b")
    os.mkdir("d")
    out = [facts("a"), facts("b"), os.stat("a").st_ino == os.stat("b").st_ino,
           error_of(os.link, "a", "b"), error_of(os.link, "d", "e"),
           error_of(os.link, "none", "e")]
    write("b", b"two!", os.O_WRONLY)
    out += [read("a"), os.stat("a").st_size]
    os.unlink("a")
    return out, facts("b")


@step
def counts_of_names_are_always_new(_):
    write("a")
    fd = os.open("a", os.O_RDONLY)
    out = []
    for change in (lambda: os.link("a", "b"), lambda: os.unlink("a"), lambda: os.link("b", "a"),
                   lambda: os.rename("b", "c"), lambda: os.unlink("a"), lambda: os.unlink("c")):
        before = os.fstat(fd)
        change()
        after = os.fstat(fd)
        out.append((after.st_nlink, before.st_ctime_ns <= after.st_ctime_ns))
    os.close(fd)
    return out


@step
def a_directory_tells_each_change_of_its_names(_):
    os.mkdir("d")
    out = []
    for change in (lambda: write("d/a"), lambda: os.mkdir("d/e"), lambda: os.symlink("x", "d/s"),
                   lambda: os.mkfifo("d/p"), lambda: os.link("d/a", "d/b"),
                   lambda: os.rename("d/b", "d/e/b"), lambda: os.unlink("d/a"),
                   lambda: os.rename("d/e", "f"), lambda: os.rename("f", "d/f"),
                   lambda: os.unlink("d/f/b"), lambda: os.rmdir("d/f")):
        os.utime("d", (1, 1))
        old = os.stat("d").st_mtime_ns
        change()
        new = os.stat("d")
        out.append((new.st_nlink, new.st_mtime_ns != old))
    return out


@step
def a_file_tells_each_change_of_its_own(_):
    write("a", b"12345")
    fd = os.open("a", os.O_RDWR)
    out = []
    for change in (lambda: os.pwrite(fd, b"123456", 0), lambda: os.ftruncate(fd, 3),
                   lambda: os.fchmod(fd, 0o600), lambda: os.pread(fd, 3, 0),
                   lambda: write("a", b"y"), lambda: os.utime("a", (5, 6)),
                   lambda: os.posix_fallocate(fd, 0, 9), lambda: os.chmod("a", 0o640)):
        change()
        st = os.fstat(fd)
        out.append((st.st_size, stat.filemode(st.st_mode), st.st_mtime_ns == 6 * 10 ** 9))
    os.close(fd)
    return out


@step
def symbolic_links(_):
    os.symlink("target", "l")
    os.symlink("l", "loop1")
    os.symlink("x" * 1000, "long")
    os.symlink("self", "self")
    write("target", b"through the link")
    return [os.readlink("l"), os.readlink("long") == "x" * 1000, read("l"), read("loop1"),
            error_of(os.stat, "self"), error_of(os.readlink, "target"),
            error_of(os.symlink, "a", "l"), facts("l")]


@step
def removing(_):
    os.mkdir("d")
    write("d/f")
    write("f")
    return [error_of(os.rmdir, "d"), error_of(os.unlink, "d"), error_of(os.rmdir, "f"),
            error_of(os.unlink, "none"), error_of(os.rmdir, "none"), error_of(os.unlink, "f/x"),
            error_of(os.unlink, "d/f"), error_of(os.rmdir, "d"), error_of(os.stat, "d"),
            os.listdir(".")]


@step
def renaming(_):
    for name in ("a", "b"):
        write(name, name.encode())
    for name in ("d", "e", "full"):
        os.mkdir(name)
    write("full/x")
    out = [error_of(os.rename, "a", "d"), error_of(os.rename, "d", "a"),
           error_of(os.rename, "d", "full"), error_of(os.rename, "d", "d/below"),
           error_of(os.rename, "none", "x"), error_of(os.rename, "a", "b"),
           error_of(os.rename, "d", "e"), error_of(os.rename, "b", "e/moved"),
           error_of(os.rename, "full", "e/full")]
    return out, sorted(os.listdir(".")), sorted(os.listdir("e")), read("e/moved"), facts("e")


@step
def renaming_with_flags(_):
    write("a", b"a")
    write("b", b"b")
    os.mkdir("d")
    out = [error_of(rename2, "a", "b", NOREPLACE), error_of(rename2, "a", "c", NOREPLACE),
           error_of(rename2, "b", "c", EXCHANGE), error_of(rename2, "b", "d", EXCHANGE),
           error_of(rename2, "b", "none", EXCHANGE), error_of(rename2, "b", "d", 0x80)]
    return out, [(name, facts(name)[0]) for name in sorted(os.listdir("."))], read("c")


@step
def renaming_onto_the_open_file(_):
    write("a", b"new")
    write("b", b"old content")
    fd = os.open("b", os.O_RDWR)
    os.rename("a", "b")
    os.pwrite(fd, b"OLD", 0)
    out = [os.pread(fd, 100, 0), os.fstat(fd).st_nlink, read("b")]
    os.close(fd)
    return out


@step
def unlinked_while_open(_):
    fd = os.open("f", os.O_CREAT | os.O_RDWR, 0o600)
    os.write(fd, b"still here")
    os.unlink("f")
    out = [os.pread(fd, 100, 0), os.fstat(fd).st_nlink, os.fstat(fd).st_size]
    os.pwrite(fd, b" and there", 10)
    os.fsync(fd)
    os.fchmod(fd, 0o604)
    os.ftruncate(fd, 15)
    out += [os.pread(fd, 100, 0), os.fstat(fd).st_size, oct(os.fstat(fd).st_mode)]
    os.close(fd)
    return out, os.listdir(".")


@step
def names_of_any_byte(_):
    names = [bytes([i]) for i in range(1, 256) if i not in b"./"]
    names += [b"x" * 255, b"...", b" lead", b"tail ", b"new\nline", b"\xff\xfe", "ä€𝄞".encode()]
    for name in names:
        write(name, name)
    listed = sorted(os.listdir(b"."))
    same = all(read(name) == name for name in names)
    return listed, same, error_of(write, b"y" * 256), error_of(os.stat, b"y" * 256)


@step
def mapping_for_reading_and_writing(_):
    write("f", b"\0" * 100000)
    with open("f", "r+b") as file:
        with mmap.mmap(file.fileno(), 0) as view:
            view[10:15] = b"hello"
            view[99990:99995] = b"there"
            view.flush()
            through_file = os.pread(file.fileno(), 5, 10)
        with mmap.mmap(file.fileno(), 0, prot=mmap.PROT_READ) as view:
            seen = view[99990:99995]
    return through_file, seen, read("f")


@step
def private_mapping_changes_nothing(_):
    write("f", b"abcdef")
    with open("f", "r+b") as file:
        with mmap.mmap(file.fileno(), 0, flags=mmap.MAP_PRIVATE) as view:
            view[0:3] = b"XYZ"
    return read("f")


@step
def listing_and_directory_links(_):
    for name in ("d1", "d2", "d2/deep"):
        os.mkdir(name)
    write("f")
    out = [facts("."), facts("d2"), sorted(os.listdir(".")), sorted(os.listdir("d2"))]
    os.rmdir("d1")
    return out, facts("."), error_of(os.listdir, "f"), error_of(os.listdir, "none")


@step
def names_removed_while_listing(_):
    for i in range(500):
        write(f"f{i}")
    seen = 0
    with os.scandir(".") as entries:
        for entry in entries:
            os.unlink(entry.name)
            seen += 1
    return seen, os.listdir(".")


@step
def open_flags_direct_and_sync(_):
    out = []
    for flag in (os.O_SYNC, os.O_DSYNC):
        fd = os.open("f", os.O_CREAT | os.O_RDWR | flag, 0o600)
        os.pwrite(fd, b"sync", 0)
        out.append(os.pread(fd, 10, 0))
        os.close(fd)
    return out, read("f")


@step
def syncing(_):
    fd = os.open("f", os.O_CREAT | os.O_RDWR, 0o600)
    os.write(fd, b"x" * 100000)
    out = [error_of(os.fsync, fd), error_of(os.fdatasync, fd)]
    os.close(fd)
    directory = os.open(".", os.O_RDONLY | os.O_DIRECTORY)
    out.append(error_of(os.fsync, directory))
    os.close(directory)
    return out


@step
def seeking_to_the_end_sees_late_data(_):
    fd = os.open("f", os.O_CREAT | os.O_RDWR, 0o600)
    os.write(fd, b"x" * 12345)
    end = os.lseek(fd, 0, os.SEEK_END)
    other = os.stat("f").st_size
    os.close(fd)
    return end, other


@step
def copying_within(_):
    write("f", os.urandom(1) * 300000)
    one, two = os.open("f", os.O_RDONLY), os.open("g", os.O_CREAT | os.O_WRONLY, 0o600)
    done = 0
    while done < 300000:
        done += os.copy_file_range(one, two, 300000 - done)
    os.close(one)
    os.close(two)
    return done, read("f") == read("g")


def run(function, base):
    """One step in a directory of its own below BASE; its result and what stands there then."""
    place = os.path.join(base, function.__name__)
    os.mkdir(place)
    os.chdir(place)
    result = error_of(function, place)
    tree = [[path, facts(path)] for root, dirs, files in os.walk(b".")
            for path in sorted(os.path.join(root, name) for name in dirs + files)]
    os.chdir("/")
    return result, sorted(tree)


def main():
    mount, local = map(os.path.realpath, sys.argv[1:])
    only = os.environ.get("STEPS", "").split()
    failed = 0
    for function in STEPS:
        if only and function.__name__ not in only:
            continue
        here, there = run(function, mount), run(function, local)
        name = function.__name__.replace("_", " ")
        print(("ok" if here == there else "not ok") + f": {name}", flush=True)
        if here != there:
            failed += 1
            for what, ours, theirs in zip(("result", "tree"), here, there):
                if ours != theirs:
                    print(f"  {what} on the mount: {str(ours)[:2000]}\n"
                          f"  {what} locally:      {str(theirs)[:2000]}")
    return failed != 0


if __name__ == "__main__":
    sys.exit(main())
