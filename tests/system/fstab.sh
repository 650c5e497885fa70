#!/usr/bin/env bash
# mount(8) with lines of /etc/fstab, the helper's exit status, bg and retry, remount, and what
# df, findmnt and /proc/mounts show.
# shellcheck source=tests/lib/installed.sh
. "$(dirname "$0")/../lib/installed.sh" || exit 99

# line DIRECTORY OPTIONS [SOURCE]: one more line of fstab.
line ()
{
  mkdir -p "$1"
  echo "${3-server:/lab}  $1  fuse.ftsfs  volume=$volume,$2  0  0" >>"$fstab"
}

# In place: another file would not be the one that /etc/fstab is.
drop_line ()
{
  local rest
  rest=$(head -n -1 "$fstab")
  echo "$rest" >"$fstab"
}

is_mounted ()
{
  mountpoint -q "$1"
}

# ends STATUS TEXT COMMAND...: with its message in $work/stderr.
ends ()
{
  local status=0
  local expected=$1 text=$2
  shift 2
  "$@" 2>"$work/stderr" || status=$?
  [ "$status" -eq "$expected" ] || fail "$text: status $status, not $expected: $(cat "$work/stderr")"
  echo "ok: $text"
}

quietly ()
{
  "$@" >"$work/stdout"
}

printf '[secrets]\n*=a long random text\n' >"$work/secrets"
echo "a long random text" >"$work/secret"
chmod 600 "$work/secrets" "$work/secret"
lab_server --secrets "$work/secrets"
secret=secret=$work/secret
echo content >"$export_dir/f"

# ---- the words of fstab ----

line "$work/plain" "defaults,$secret"
line "$work/words" "_netdev,nofail,user,x-systemd.automount,x-systemd.idle-timeout=60,comment=ours,$secret"
line "$work/readonly" "ro,nosuid,nodev,noexec,noatime,fsname=x,subtype=y,fg,retry=1,$secret"
line "$work/not" "noauto,$secret"
check "mount -a" mount -a
check "a plain line is mounted" cmp "$export_dir/f" "$work/plain/f"
check "so is one with all that others read" is_mounted "$work/words"
check "and one with flags" is_mounted "$work/readonly"
! is_mounted "$work/not" || fail "noauto was mounted"
check "mount -a again does nothing" mount -a
check_equal "one mount a line" "$(findmnt -rn -t fuse.ftsfs -o TARGET | grep -c "^$work/")" 3
check "mount by the directory" mount "$work/not"
check "umount" umount "$work/not"
cp "$fstab" "$work/other"
drop_line
check "mount -a -T another file" mount -a -T "$work/other"
check "one line of another file" mount -T "$work/other" "$work/not"

# ---- what is shown ----

check_equal "findmnt shows source and type" \
  "$(findmnt -n -o SOURCE,FSTYPE "$work/plain" | tr -s ' ')" "server:/lab fuse.ftsfs"
check_equal "df shows the source" "$(df --output=source,fstype "$work/plain" | tail -n 1 | tr -s ' ')" \
  "server:/lab fuse.ftsfs"
check_equal "df -t finds it" "$(df -t fuse.ftsfs --output=target "$work/plain" | tail -n 1)" "$work/plain"
options=$(findmnt -n -o OPTIONS "$work/readonly")
for word in ro nosuid nodev noexec noatime; do
  case ,$options, in
    *,$word,*) ;;
    *) fail "findmnt lacks $word: $options" ;;
  esac
done
echo "ok: findmnt shows the flags"
! grep "$work" /proc/mounts | grep -e secret -e volume= -e random || fail "/proc/mounts tells too much"
echo "ok: /proc/mounts tells no secrets"
ends 1 "a read-only line is read-only" touch "$work/readonly/g"
check_stderr "it says so" "Read-only"

# ---- remount ----

ends 0 "remount,ro by the line of fstab" mount -o remount,ro "$work/plain"
ends 1 "nothing is written any more" touch "$work/plain/g"
ends 0 "remount,rw" mount -o remount,rw "$work/plain"
check "it is writable again" touch "$work/plain/g"
ends 0 "a mount that began read-only becomes writable" mount -o remount,rw "$work/readonly"
check "it is" touch "$work/readonly/h"
ends 0 "remount,nosuid" mount -o remount,nosuid,noexec "$work/plain"
check "the flags are there" quietly findmnt -n -O nosuid,noexec "$work/plain"
exec 7<"$work/plain/f"
ends 0 "open files stay" mount -o remount,exec "$work/plain"
check_equal "open files go on" "$(cat <&7)" content
exec 7<&-
ends 1 "an option that cannot change" mount -o remount,attr_timeout=77 "$work/plain"
check_stderr "it is named" 'attr_timeout=77'
ends 1 "another volume neither" mount -t fuse.ftsfs -o remount,volume=file:/x server:/lab "$work/plain"
check_stderr "it is named" 'volume=file:/x'
check "nothing has changed" cmp "$export_dir/f" "$work/plain/f"
mkdir "$work/empty"
ends 1 "remount of what is not mounted" mount -t fuse.ftsfs -o remount,ro server:/lab "$work/empty"
check_stderr "it is named" "$work/empty"

# ---- the status of the helper ----

ends 1 "an unknown option" mount -t fuse.ftsfs server:/lab "$work/empty" -o "volume=$volume,atrr_timeout=1"
check_stderr "the nearest is named" 'atrr_timeout=1.*did you mean "attr_timeout="'
ends 1 "a wrong value" mount -t fuse.ftsfs server:/lab "$work/empty" -o "volume=$volume,wait=soon"
check_stderr "it is named" 'wait=soon: a number of seconds'
ends 32 "no server" mount -t fuse.ftsfs away:/lab "$work/empty" -o "volume=$volume,wait=0.2"
check_stderr "it is named" away
ends 32 "a secret is missing" mount -t fuse.ftsfs server:/lab "$work/empty" -o "volume=$volume"
ends 0 "unknown options pass with -s" mount -s -t fuse.ftsfs server:/lab "$work/empty" -o "volume=$volume,colour=red,$secret"
umount "$work/empty"
line "$work/missing" "wait=0.2" away:/lab
line "$work/there" "$secret"
ends 64 "of several mounts one fails" mount -a
check "the others are mounted" is_mounted "$work/there"

# ---- bg, retry, and nobody who waits ----

: >"$fstab"
line "$work/later" "bg,wait=0.2,$secret" later:/lab
line "$work/soon" "retry=5,wait=0.2,$secret" later:/lab
line "$work/never" "retry=5,wait=0.2,$secret" later:/lab
ends 0 "bg lets the caller go on" mount "$work/later"
check_stderr "it says so" "later.*in the background"
! is_mounted "$work/later" || fail "mounted without a server"
mount "$work/soon" 2>"$work/soon.log" &
waiting=$!
# The helper itself: mount(8) has no way to hand on a signal that it got alone.
mount.fuse.ftsfs later:/lab "$work/never" -o "volume=$volume,retry=5,wait=0.2,$secret" 2>"$work/never.log" &
never=$!
wait_for 30 "both helpers" pid_of_mount "$work/never"
wait_for 30 "both helpers" pid_of_mount "$work/soon"
kill -s INT "$never" 2>/dev/null
kill -s TERM "$never"
wait "$never"
wait_for 60 "end of the helper that nobody waits for" is_unserved "$work/never"
start_server later --export "lab=$export_dir" --secrets "$work/secrets"
wait_for 90 "mount in the background" is_mounted "$work/later"
wait "$waiting"
check_equal "retry= waits for a server that comes" "$?" 0
check "it is mounted" is_mounted "$work/soon"
! is_mounted "$work/never" || fail "mounted with nobody waiting"
echo "ok: nothing is mounted when the caller has ended"

# ---- users ----

chmod 666 "$work"/lun.img*
install -m 600 -o 5001 "$work/secret" "$work/annas"
: >"$fstab"
line "$work/mine" "noauto,user,secret=$work/annas"
line "$work/roots" "noauto,$secret"
chown 5001 "$work/mine"
ends 0 "a user mounts a line with user" as 5001 5001 mount "$work/mine"
check "she reads it" as 5001 5001 cat "$work/mine/f"
ends 1 "root does not, without allow_root" cat "$work/mine/f"
check "such a mount has nosuid, nodev and noexec" quietly findmnt -n -O nosuid,nodev,noexec "$work/mine"
ends 32 "another user does not unmount it" as 5002 5002 umount "$work/mine"
ends 0 "she unmounts it" as 5001 5001 umount "$work/mine"
ends 1 "she does not mount a line without user" as 5001 5001 mount "$work/roots"
ends 0 "a user runs the program itself" as 5001 5001 ftsfs server:/lab "$work/mine" \
  -o "volume=$volume,secret=$work/annas"
ends 1 "she cannot remount" as 5001 5001 ftsfs server:/lab "$work/mine" -o remount,ro
ends 0 "and ends it by fusermount3" as 5001 5001 fusermount3 -u "$work/mine"
