#!/usr/bin/python3
"""operations_extended MOUNT LOCAL: what only some file systems can do, as operations.py does it.

Extended attributes, POSIX ACL, and rules between users.  Run by root.
"""
import errno
import hashlib
import os
import pickle
import stat
import struct
import subprocess
import sys

sys.dont_write_bytecode = True
import operations
from operations import error_of, facts, read, rename2, step, write

operations.STEPS.clear()
OWNER, OTHER, THIRD = 5001, 5002, 5003


def as_user(uid, call, *args, groups=()):
    """What CALL gives to another user: its result or its errno's name."""
    source, sink = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(source)
        os.setgroups(groups)
        os.setresgid(uid, uid, uid)
        os.setresuid(uid, uid, uid)
        with os.fdopen(sink, "wb") as file:
            pickle.dump(error_of(call, *args), file)
        os._exit(0)
    os.close(sink)
    with os.fdopen(source, "rb") as file:
        result = pickle.load(file)
    os.waitpid(child, 0)
    return result


def user_names(name):
    return sorted(one for one in os.listxattr(name) if one.startswith("user."))


# ---- extended attributes ----

@step
def xattr_set_get_list_remove(_):
    write("a")
    os.setxattr("a", "user.one", b"1")
    os.setxattr("a", "user.empty", b"")
    os.setxattr("a", "user.binary", bytes(range(256)))
    out = [user_names("a"), os.getxattr("a", "user.one"), os.getxattr("a", "user.empty"),
           os.getxattr("a", "user.binary")]
    os.setxattr("a", "user.one", b"another value")
    out.append(os.getxattr("a", "user.one"))
    os.removexattr("a", "user.one")
    return out + [user_names("a"), error_of(os.getxattr, "a", "user.one"),
                  error_of(os.removexattr, "a", "user.one")]


@step
def xattr_create_and_replace(_):
    write("a")
    out = [error_of(os.setxattr, "a", "user.x", b"1", os.XATTR_REPLACE),
           error_of(os.setxattr, "a", "user.x", b"1", os.XATTR_CREATE),
           error_of(os.setxattr, "a", "user.x", b"2", os.XATTR_CREATE),
           error_of(os.setxattr, "a", "user.x", b"3", os.XATTR_REPLACE)]
    return out + [os.getxattr("a", "user.x")]


@step
def xattr_too_small_a_buffer(_):
    write("a")
    os.setxattr("a", "user.x", b"0123456789")
    libc = operations.LIBC
    buffer = bytes(4)

    def sized(function, *args):
        got = function(*args)
        return got if got >= 0 else errno.errorcode[operations.ctypes.get_errno()]

    return [sized(libc.getxattr, b"a", b"user.x", None, 0),
            sized(libc.getxattr, b"a", b"user.x", buffer, 4),
            sized(libc.listxattr, b"a", buffer, 4),
            sized(libc.getxattr, b"a", b"user.x", bytes(10), 10)]


@step
def xattr_names_and_sizes(_):
    write("a")
    return [error_of(os.setxattr, "a", "user." + "n" * 250, b"v"),
            error_of(os.setxattr, "a", "user." + "n" * 251, b"v"),
            error_of(os.setxattr, "a", "user.", b"v"),
            error_of(os.setxattr, "a", "nospace", b"v"),
            error_of(os.setxattr, "a", "other.x", b"v"),
            error_of(os.getxattr, "a", "other.x"),
            error_of(os.setxattr, "a", "user.long", b"v" * 65537),
            error_of(os.setxattr, "none", "user.x", b"v"),
            error_of(os.listxattr, "none")]


@step
def xattr_of_other_kinds_of_files(_):
    os.mkdir("d")
    os.symlink("d", "l")
    os.mkfifo("p")
    out = []
    for name in ("d", "l", "p"):
        out += [error_of(os.setxattr, name, f"{space}.x", b"v", follow_symlinks=False)
                for space in ("user", "trusted")]
    return out + [error_of(os.getxattr, "l", "trusted.x", follow_symlinks=False),
                  error_of(os.getxattr, "l", "trusted.x")]


@step
def xattr_name_spaces_of_users(_):
    write("a")
    os.chown("a", OWNER, OWNER)
    os.setxattr("a", "trusted.t", b"root's")
    os.setxattr("a", "user.u", b"all")
    os.setxattr("a", "security.s", b"label")
    return [as_user(OWNER, lambda: sorted(n for n in os.listxattr("a") if n[0] in "tu")),
            as_user(OWNER, os.getxattr, "a", "trusted.t"),
            as_user(OWNER, os.setxattr, "a", "trusted.t", b"mine"),
            as_user(OWNER, os.removexattr, "a", "trusted.t"),
            as_user(OWNER, os.setxattr, "a", "user.u", b"mine"),
            as_user(OTHER, os.setxattr, "a", "user.u", b"theirs"),
            as_user(OTHER, os.getxattr, "a", "user.u"),
            as_user(OWNER, os.setxattr, "a", "security.s", b"x"),
            as_user(OWNER, os.getxattr, "a", "security.s"),
            os.getxattr("a", "trusted.t")]


@step
def xattr_in_sticky_directories(_):
    os.mkdir("t")
    os.chmod("t", 0o1777)
    return [as_user(OWNER, os.setxattr, "t", "user.x", b"v"),
            error_of(os.setxattr, "t", "user.x", b"v")]


@step
def capabilities_go_with_a_write(_):
    write("a")
    capability = struct.pack("<IIIII", 0x02000001, 1 << 10, 0, 0, 0)
    os.setxattr("a", "security.capability", capability)
    out = [os.getxattr("a", "security.capability") == capability]
    write("a", b"y", os.O_WRONLY)
    return out + [error_of(os.getxattr, "a", "security.capability")]


# ---- POSIX ACL ----

def acl(*entries):
    """system.posix_acl_* of (tag, permissions, id)."""
    ids = [(tag, perm, 0xffffffff if who is None else who) for tag, perm, who in entries]
    return struct.pack("<I", 2) + b"".join(struct.pack("<HHI", *one) for one in ids)


USER_OBJ, USER, GROUP_OBJ, GROUP, MASK, OTHERS = 1, 2, 4, 8, 16, 32
READERS = acl((USER_OBJ, 6, None), (USER, 4, OTHER), (GROUP_OBJ, 0, None), (MASK, 4, None),
              (OTHERS, 0, None))


@step
def acl_lets_one_user_in(_):
    write("a", b"text", mode=0o600)
    os.chown("a", OWNER, OWNER)
    os.setxattr("a", "system.posix_acl_access", READERS)
    append = os.O_WRONLY | os.O_APPEND
    return [facts("a"), os.getxattr("a", "system.posix_acl_access"),
            as_user(OWNER, read, "a"), as_user(OTHER, read, "a"), as_user(THIRD, read, "a"),
            as_user(OTHER, write, "a", b"x", append), as_user(OWNER, write, "a", b"x", append),
            as_user(OTHER, os.access, "a", os.R_OK), as_user(THIRD, os.access, "a", os.R_OK)]


@step
def acl_mask_follows_chmod(_):
    write("a", b"text", mode=0o600)
    os.chown("a", OWNER, OWNER)
    os.setxattr("a", "system.posix_acl_access", READERS)
    out = [as_user(OTHER, read, "a")]
    os.chmod("a", 0o600)
    out += [as_user(OTHER, read, "a"), os.getxattr("a", "system.posix_acl_access")]
    os.chmod("a", 0o640)
    return out + [as_user(OTHER, read, "a"), facts("a")]


@step
def acl_is_removed(_):
    write("a", b"text", mode=0o600)
    os.setxattr("a", "system.posix_acl_access", READERS)
    before = as_user(OTHER, read, "a")
    os.removexattr("a", "system.posix_acl_access")
    return [before, as_user(OTHER, read, "a"), error_of(os.getxattr, "a", "system.posix_acl_access"),
            error_of(os.getxattr, "a", "system.posix_acl_default"), facts("a")]


@step
def acl_of_a_directory_is_inherited(_):
    os.mkdir("d")
    default = acl((USER_OBJ, 7, None), (USER, 6, OTHER), (GROUP_OBJ, 5, None), (MASK, 7, None),
                  (OTHERS, 0, None))
    os.setxattr("d", "system.posix_acl_default", default)
    old = os.umask(0o077)
    try:
        write("d/f", mode=0o666)
        os.mkdir("d/s", 0o777)
        os.mknod("d/p", stat.S_IFIFO | 0o666)
    finally:
        os.umask(old)
    return [facts(name) for name in ("d", "d/f", "d/s", "d/p")] + [
        os.getxattr("d/f", "system.posix_acl_access"),
        os.getxattr("d/s", "system.posix_acl_access"),
        os.getxattr("d/s", "system.posix_acl_default"),
        error_of(os.getxattr, "d/f", "system.posix_acl_default")]


@step
def acl_that_makes_no_sense(_):
    write("a")
    os.chown("a", OWNER, OWNER)
    return [error_of(os.setxattr, "a", "system.posix_acl_access", b"nonsense"),
            error_of(os.setxattr, "a", "system.posix_acl_access", acl((USER, 4, OTHER))),
            error_of(os.setxattr, "a", "system.posix_acl_default", READERS),
            as_user(OTHER, os.setxattr, "a", "system.posix_acl_access", READERS),
            as_user(OWNER, os.setxattr, "a", "system.posix_acl_access", READERS)]


@step
def acl_by_the_usual_commands(_):
    write("a", mode=0o640)
    subprocess.run(["setfacl", "-m", f"u:{OTHER}:rw,g:{THIRD}:r", "a"], check=True)
    text = subprocess.run(["getfacl", "-n", "a"], check=True, capture_output=True).stdout
    subprocess.run(["cp", "-a", "a", "b"], check=True)
    copy = subprocess.run(["getfacl", "-n", "b"], check=True, capture_output=True).stdout
    return [text, copy, as_user(7000, read, "a", groups=(THIRD,)), as_user(7000, read, "a")]


# ---- ranges ----

KEEP_SIZE, PUNCH_HOLE, COLLAPSE, ZERO_RANGE, INSERT = 1, 2, 8, 16, 32


def fallocate(fd, mode, offset, length):
    if operations.LIBC.fallocate(fd, mode, operations.ctypes.c_long(offset),
                                 operations.ctypes.c_long(length)) != 0:
        raise OSError(operations.ctypes.get_errno(), "fallocate")
    return 0


def open_filled(name, length=1 << 20):
    fd = os.open(name, os.O_CREAT | os.O_RDWR, 0o644)
    os.write(fd, b"0123456789abcdef" * (length // 16))
    return fd


def state(fd, name):
    """Content by both ways to it, size and space."""
    st = os.fstat(fd)
    return [hashlib.sha256(os.pread(fd, 1 << 22, 0)).hexdigest(), st.st_size,
            st.st_blocks, len(read(name))]


@step
def fallocate_makes_room(_):
    fd = open_filled("a", 4096)
    out = [error_of(fallocate, fd, 0, 0, 100000), state(fd, "a"),
           error_of(fallocate, fd, KEEP_SIZE, 0, 300000), state(fd, "a"),
           error_of(os.posix_fallocate, fd, 200000, 10), state(fd, "a")]
    os.close(fd)
    return out


@step
def fallocate_punches_holes(_):
    fd = open_filled("a")
    out = [error_of(fallocate, fd, KEEP_SIZE | PUNCH_HOLE, 65536, 131072), state(fd, "a"),
           error_of(fallocate, fd, KEEP_SIZE | PUNCH_HOLE, 5, 100), state(fd, "a"),
           error_of(fallocate, fd, KEEP_SIZE | PUNCH_HOLE, 1 << 19, 1 << 22), state(fd, "a")]
    os.close(fd)
    return out


@step
def fallocate_zeroes_or_refuses_as_the_file_system_does(_):
    fd = open_filled("a")
    out = [error_of(fallocate, fd, ZERO_RANGE, 4096, 8192), state(fd, "a")]
    os.close(fd)
    return out


@step
def fallocate_that_makes_no_sense(_):
    fd = open_filled("a")
    reader = os.open("a", os.O_RDONLY)
    os.mkdir("d")
    directory = os.open("d", os.O_RDONLY)
    out = [error_of(fallocate, fd, 0, 0, 0), error_of(fallocate, fd, 0, -1, 10),
           error_of(fallocate, fd, PUNCH_HOLE, 0, 10), error_of(fallocate, fd, 1 << 20, 0, 10),
           error_of(fallocate, reader, 0, 0, 10), error_of(fallocate, directory, 0, 0, 10)]
    for one in (fd, reader, directory):
        os.close(one)
    return out


@step
def fallocate_takes_set_id_bits_away(_):
    write("a", mode=0o755)
    os.chown("a", OWNER, OWNER)
    os.chmod("a", 0o6755)
    return [as_user(OWNER, lambda: fallocate(os.open("a", os.O_WRONLY), 0, 0, 10000)), facts("a")]


@step
def seeking_for_data_and_holes(_):
    fd = os.open("a", os.O_CREAT | os.O_RDWR, 0o644)
    os.ftruncate(fd, 1 << 20)
    os.pwrite(fd, b"x" * 8192, 262144)
    out = [error_of(os.lseek, fd, at, whence) for whence in (os.SEEK_DATA, os.SEEK_HOLE)
           for at in (0, 262144, 266240, 270336, 300000, (1 << 20) - 1, 1 << 20, 1 << 21, -1)]
    os.close(fd)
    write("empty", b"")
    fd = os.open("empty", os.O_RDONLY)
    out += [error_of(os.lseek, fd, 0, whence) for whence in (os.SEEK_DATA, os.SEEK_HOLE)]
    os.close(fd)
    return out


@step
def sparse_copies_stay_sparse(_):
    fd = os.open("a", os.O_CREAT | os.O_RDWR, 0o644)
    os.pwrite(fd, b"x" * 8192, 1 << 20)
    os.ftruncate(fd, 4 << 20)
    os.close(fd)
    subprocess.run(["cp", "--sparse=auto", "--reflink=never", "a", "b"], check=True)
    return [os.stat("b").st_blocks, os.stat("b").st_size, read("a") == read("b")]


@step
def copying_ranges(_):
    source = open_filled("a")
    target = open_filled("b", 4096)
    out = [os.copy_file_range(source, target, 100000, 7, 1000), state(target, "b"),
           os.copy_file_range(source, target, 100, (1 << 20) - 10, 0), state(target, "b"),
           os.copy_file_range(source, target, 100, 1 << 21, 0),
           error_of(os.copy_file_range, source, source, 1000, 0, 500),
           os.copy_file_range(source, source, 1000, 0, 1 << 19), state(source, "a")]
    reader, appender = os.open("a", os.O_RDONLY), os.open("b", os.O_WRONLY | os.O_APPEND)
    out += [error_of(os.copy_file_range, source, reader, 10, 0, 0),
            error_of(os.copy_file_range, source, appender, 10, 0, 0),
            error_of(os.copy_file_range, appender, source, 10, 0, 0)]
    for fd in (source, target, reader, appender):
        os.close(fd)
    return out


if __name__ == "__main__":
    sys.exit(operations.main())
