#!/usr/bin/env bash
# What only inotify can get wrong, as it sees single files: links elsewhere, too few watches, a queue that
# overflows, files that the server may not read, a server that is not root, changed configuration.
# shellcheck source=tests/lib/lab.sh
. "$(dirname "$0")/../lib/lab.sh" || exit 99

need_fuse
dead_ms=20000 # the server is stopped for a while
user=65534
export G_MESSAGES_DEBUG=ftsfs-fts

# ---- a server that is not root ----
chmod 755 "$work"
setpriv --reuid "$user" --clear-groups ftsd --version >/dev/null 2>&1 ||
  skip "user $user may not run the programs built here"
mkdir "$work/bin" "$export_dir"
printf '#!/bin/bash\nexec setpriv --reuid %s --clear-groups %q "$@"\n' "$user" "$(command -v ftsd)" >"$work/bin/ftsd"
chmod +x "$work/bin/ftsd"
make_volume --size 256M --heartbeat-ms "$heartbeat_ms" --dead-ms "$dead_ms"
printf '[export lab]\npath=%s\n' "$export_dir" >"$work/exports"
mkdir "$export_dir/a" "$export_dir/b" "$export_dir/many"
echo one >"$export_dir/f"
echo secret >"$export_dir/secret"
for i in {1..60}; do echo "$i" >"$export_dir/many/$i"; done
chown -R "$user" "$work"
mkdir -m 700 "$work/run-mount"
chown 0 "$export_dir/secret"
chmod 600 "$export_dir/secret"
serve ()
{
  PATH=$work/bin:$PATH start_server server --config "$work/exports" --stats-file "$work/ftsd.json" "$@"
  server_pid=$pid
}
serve
FTSFS_RUN_DIR=$work/run-mount mount_ftsfs server:/lab "$mnt" "stats=$mount_stats" || fail "mount: status $?"
mount_pid=$(pid_of_mount "$mnt")
stat "$mnt" >/dev/null
sleep 1.2 # it was known before the server began to tell of changes
check "it says how it sees changes" grep -q "seen by inotify" "$work/server.log"

# A look at FILE, later than the short time-outs, asks nobody.
is_kept ()
{
  local before
  stat "$1" "$mnt" >/dev/null
  sleep 1.2
  before=$(calls)
  stat "$1" >/dev/null
  [ "$(calls)" -eq "$before" ]
}
has_size ()
{
  [ "$(stat -c %s "$1")" = "$2" ]
}
check "what was looked at is kept" is_kept "$mnt/f"
for i in {1..10}; do
  stat "$mnt/f" >/dev/null
  head -c "$((100 + i))" /dev/zero >"$export_dir/f"
  wait_for 30 "size of a file that was written on the server" has_size "$mnt/f" "$((100 + i))"
done
echo "ok: sizes written on the server"

# ---- what the server may not read it does not see ----
check_fails "a file that the server may not read is not kept" is_kept "$mnt/secret"
head -c 55 /dev/zero >"$export_dir/secret"
wait_for 30 "its new size" has_size "$mnt/secret" 55

# ---- names elsewhere ----
echo link >"$export_dir/a/f"
check "a file is kept" is_kept "$mnt/a/f"
ln "$export_dir/a/f" "$export_dir/b/g" # nobody has looked into b
wait_for 30 "the further link" eval '[ "$(stat -c %h "$mnt/a/f")" = 2 ]'
check "it is kept again" is_kept "$mnt/a/f"
echo "longer than before" >"$export_dir/b/g"
wait_for 30 "what was written by the other name" has_size "$mnt/a/f" 19
check "it is kept again" is_kept "$mnt/a/f"
rm "$export_dir/b/g"
wait_for 30 "the end of the link" eval '[ "$(stat -c %h "$mnt/a/f")" = 1 ]'
[ ! -e "$mnt/a/sub" ] || fail "a/sub is there already"
mkdir -p "$export_dir/a/sub/deep"
wait_for 30 "a directory made on the server" test -d "$mnt/a/sub/deep"
mv "$export_dir/a/sub" "$export_dir/b/sub"
check "the directory is found where it went" test -d "$mnt/b/sub/deep"
wait_for 30 "the end of its old name" test ! -e "$mnt/a/sub"
: >"$export_dir/b/sub/deep/new"
wait_for 30 "a name made in a moved directory" test -e "$mnt/b/sub/deep/new"

# ---- what a mount changes itself stays kept, but for a moment ----
check "a file of the mount's own" eval 'echo own >"$mnt/own"'
wait_for 30 "its being kept" is_kept "$mnt/own"
echo "somebody else's" >"$export_dir/own"
wait_for 30 "what was written to it on the server" has_size "$mnt/own" 16

# ---- a full queue ----
ls "$mnt/b" >/dev/null
check "a file is kept" is_kept "$mnt/f"
kill -STOP "$server_pid"
on_exit eval 'kill -CONT "$server_pid" 2>/dev/null'
/usr/bin/python3 - "$export_dir/b" "$(cat /proc/sys/fs/inotify/max_queued_events)" <<'PY'
import os, sys
for i in range(int(sys.argv[2]) + 100):
    os.close(os.open(os.path.join(sys.argv[1], str(i)), os.O_CREAT | os.O_WRONLY))
PY
head -c 77 /dev/zero >"$export_dir/f"
kill -CONT "$server_pid"
wait_for 30 "what changed while the queue was full" has_size "$mnt/f" 77
wait_for 30 "the word about it" grep -q "came too fast" "$work/server.log"
check "and it is kept again" is_kept "$mnt/f"
find "$export_dir/b" -type f -delete

# ---- other words in the configuration ----
reload ()
{
  kill -HUP "$server_pid"
  wait_for 10 "reading of the configuration" \
    eval "[ \"\$(grep -c 'made on this host are' '$work/server.log')\" -eq $1 ]"
}
printf 'watch=off\n' >>"$work/exports"
reload 2
head -c 88 /dev/zero >"$export_dir/f"
wait_for 30 "what changed after that" has_size "$mnt/f" 88
check_fails "nothing is kept any more" is_kept "$mnt/f"
sed -i s/watch=off/watch=inotify/ "$work/exports"
reload 3
wait_for 30 "its being kept again" is_kept "$mnt/f"

# ---- few watches ----
stop "$server_pid"
serve --watches 10
watches ()
{
  rm -f "$work/ftsd.json"
  kill -USR1 "$server_pid"
  wait_for 10 "statistics" test -s "$work/ftsd.json"
  /usr/bin/python3 -c 'import json, sys; print(json.load(open(sys.argv[1]))["watches"])' "$work/ftsd.json"
}
wait_for 30 "the new server" is_kept "$mnt/f"
ls -l "$mnt/many" >/dev/null
for i in {1..60}; do stat "$mnt/many/$i" >/dev/null; done
check_at_most "watches" "$(watches)" 10
for i in {1..60}; do head -c "$((10 + i))" /dev/zero >"$export_dir/many/$i"; done
for i in {1..60}; do wait_for 30 "file $i" has_size "$mnt/many/$i" "$((10 + i))"; done
check_at_most "watches" "$(watches)" 10
[ ! -e "$mnt/many/new" ] || fail "many/new is there already"
for i in {1..20}; do stat "$mnt/many/$i" >/dev/null; done # the folder's watch goes
: >"$export_dir/many/new"
wait_for 30 "a name in a folder that lost its watch" test -e "$mnt/many/new"
wait_for 30 "what is needed being kept" is_kept "$mnt/many/60"

# ---- nobody looks any more ----
unmount "$mnt"
no_watches ()
{
  [ "$(watches)" -eq 0 ]
}
wait_for 30 "the end of all watches" no_watches
