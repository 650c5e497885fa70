#!/usr/bin/python3
"""rights MOUNT LOCAL: who may do what, and what modes, owners and groups come of it, as operations.py
does it: umask, sticky directories, set-id bits, inherited groups and ACL, for four users.  Run by
root.
"""
import itertools
import os
import sys

sys.dont_write_bytecode = True
import operations
import operations_extended
from operations import error_of, step, write
from operations_extended import GROUP_OBJ, MASK, OTHER, OTHERS, OWNER, THIRD, USER, USER_OBJ, acl, as_user

operations.STEPS.clear()
CLUB = 6001
USERS = {"root": (0, ()), "owner": (OWNER, (CLUB,)), "member": (OTHER, (CLUB,)), "stranger": (THIRD, ())}
APPEND = os.O_WRONLY | os.O_APPEND


def by(name, call, *args):
    uid, groups = USERS[name]
    return error_of(call, *args) if uid == 0 else as_user(uid, call, *args, groups=groups)


def rights(name):
    try:
        st = os.lstat(name)
    except OSError as error:
        return error.errno
    return oct(st.st_mode), st.st_uid, st.st_gid


def make_dir(name, mode, uid=OWNER, gid=CLUB):
    os.mkdir(name)
    os.chown(name, uid, gid)
    os.chmod(name, mode)


def make_file(name, mode, uid=OWNER, gid=CLUB):
    write(name, b"text")
    os.chown(name, uid, gid)
    os.chmod(name, mode)


def make_all(top, mask):
    """One of each kind in TOP, whoever I am."""
    os.umask(mask)
    made = []
    for call, *args in ((write, "f", b"", os.O_CREAT | os.O_WRONLY, 0o666), (write, "x", b"", os.O_CREAT | os.O_WRONLY, 0o6777),
                        (os.mkdir, "d", 0o777), (os.mkdir, "s", 0o7777), (os.mkfifo, "p", 0o666),
                        (os.symlink, "target", "l")):
        if call is os.symlink:
            args[1] = f"{top}/{args[1]}"
            name = args[1]
        else:
            args[0] = name = f"{top}/{args[0]}"
        made.append((error_of(call, *args), rights(name)))
    return made


DIRS = {"plain": 0o777, "sticky": 0o1777, "group": 0o2770, "both": 0o3777, "closed": 0o755, "mine": 0o700}


def step_of_making(kind, mask):
    def making(_):
        out = []
        for user in USERS:
            top = f"{kind}-{user}"
            make_dir(top, DIRS[kind])
            old = os.umask(0)
            os.umask(old)
            out.append((user, by(user, make_all, top, mask)))
            os.umask(old)
        return out
    making.__name__ = f"making_in_a_{kind}_directory_with_umask_{mask:03o}"
    return step(making)


for kind, mask in itertools.product(DIRS, (0, 0o022, 0o077)):
    step_of_making(kind, mask)


@step
def making_under_a_default_acl(_):
    default = acl((USER_OBJ, 7, None), (USER, 6, OTHER), (GROUP_OBJ, 5, None), (MASK, 7, None), (OTHERS, 1, None))
    out = []
    for user in USERS:
        make_dir(user, 0o2777)
        os.setxattr(user, "system.posix_acl_default", default)
        old = os.umask(0)
        out.append(by(user, make_all, user, 0o077))
        os.umask(old)
        for name in ("f", "d", "s"):
            out.append(error_of(os.getxattr, f"{user}/{name}", "system.posix_acl_access"))
    return out


@step
def sticky_directories_keep_what_is_whose(_):
    out = []
    for mode, holder in itertools.product((0o777, 0o1777, 0o3777), (OWNER, THIRD)):
        for user in USERS:
            top = f"{mode:o}-{holder}-{user}"
            make_dir(top, mode, uid=holder)
            for name in ("a", "b", "c"):
                make_file(f"{top}/{name}", 0o666, uid=OTHER)
            os.mkdir(f"{top}/d")
            out.append((top, by(user, os.rename, f"{top}/a", f"{top}/a2"), by(user, os.unlink, f"{top}/b"),
                        by(user, os.rmdir, f"{top}/d"), by(user, os.rename, f"{top}/c", f"{top}/a"),
                        sorted(os.listdir(top))))
    return out


@step
def changes_take_set_id_bits_away_or_not(_):
    out = []
    for mode in (0o4777, 0o2777, 0o6777, 0o2767, 0o6755):
        for user in USERS:
            for what, call, *args in (("write", write, b"x", APPEND), ("truncate", os.truncate, 0), ("grow", os.truncate, 99),
                                      ("chown", os.chown, -1, CLUB), ("to self", os.chown, OWNER, -1),
                                      ("chmod", os.chmod, mode), ("touch", os.utime)):
                name = f"{mode:o}-{user}-{what}"
                make_file(name, mode)
                out.append((name, by(user, call, name, *args), rights(name)))
    return out


@step
def chmod_and_chown_are_the_owners(_):
    out = []
    for user in USERS:
        for gid in (CLUB, 6002):
            name = f"{user}-{gid}"
            make_file(name, 0o644, gid=gid)
            make_dir(f"{name}-d", 0o755, gid=gid)
            for place in (name, f"{name}-d"):
                out += [(place, by(user, os.chmod, place, 0o2775), rights(place), by(user, os.chown, place, -1, 6002), rights(place),
                         by(user, os.chown, place, OTHER, -1), rights(place))]
    return out


@step
def times_are_changed_by_who_may(_):
    out = []
    for mode in (0o600, 0o666, 0o060):
        for user in USERS:
            name = f"{mode:o}-{user}"
            make_file(name, mode)
            out.append((name, by(user, os.utime, name), by(user, os.utime, name, (1, 2))))
    return out


@step
def directories_are_entered_read_and_changed_by_their_bits(_):
    out = []
    for bits in range(8):
        for shift, user in ((6, "owner"), (3, "member"), (0, "stranger")):
            top = f"{bits}-{user}"
            make_dir(top, 0o700)
            make_file(f"{top}/f", 0o666)
            os.chmod(top, bits << shift)
            out.append((top, by(user, os.listdir, top), by(user, os.stat, f"{top}/f") and "stat", by(user, os.mkdir, f"{top}/d"),
                        by(user, os.access, top, os.R_OK), by(user, os.access, top, os.W_OK), by(user, os.access, top, os.X_OK)))
    return [(*one[:2], isinstance(one[2], str) and one[2], *one[3:]) for one in out]


@step
def files_are_opened_by_their_bits(_):
    out = []
    for bits in range(8):
        for shift, user in ((6, "owner"), (3, "member"), (0, "stranger")):
            name = f"{bits}-{user}"
            make_file(name, bits << shift)
            flags = (os.O_RDONLY, os.O_WRONLY, os.O_RDWR, os.O_WRONLY | os.O_TRUNC)
            out.append((name, [by(user, open_close, name, flag) for flag in flags]))
    return out


def open_close(name, flags):
    os.close(os.open(name, flags))
    return "opened"


if __name__ == "__main__":
    sys.exit(operations.main())
