# shellcheck shell=bash
# installed.sh - on top of lab.sh: a machine on which ftsfs is installed, as mount(8), systemd and the
# automounter see it, without touching the machine.
#
#   . "$(dirname "$0")/../lib/installed.sh" || exit 99
#
# The script goes on in a mount namespace of its own.  There the built programs stand in /usr/sbin beside
# those of the machine, mount.fuse.ftsfs among them, and /etc/fstab is the file $fstab, empty at
# first; there are users anna (5001), bert (5002) and a group "club" (6000).  Everything ends with the script.

if [ -z "${FTS_OWN_MOUNTS-}" ] && unshare --mount --propagation private true 2>/dev/null; then
  exec unshare --mount --propagation private env FTS_OWN_MOUNTS=1 bash "$0" "$@"
fi
unset FTS_OWN_MOUNTS

# shellcheck source=tests/lib/lab.sh
. "$(dirname "${BASH_SOURCE[0]}")/lab.sh" || exit 99
need_fuse
[ -e /etc/fstab ] || skip "no /etc/fstab"

fstab=$work/fstab
chmod 711 "$work"

# Links in a tmpfs, not an overlay: not every root file system can be the lower half of one.  Copies of
# the built programs: the build may lie where other users do not come, as below /root.
_install ()
{
  local sbin
  sbin=$(realpath /usr/sbin) && mkdir "$work/sbin" && mount --bind "$sbin" "$work/sbin" &&
    mount -t tmpfs -o mode=755 installed "$sbin" &&
    find "$work/sbin" -mindepth 1 -maxdepth 1 -exec ln -s -t "$sbin" {} + &&
    install -m 755 -t "$sbin" "$FTS_BUILD/src/prog/ftsfs/ftsfs" "$FTS_BUILD/src/prog/ftsd/ftsd" &&
    ln -sf ftsfs "$sbin/mount.fuse.ftsfs" &&
    : >"$fstab" && mount --bind "$fstab" /etc/fstab
}
_install || fail "the programs cannot be put in place"

# Everybody may open /dev/fuse, as udev sets it up; some machines without udev let root alone.
_open_fuse ()
{
  mkdir "$work/dev" && mount -t tmpfs -o mode=755 dev "$work/dev" &&
    mknod -m 666 "$work/dev/fuse" c 10 229 && mount --bind "$work/dev/fuse" /dev/fuse
}
_open_fuse || fail "/dev/fuse cannot be opened for all"

# Names are asked for by fusermount3 and mount(8).
_add_users ()
{
  { cat /etc/passwd; echo "anna:x:5001:5001::/:/bin/sh"; echo "bert:x:5002:5002::/:/bin/sh"; } >"$work/passwd" &&
    { cat /etc/group; printf '%s\n' anna:x:5001: bert:x:5002: club:x:6000:; } >"$work/group" &&
    mount --bind "$work/passwd" /etc/passwd && mount --bind "$work/group" /etc/group
}
_add_users || fail "no users can be added"

# As lab.sh's, with the program that is installed here.
mount_ftsfs ()
{
  mkdir -p "$2"
  on_exit unmount "$2"
  mount -t fuse.ftsfs "$1" "$2" -o "volume=$volume${3:+,$3}"
}

# as UID GROUPS COMMAND...: as that user and group of the same number.
as ()
{
  local uid=$1 groups=$2
  shift 2
  setpriv --reuid "$uid" --regid "$uid" --groups "$groups" -- "$@"
}
