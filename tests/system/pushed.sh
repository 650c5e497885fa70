#!/usr/bin/env bash
# Changes made elsewhere are pushed: what another mount or a program on the server changed is seen
# at once, though caches are kept long; and kept caches cost no request.
# shellcheck source=tests/lib/lab.sh
. "$(dirname "$0")/../lib/lab.sh" || exit 99

dead_ms=5000 # longer than a mount is stopped here
lab
other=$work/other
mount_ftsfs server:/lab "$other" name=other || fail "second mount"

# ---- caches stay warm ----
mkdir "$export_dir/tree" "$export_dir/tree/sub"
for i in {1..40}; do
  echo "$i" >"$export_dir/tree/file$i"
done
ln -s file1 "$export_dir/tree/sub/link"
look ()
{
  /usr/bin/python3 - "$mnt/tree" <<'PY'
import os, sys
for folder, names, files in os.walk(sys.argv[1]):
    for name in files:
        os.lstat(os.path.join(folder, name))
        if name == "link":
            os.readlink(os.path.join(folder, name))
    os.path.exists(os.path.join(folder, "absent"))
PY
}
look
sleep 1.2 # the short time-outs pass
look
before=$(calls)
look
check_equal "requests of walking a known tree once more" "$(($(calls) - before))" 0

# ---- another mount's changes, at once ----
echo 1 >"$mnt/f"
for i in {2..30}; do
  cat "$mnt/f" "$other/f" >/dev/null
  stat "$mnt/f" "$other/f" >/dev/null
  head -c "$i" /dev/zero | tr '\0' x >"$other/f"
  [ "$(stat -c %s "$mnt/f")" = "$i" ] || fail "size $i is not seen at once"
done
echo "ok: sizes written by another mount"
for i in {1..30}; do
  [ ! -e "$mnt/new$i" ] || fail "new$i is there already"
  : >"$other/new$i"
  [ -e "$mnt/new$i" ] || fail "new$i is not seen at once"
  mv "$other/new$i" "$other/moved"
  [ ! -e "$mnt/new$i" ] && [ -e "$mnt/moved" ] || fail "new$i was renamed, which is not seen at once"
  rm "$other/moved"
  [ ! -e "$mnt/moved" ] || fail "moved is still there"
done
echo "ok: names made, renamed and removed by another mount"
stat "$mnt/f" >/dev/null
chmod 600 "$other/f"
check_equal "mode" "$(stat -c %a "$mnt/f")" 600
ln "$other/f" "$other/hard"
check_equal "links" "$(stat -c %h "$mnt/f")" 2
ls "$mnt/tree" >/dev/null
mkdir "$other/tree/fresh"
check "a listing" eval 'ls "$mnt/tree" | grep -q fresh'

# ---- an open file: what its mount has cached is dropped too ----
exec 7<"$mnt/f"
cat "$mnt/f" >/dev/null
echo "second content" >"$other/f"
check_equal "reading on in an open file" "$(cat <&7)" "second content"
exec 7<&-

# ---- the server's own programs, within moments ----
sees ()
{
  [ "$(stat -c %s "$mnt/f")" = "$1" ]
}
for i in {1..10}; do
  stat "$mnt/f" >/dev/null
  head -c "$((100 + i))" /dev/zero >"$export_dir/f"
  wait_for 30 "size of a file that was written on the server" sees "$((100 + i))"
done
echo "ok: sizes written on the server"
[ ! -e "$mnt/local" ] || fail "local is there already"
: >"$export_dir/local"
wait_for 30 "a name made on the server" test -e "$mnt/local"
rm "$export_dir/local"
wait_for 30 "the end of a name removed on the server" test ! -e "$mnt/local"
ls "$mnt/tree" >/dev/null
mv "$export_dir/tree/sub" "$export_dir/sub"
wait_for 30 "a directory moved on the server" test -L "$mnt/sub/link"
check "it left its old place" test ! -e "$mnt/tree/sub"
echo "ok: names made, removed and moved on the server"

# ---- a mount that does not answer is passed over ----
stat "$other/f" >/dev/null
other_pid=$(pid_of_mount "$other")
on_exit eval 'kill -CONT "$other_pid" 2>/dev/null'
kill -STOP "$other_pid"
timed eval 'echo changed >"$mnt/f"'
kill -CONT "$other_pid"
check_at_most "ms that a stopped mount holds up a change" "$took" 30000
wait_for 30 "its new sight" grep -q changed "$other/f"

# ---- the server is killed: what changes meanwhile is seen, and later changes are pushed again ----
stat "$mnt/f" "$other/f" >/dev/null
kill -s KILL "$server_pid"
wait "$server_pid" 2>/dev/null
head -c 77 /dev/zero >"$export_dir/f"
lab_server
wait_for 60 "what changed while no server was there" sees 77
# Beyond the short time-outs: the mounts have found the new server.
pushed_again ()
{
  stat "$mnt/f" >/dev/null
  sleep 1.2
  before=$(calls)
  stat "$mnt/f" >/dev/null
  [ "$(calls)" -eq "$before" ]
}
wait_for 60 "kept caches after a restart" pushed_again
for i in 5 6 7 8; do
  stat "$mnt/f" >/dev/null
  head -c "$i" /dev/zero >"$other/f"
  [ "$(stat -c %s "$mnt/f")" = "$i" ] || fail "size $i is not seen at once after a restart"
done
echo "ok: and after a restart of the server"
