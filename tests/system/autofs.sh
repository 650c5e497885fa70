#!/usr/bin/env bash
# The automounter (Debian's autofs) with the maps of contrib/autofs: access mounts, disuse unmounts,
# and what is away is an error soon.  It runs here alone, with its own configuration.
# shellcheck source=tests/lib/installed.sh
. "$(dirname "$0")/../lib/installed.sh" || exit 99

grep -qw autofs /proc/filesystems || modprobe autofs4 2>/dev/null ||
  skip "this kernel has no autofs (CONFIG_AUTOFS_FS)"
command -v automount >/dev/null || skip "no automount (contrib/install-deps --test)"

lab_server
echo content >"$export_dir/f"
etc=$work/etc by_key=$work/fts by_peer=$work/fts-server
mkdir "$etc" "$by_key" "$by_peer"
# Its fifos and the like are not for the machine.
mount -t tmpfs -o mode=755 run /run || fail "no tmpfs on /run"

cat >"$etc/autofs.conf" <<TEXT
[ autofs ]
timeout = 2
negative_timeout = 1
browse_mode = no
TEXT
mount --bind "$etc/autofs.conf" /etc/autofs.conf || fail "no configuration of our own"
install -m 755 "$FTS_SOURCE/contrib/autofs/auto.ftsfs" "$etc/auto.ftsfs"
printf 'VOLUME=%s\nOPTIONS=wait=1,attr_timeout=5\n' "$volume" >"$etc/default"
sed "s|volume=san0|volume=$volume,wait=1|; s|:beta|:server|" "$FTS_SOURCE/contrib/autofs/auto.peer" >"$etc/auto.peer"
cat >"$etc/auto.master" <<TEXT
$by_key  $etc/auto.ftsfs  --timeout=2
$by_peer  $etc/auto.peer  --timeout=2
TEXT

# By the list alone: to look at the directory is to use it.
has_mounted ()
{
  grep -q "^server:/lab $1 fuse.ftsfs " /proc/mounts
}

is_ready ()
{
  [ "$(findmnt -rn -t autofs -o TARGET | grep -c "^$work/")" -eq 2 ]
}

is_free ()
{
  ! has_mounted "$1" && is_unserved "$1"
}

# What would wait for ever must not keep the test.
soon ()
{
  timeout -s KILL 60 "$@"
}

# A process group of its own: in the automounter's own group access mounts nothing.
AUTO_FTSFS=$etc/default start automount setsid automount --foreground --verbose \
  --dont-check-daemon --pid-file "$work/automount.pid" "$etc/auto.master"
automount=$pid
wait_for 30 "automounter" is_ready

check "access by PEER:EXPORT mounts" soon cmp "$export_dir/f" "$by_key/server:lab/f"
check "it is our mount" has_mounted "$by_key/server:lab"
check "access by a wildcard mounts" soon cmp "$export_dir/f" "$by_peer/lab/f"
check "it is our mount" has_mounted "$by_peer/lab"
check "files can be made" soon sh -c "echo new >'$by_peer/lab/new'"
check_equal "and are there" "$(cat "$export_dir/new")" new

check_fails "an export that does not exist" soon ls "$by_peer/nothing"
check_stderr "is told" "No such file"
check_fails "a peer that is away" soon ls "$by_key/away:lab"
check_stderr "is told" "No such file"
check_fails "a key that is none" soon ls "$by_key/../fts/server"
check_stderr "is told" "No such file"

exec 7<"$by_peer/lab/f"
wait_for 60 "end of a mount that nobody uses" is_free "$by_key/server:lab"
check "one with an open file stays" has_mounted "$by_peer/lab"
check_equal "and is read" "$(cat <&7)" content
exec 7<&-
wait_for 60 "its end when it is closed" is_free "$by_peer/lab"
check "access mounts again" soon cmp "$export_dir/f" "$by_peer/lab/f"
check "it is our mount" has_mounted "$by_peer/lab"
stop "$automount"
wait_for 60 "end with the automounter" is_free "$by_peer/lab"
check_equal "nothing of the automounter is left" "$(findmnt -rn -t autofs -o TARGET | grep -c "^$work/")" 0
