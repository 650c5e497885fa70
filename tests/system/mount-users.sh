#!/usr/bin/env bash
# Who is who on a mount: idmap=, uid=, gid=, umask= and their like, allow_other, allow_root.
# shellcheck source=tests/lib/installed.sh
. "$(dirname "$0")/../lib/installed.sh" || exit 99

# mounted OPTIONS: $m is mounted with them, after what was there before.
m=$work/m
mounted ()
{
  umount "$m" 2>/dev/null
  mount -t fuse.ftsfs server:/lab "$m" -o "volume=$volume,$1" || fail "mount with $1: status $?"
}

refused ()
{
  check_fails "$1: refused" mount -t fuse.ftsfs server:/lab "$work/refused" -o "volume=$volume,$2"
  check_stderr "$1: by words" "$3"
}

owner_here () { stat -c %u:%g "$m/$1"; }
owner_there () { stat -c %u:%g "$export_dir/$1"; }

names_anna () { getfacl -ncp "$1" | grep -q '^user:5001:rw'; }

# Makes files as anna, bert and root through the mount.
make_files ()
{
  local name=$1
  as 5001 5001 touch "$m/$name-anna" && as 5002 5002,6000 touch "$m/$name-bert" && touch "$m/$name-root"
}

lab_server
mkdir "$m" "$work/refused"
chown 4001:4002 "$export_dir"
chmod 2777 "$export_dir"
chmod g-s "$export_dir"
touch "$export_dir/foreign"
chown 7001:7002 "$export_dir/foreign"

mkdir "$export_dir/club"
chown 0:4026 "$export_dir/club"
chmod 770 "$export_dir/club"

mounted idmap=none
check "none: three users make files" make_files none
check_equal "none: anna's" "$(owner_here none-anna) $(owner_there none-anna)" "5001:5001 5001:5001"

mounted "idmap=user,uid=5001,gid=5001"
check "user: files are made" make_files user
check_equal "user: the mount's user is the owner of the export" "$(owner_there user-anna)" 4001:4002
check_equal "user: others have their numbers" "$(owner_there user-bert)" 5002:5002

printf '# here:there\nanna:4011\n5002:4012\n' >"$work/users"
printf 'anna:4021\nclub:4026\n' >"$work/groups"
mounted "idmap=file,uidfile=$work/users,gidfile=$work/groups"
check "file: files are made" make_files file
check_equal "file: anna's" "$(owner_here file-anna) $(owner_there file-anna)" "5001:5001 4011:4021"
check_equal "file: who is in no line is nobody" "$(owner_here file-root) $(owner_there file-root)" \
  "65534:65534 65534:65534"
check_equal "file: nor is another's file anybody's" "$(owner_here foreign)" 65534:65534
check "file: a supplementary group counts" as 5002 5002,6000 touch "$m/club/f"
check_fails "file: others are kept out" as 5001 5001 touch "$m/club/g"
if setfacl -m u:5001:rw "$export_dir/file-bert" 2>/dev/null; then
  setfacl -m u:4011:rw "$export_dir/file-bert"
  wait_for 30 "file: an ACL that names users of here" names_anna "$m/file-bert"
  setfacl -m u:5002:r "$m/file-anna" 2>/dev/null || as 5001 5001 setfacl -m u:5002:r "$m/file-anna"
  check_equal "file: and is kept with those of there" \
    "$(getfacl -ncp "$export_dir/file-anna" | grep -c '^user:4012:r')" 1
fi
check "file: chown maps" as 5001 5001 chgrp 5001 "$m/file-anna"
mounted "idmap=file,uidfile=$work/users,nomap=ignore"
check_equal "ignore: who is in no line keeps the number" "$(owner_here foreign)" 7001:7002

mounted "idmap=squash,uid=5001,gid=5001"
check "squash: files are made" make_files squash
check_equal "squash: all are one there" "$(owner_there squash-bert) $(owner_there squash-root)" \
  "4001:4002 4001:4002"
check_equal "squash: and one here" "$(owner_here squash-bert) $(owner_here foreign)" "5001:5001 5001:5001"
mounted "idmap=squash,anonuid=5002,anongid=6000"
check "squash: as whom, may be said" touch "$m/said"
check_equal "squash: then as that one" "$(owner_there said)" 5002:6000

mounted "uid=5001,gid=6000,umask=027"
check_equal "uid=, gid=, umask=: what is shown" "$(stat -c '%u:%g %a' "$m/none-bert") $(stat -c %a "$m/club")" \
  "5001:6000 750 750"
check_equal "what is there, is there" "$(stat -c '%u:%g %a' "$export_dir/none-bert")" "5002:5002 644"
mounted "umask=077,fmask=0133,dmask=022"
check_equal "fmask= and dmask= count more" "$(stat -c %a "$m/none-bert" "$m/club" | tr '\n' ' ')" "644 755 "

refused "idmap=file without a file" idmap=file "uidfile="
refused "a file for another map" "uidfile=$work/users" "idmap=file"
refused "an unknown map" idmap=all "none, user, file or squash"
refused "a mask that is none" umask=8 "octal"
echo "nobody-here:1" >"$work/users"
refused "a line with an unknown name" "idmap=file,uidfile=$work/users" "$work/users: line 1.*nobody-here"
chown 0:0 "$export_dir"
refused "to make everybody root" idmap=squash "anonuid"

# ---- the mounts of users ----

umount "$m"
chown 5001 "$m"
chmod 666 "$work"/lun.img*
check "anna mounts" as 5001 5001 ftsfs server:/lab "$m" -o "volume=$volume,idmap=user"
check_equal "idmap=user: the export belongs to her" "$(as 5001 5001 stat -c %u:%g "$m")" 5001:5001
check_fails "root is kept out" ls "$m"
check_fails "so are others" as 5002 5002 ls "$m"
as 5001 5001 fusermount3 -u "$m"
check_fails "allow_other is for /etc/fuse.conf to allow" as 5001 5001 ftsfs server:/lab "$m" \
  -o "volume=$volume,allow_other"
[ ! -e /etc/fuse.conf ] || {
  echo user_allow_other >"$work/fuse.conf"
  chmod 644 "$work/fuse.conf"
  mount --bind "$work/fuse.conf" /etc/fuse.conf
  check "then it works" as 5001 5001 ftsfs server:/lab "$m" -o "volume=$volume,allow_other"
  check "and others get in" as 5002 5002 stat "$m/foreign" >"$work/stdout"
  as 5001 5001 fusermount3 -u "$m"
  check "allow_root" as 5001 5001 ftsfs server:/lab "$m" -o "volume=$volume,allow_root"
  check "lets root in" stat "$m/foreign" >"$work/stdout"
  check_fails "and nobody else" as 5002 5002 stat "$m/foreign"
  as 5001 5001 fusermount3 -u "$m"
}
