#!/usr/bin/env bash
# contrib/lab/up and down: a mount of one directory on another, several side by side; nothing is
# left, whatever was killed.
# shellcheck source=tests/lib/lab.sh
. "$(dirname "$0")/../lib/lab.sh" || exit 99

up=$FTS_SOURCE/contrib/lab/up
down=$FTS_SOURCE/contrib/lab/down
root_of ()
{
  echo "/dev/shm/ftsfs-lab-$(printf %s "$(realpath "$1")" | sha256sum | cut -c1-16)"
}

need_root
[ -c /dev/fuse ] || skip "no /dev/fuse"
on_exit "$down" "$work/m1" "$work/m2" "$work/m3"
mkdir "$work/e1" "$work/e2"
echo one >"$work/e1/f"
echo two >"$work/e2/f"
check "up" "$up" "$work/e1" "$work/m1"
check "another beside it" "$up" -v "--heartbeat-ms 100 --dead-ms 1000" -o ro "$work/e2" "$work/m2"
check_equal "the first shows its directory" "$(cat "$work/m1/f")" one
check_equal "the second its own" "$(cat "$work/m2/f")" two
check "the first can be written" touch "$work/m1/g"
check_fails "the second is read-only" touch "$work/m2/g"
check_fails "a mount point is used once" "$up" "$work/e1" "$work/m1"
check_stderr "it says how to go on" "down"
root1=$(root_of "$work/m1") root2=$(root_of "$work/m2")
[ -d "$root1" ] || fail "no $root1"

check "down" "$down" "$work/m1"
check "down again" "$down" "$work/m1"
[ ! -e "$root1" ] || fail "$root1 is left"
check_fails "the mount is gone" mountpoint -q "$work/m1"
check_equal "the other one is not touched" "$(cat "$work/m2/f")" two

# shellcheck disable=SC1091
. "$root2/lab.env"
kill -KILL "$LAB_SERVER_PID"
exec 8<"$work/m2"
check "down with a killed server and a busy mount" timed "$down" "$work/m2"
check_at_most "ms that takes, without waiting for the mount's grace" "$took" 20000
exec 8<&-
[ ! -e "$root2" ] || fail "$root2 is left"

check "up once more" "$up" "$work/e1" "$work/m1"
kill -KILL "$(pid_of_mount "$work/m1")"
check "down with a killed mount" "$down" "$work/m1"
[ ! -e "$root1" ] || fail "$root1 is left"

check_fails "a wrong mount option" "$up" -o colour=red "$work/e1" "$work/m3"
check_stderr "is named" colour
[ ! -e "$(root_of "$work/m3")" ] || fail "a failed lab is left"
check_fails "an exported directory that is none" "$up" "$work/none" "$work/m3"
