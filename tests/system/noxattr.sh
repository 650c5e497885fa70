#!/usr/bin/env bash
# With noxattr a mount has no extended attributes, and ls asks for none; the server judges by ACL.
. "$(dirname "$0")/../lib/lab.sh" || exit 99

lab noxattr
for i in {1..100}; do echo "$i" >"$export_dir/$i"; done
setfattr -n trusted.x -v 1 "$export_dir/1" 2>/dev/null || skip "no extended attributes in $export_dir"
setfacl -m u:5001:--- "$export_dir/2" || skip "no ACL in $export_dir"
check "a listing with all that ls shows" ls -l "$mnt"
check_at_most "requests for extended attributes" "$(calls getxattr)" 0
check_fails "getting one" getfattr -n trusted.x "$mnt/1"
check_stderr "it says so" "not supported"
check_fails "setting one" setfattr -n trusted.y -v 1 "$mnt/1"
check_stderr "it says so" "not supported"
check_equal "listing none" "$(getfattr -d "$mnt/1")" ""
chmod 755 "$work"
check_fails "the server judges by ACL" setpriv --reuid 5001 --clear-groups cat "$mnt/2"
check "others may" setpriv --reuid 5002 --clear-groups cat "$mnt/2"
