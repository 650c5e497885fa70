#!/usr/bin/env bash
# All paths to the LUN are cut under a mount, at each kind of operation: nothing hangs; with hard
# every operation goes on when the paths are back, with soft it succeeds or says why.
# shellcheck source=tests/lib/lab.sh
. "$(dirname "$0")/../lib/lab.sh" || exit 99

cut=$work/cut

prepare ()
{
  rm -rf "${export_dir:?}"/* && mkdir "$export_dir/dir" "$export_dir/dir/sub"
  head -c 300K /dev/urandom >"$export_dir/file"
  touch "$export_dir/dir/a" "$export_dir/dir/b" "$export_dir/lock" "$export_dir/mapped"
}

# The operations: a name, and what is run on the mount.
operations=(
  "read|cat $mnt/file"
  "write|dd if=/dev/zero of=$mnt/written bs=64k count=4"
  "append|sh -c 'echo x >>$mnt/appended'"
  "create|touch $mnt/dir/new"
  "mkdir|mkdir $mnt/dir/made"
  "rmdir|rmdir $mnt/dir/sub"
  "unlink|rm -f $mnt/dir/a"
  "rename|mv $mnt/dir/b $mnt/dir/c"
  "link|ln $mnt/file $mnt/dir/hard"
  "symlink|ln -s x $mnt/dir/soft"
  "getattr|stat $mnt/dir/made"
  "setattr|chmod 600 $mnt/file"
  "truncate|truncate -s 1000 $mnt/file"
  "readdir|ls $mnt/dir"
  "fsync|dd if=/dev/zero of=$mnt/synced bs=4k count=1 conv=fsync"
  "setxattr|setfattr -n user.a -v 1 $mnt/file"
  "getxattr|getfattr -d $mnt/file"
  "lock|flock $mnt/lock true"
  "statfs|df $mnt"
  "fallocate|fallocate -l 10000 $mnt/allocated"
)


# cut_under MODE: each operation begins while all paths are cut, which come back after a moment.
cut_under ()
{
  local mode=$1 i job status text
  for ((i = 0; i < ${#operations[@]}; i++)); do
    text=${operations[i]%%|*}
    touch "$cut"
    bash -c "${operations[i]#*|}" >"$work/job.out" 2>&1 &
    job=$!
    sleep 0.3
    rm "$cut"
    wait_for 60 "end of $text, $mode" is_gone "$job"
    wait "$job" && status=0 || status=$?
    [ "$status" -lt 124 ] || fail "$mode, $text: status $status"
    [ "$mode" = soft ] || [ "$status" -eq 0 ] || fail "$mode, $text: $(cat "$work/job.out")"
    echo "ok: $mode, $text: status $status"
  done
}

need_fuse
mkdir -p "$export_dir"
make_volume --size 256M --heartbeat-ms 500 --dead-ms 20000 --io-timeout-ms 2000
image=$volume
lab_server
for mode in hard soft; do
  prepare
  volume="fault(down=while:$cut)+$image|?check-ms=100&check-max-ms=200"
  mount_ftsfs server:/lab "$mnt" "$mode,name=$mode,wait=30,attr_timeout=0,entry_timeout=0" || fail "mount $mode"
  cut_under "$mode"
  check "$mode: the mount goes on" cmp -n 1000 "$mnt/file" "$export_dir/file"
  check "$mode: umount" umount "$mnt"
  wait_for 30 "end of ftsfs" is_unserved "$mnt"
done

# The LUN stays away: the mount can be taken away all the same, and programs killed.
prepare
mount_ftsfs server:/lab "$mnt" "hard,name=gone,wait=30,attr_timeout=0,entry_timeout=0" || fail "mount"
ls "$mnt" >/dev/null
touch "$cut"
cat "$mnt/file" >/dev/null 2>&1 &
job=$!
sleep 1
timed timeout 20 df "$mnt" >/dev/null 2>&1
check_at_most "ms of df without the LUN" "$took" 19000
kill -KILL "$job"
wait_for 30 "end of a killed program without the LUN" is_gone "$job"
timed timeout 30 umount "$mnt" || fail "umount without the LUN"
check_at_most "ms of umount without the LUN" "$took" 20000
rm -f "$cut"
wait_for 60 "end of ftsfs" is_unserved "$mnt"
