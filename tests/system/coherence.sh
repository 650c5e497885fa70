#!/usr/bin/env bash
# Close-to-open: who opens a file sees what was written before its writer closed it, on this host
# or another; our own changes are seen at once; few requests are needed.
. "$(dirname "$0")/../lib/lab.sh" || exit 99

lab
echo one >"$export_dir/f"
check_equal "first content" "$(cat "$mnt/f")" one
echo "two is longer" >"$export_dir/f"
check_equal "longer content right after the server changed it" "$(cat "$mnt/f")" "two is longer"
echo 3 >"$export_dir/f"
check_equal "shorter content" "$(cat "$mnt/f")" 3
printf '4\n' >"$export_dir/new" && mv "$export_dir/new" "$export_dir/f"
sleep 1.1 # the name may be trusted for entry_timeout
check_equal "another file under the name" "$(cat "$mnt/f")" 4

mount_ftsfs server:/lab "$work/other" name=other || fail "second mount"
for i in 1 2 3 4 5; do
  echo "round $i" >"$mnt/g"
  check_equal "the other mount reads round $i" "$(cat "$work/other/g")" "round $i"
  echo "back $i" >"$work/other/g"
  check_equal "and answers" "$(cat "$mnt/g")" "back $i"
done

exec 7>"$mnt/late"
printf 'not closed yet' >&7
check_equal "the size is right while data are late" "$(stat -c %s "$mnt/late")" 14
wait_for 5 "late data at the server" grep -q closed "$export_dir/late"
exec 7>&-

head -c 4096 /dev/urandom >"$export_dir/small"
sleep 0.5 # until the mount has heard of that
stat "$mnt/small" >/dev/null
before=$(calls)
check "a small file" cmp "$mnt/small" "$export_dir/small"
check_at_most "requests of open, read and close of 4 KiB" $(($(calls) - before)) 2

mkdir "$mnt/names"
for i in {1..40}; do
  echo "$i" >"$mnt/names/$i" || fail "making $i"
  [ ! -e "$mnt/names/$i-b" ] || fail "$i-b is there before it is made"
  echo "$i" >"$mnt/names/$i-b"
  [ -e "$mnt/names/$i-b" ] || fail "$i-b is not there after it was made"
done
before=$(calls)
for i in {1..20}; do [ -e "$mnt/names/missing-$i" ] && fail "missing-$i is there"; done
check_at_most "requests of 20 look-ups of missing names" $(($(calls) - before)) 5
echo here >"$export_dir/names/missing-1"
echo here >"$work/other/names/missing-2"
wait_for 5 "a name made at the server" test -e "$mnt/names/missing-1"
wait_for 5 "a name made by another mount" test -e "$mnt/names/missing-2"
echo new >"$export_dir/names/taken"
check_fails "making what somebody else made" \
  bash -c 'set -C; echo mine >"$1"' - "$mnt/names/taken"
check_equal "it is the other's" "$(cat "$mnt/names/taken")" new

rm "$export_dir/f"
sleep 1.1
check_fails "a removed file is gone" cat "$mnt/f"
