#!/usr/bin/env bash
# Two users and root on one mount: each may do what it may do on a local directory; new files
# belong to who made them; supplementary groups count.
. "$(dirname "$0")/../lib/lab.sh" || exit 99

as ()
{
  local uid=$1 groups=$2
  shift 2
  setpriv --reuid "$uid" --regid "$uid" --groups "$groups" -- "$@"
}

# $work is private; others must get through it to the mount.
open_way ()
{
  chmod 711 "$work"
  chmod 755 "$export_dir"
}

lab
open_way
mkdir "$mnt/alice" "$mnt/shared" "$mnt/group"
chown 5001:5001 "$mnt/alice"
chmod 700 "$mnt/alice"
chmod 1777 "$mnt/shared"
chown 0:6000 "$mnt/group"
chmod 2770 "$mnt/group"

check "the owner writes" as 5001 5001 sh -c "echo secret >'$mnt/alice/f'"
check_equal "a file belongs to its maker" "$(stat -c %u:%g "$export_dir/alice/f")" 5001:5001
check_fails "another cannot enter" as 5002 5002 cat "$mnt/alice/f"
check_fails "another cannot list" as 5002 5002 ls "$mnt/alice"
check_fails "another cannot make files" as 5002 5002 touch "$mnt/alice/g"
check "root may all" cat "$mnt/alice/f"

check "everybody writes to a shared directory" as 5001 5001 sh -c "echo a >'$mnt/shared/a'"
check_fails "the sticky bit keeps others from removing" as 5002 5002 rm -f "$mnt/shared/a"
check_fails "and from renaming" as 5002 5002 mv "$mnt/shared/a" "$mnt/shared/b"
check_fails "others do not write a 644 file" as 5002 5002 sh -c "echo b >>'$mnt/shared/a'"
check "others read it" as 5002 5002 cat "$mnt/shared/a"
check_fails "others do not change its mode" as 5002 5002 chmod 666 "$mnt/shared/a"
check_fails "nor its owner" as 5002 5002 chown 5002 "$mnt/shared/a"
check_fails "nor its times" as 5002 5002 touch -d @1 "$mnt/shared/a"
check "the owner does" as 5001 5001 chmod 600 "$mnt/shared/a"
check_fails "then others do not read it" as 5002 5002 cat "$mnt/shared/a"

check_fails "no member, no entry" as 5001 5001 touch "$mnt/group/f"
check "a supplementary group opens the door" as 5001 6000 sh -c "echo x >'$mnt/group/f'"
check_equal "the set-group-id bit gives the group" "$(stat -c %u:%g "$export_dir/group/f")" 5001:6000

as 5001 5001 sh -c "umask 077; echo x >'$mnt/shared/private'; mkdir '$mnt/shared/pd'"
check_equal "the umask counts" "$(stat -c %a "$export_dir/shared/private")" 600
check_equal "for directories too" "$(stat -c %a "$export_dir/shared/pd")" 700

as 5001 5001 sh -c "cp /bin/true '$mnt/shared/true'; chmod 4755 '$mnt/shared/true'"
as 5001 5001 sh -c "echo more >>'$mnt/shared/true'"
check_equal "writing takes the set-user-id bit away" "$(stat -c %a "$mnt/shared/true")" 755
