#!/usr/bin/env bash
# The LUN flips bits, loses and tears writes under a mount: what arrives is right, or there is an
# error; never wrong bytes.  Both sides in turn have the bad path.
# shellcheck source=tests/lib/lab.sh
. "$(dirname "$0")/../lib/lab.sh" || exit 99

# A copy in and out; each may fail with an error, but what is said to be well must be right.
transfer ()
{
  local text=$1 name=$2 in=ok out=ok
  timeout 60 cp "$work/data" "$mnt/$name" 2>"$work/stderr" || in=error
  [ "$in" = error ] || cmp "$work/data" "$export_dir/$name" || fail "$text: wrong bytes at the server"
  echo 3 >/proc/sys/vm/drop_caches 2>/dev/null
  timeout 60 cat "$mnt/data" >"$work/out" 2>"$work/stderr" || out=error
  [ "$out" = error ] || cmp "$work/data" "$work/out" || fail "$text: wrong bytes came back"
  healed
  echo "ok: $text: in $in, out $out, $last healed"
}

# Adds the segments that were sent again for this mount to $resends.
healed ()
{
  mount_pid=$(pid_of_mount "$mnt") || return 0
  calls >/dev/null
  last=$(/usr/bin/python3 -c 'import json, sys
channels = json.load(open(sys.argv[1]))["channels"]
print(channels["resends_asked"] + channels["resends_served"])' "$mount_stats")
  resends=$((resends + last))
}

need_fuse
lab_server
head -c 24M /dev/urandom >"$work/data"
cp "$work/data" "$export_dir/data"
image=$volume
n=0 resends=0 last=0
for rules in "flip-write=1/40" "lose-write=1/60" "torn-write=1/50" "flip-read=1/40" \
  "flip-write=1/100;lose-write=1/100;flip-read=1/100"; do
  n=$((n + 1))
  volume="fault($rules:after=60)+$image"
  if mount_ftsfs server:/lab "$mnt" "name=bad$n,wait=5,stats=$mount_stats" 2>"$work/stderr"; then
    transfer "mount: $rules" "in$n"
    unmount "$mnt"
  else
    echo "ok: mount: $rules: refused: $(cat "$work/stderr")"
  fi
done
stop "$server_pid"

for rules in "flip-write=1/40" "lose-write=1/60" "torn-write=1/50"; do
  n=$((n + 1))
  volume="fault($rules:after=60)+$image"
  lab_server
  volume=$image
  if mount_ftsfs server:/lab "$mnt" "name=good$n,wait=5,stats=$mount_stats" 2>"$work/stderr"; then
    transfer "server: $rules" "in$n"
    unmount "$mnt"
  else
    echo "ok: server: $rules: refused: $(cat "$work/stderr")"
  fi
  stop "$server_pid"
done
[ "$resends" -gt 0 ] || fail "no fault was ever met"
