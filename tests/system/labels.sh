#!/usr/bin/env bash
# ls asks no further for labels once it was told that there are none, and sees those that are.
. "$(dirname "$0")/../lib/lab.sh" || exit 99

lab
touch "$export_dir/plain" "$export_dir/labelled"
setfattr -n security.selinux -v some_label "$export_dir/labelled" || skip "no labels in $export_dir"
check "a listing brings what is known of files" ls -l "$mnt"
check_fails "a file without any extended attribute" getfattr -n security.selinux "$mnt/plain"
check_stderr "has no such thing" "not supported"
check_equal "one with a label shows it" \
  "$(getfattr --only-values -n security.selinux "$mnt/labelled" 2>/dev/null)" some_label
asked=$(calls getxattr)
check "a listing with all that ls shows" ls -l "$mnt/plain"
check_equal "the peer was not asked" "$(calls getxattr)" "$asked"
