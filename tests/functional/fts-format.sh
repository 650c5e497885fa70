# fts-format: makes a volume, shows its plan, refuses what holds data, says why not.
# shellcheck shell=bash
. "$(dirname "$0")/../lib/sh.sh"

image=$work/lun.img

# ends_with STATUS COMMAND...: what it wrote is then in $work/out and $work/stderr.
ends_with ()
{
  local wanted=$1 status=0
  shift
  timeout 30 "$@" >"$work/out" 2>"$work/stderr" || status=$?
  [ "$status" -eq "$wanted" ] || fail "$* ended with $status instead of $wanted: $(cat "$work/stderr")"
}

# json KEY FILE: a value of the top level
json ()
{
  /usr/bin/python3 -c 'import json, sys; print(json.load(open(sys.argv[2]))[sys.argv[1]])' "$1" "$2"
}

# ---- the command line ----

check "help is shown" ends_with 0 fts-format --help
check "the version is shown" ends_with 0 fts-format --version
check "no device is a usage error" ends_with 2 fts-format
check "an unknown option is a usage error" ends_with 2 fts-format --frob "$image"
check "a size that is none is a usage error" ends_with 2 fts-format --size 1Q "$image"
check_stderr "the option is named" "--size 1Q"
check "a placement that is none is a usage error" ends_with 2 fts-format --placement here --size 1M "$image"
check_stderr "what it may be is said" "random, striped or chunked"
check "a lock method that is none is a usage error" ends_with 2 fts-format --lock flock --size 1M "$image"
check "a block size that is none is a usage error" ends_with 2 fts-format --block-size 1000 --size 64000K "$image"
check "a dead time below two heartbeats is a usage error" \
  ends_with 2 fts-format --size 64M --heartbeat-ms 1000 --dead-ms 1500 "$image"
check "a fence mode that is none is a usage error" ends_with 2 fts-format --fence frob --size 64M "$image"
check "a device that is not there is refused" ends_with 1 fts-format "$work/none.img"
check_stderr "it is named" "none.img"
check "a size for something that is no file is refused" ends_with 2 fts-format --size 64M sg:/dev/none

# ---- dry run ----

check "the plan of a new file is shown" ends_with 0 fts-format --dry-run --size 64M "$image"
cp "$work/out" "$work/plan"
check "it has the regions" grep -q "Process Id Table *48 " "$work/plan"
check "it says that connections were reduced" grep -q "7 connections (as many as fit)" "$work/plan"
check "and that the lock is tried when it is made" grep -q "^volume lock: caw (likely: it is tried when the volume is made)" "$work/plan"
check_equal "nothing was made" "$(find "$work" -name 'lun.img*')" ""
truncate -s 64M "$image"
check "the plan of an existing file is shown" ends_with 0 fts-format --dry-run --json "$image"
cp "$work/out" "$work/plan"
check_equal "the plan is JSON" "$(json connections "$work/plan")" 7
check_equal "nothing was made beside it" "$(find "$work" -name 'lun.img.lun')" ""
check "nothing was written" cmp -n 67108864 "$image" /dev/zero

# ---- making ----

check "an existing file becomes a volume" ends_with 0 fts-format --quiet "$image"
check_equal "quiet says nothing" "$(cat "$work/out")" ""
check "it is a sound volume" ends_with 0 fts-admin -v "$image" check
rm "$image" "$image.lun"
check "a file is created" ends_with 0 fts-format --name backup --size 32M --block-size 4096 --connections 3 \
  --segment-size 64 --entries 8 --hosts 5 --multi-buffer 2 --placement striped --lock file --heartbeat-ms 100 \
  --dead-ms 700 --io-timeout-ms 900 --json "$image"
cp "$work/out" "$work/plan"
fts-admin -v "$image" status --json >"$work/status" || fail "status"
for pair in name=backup block_size=4096 connections=3 segment_bytes=65536 entries=8 max_hosts=5 multi_buffer=2 \
  placement=striped lock=file heartbeat_ms=100 dead_ms=700 io_timeout_ms=900; do
  check_equal "${pair%%=*} is as asked" "$(json "${pair%%=*}" "$work/status")" "${pair#*=}"
done

# ---- refusing ----

cp "$image" "$work/before.img"
check "a volume is not overwritten" ends_with 1 fts-format "$image"
check_stderr "it is named" 'volume "backup"'
check_stderr "the way out is named" "--force"
check "nothing was changed" cmp "$image" "$work/before.img"
check "not even when another size is asked for" ends_with 1 fts-format --size 16M "$image"
check "nothing was changed" cmp "$image" "$work/before.img"
check "--force overwrites it" ends_with 0 fts-format -q --force --name other "$image"
fts-admin -v "$image" status --json >"$work/status" || fail "status"
check_equal "it is another volume" "$(json name "$work/status")" other

PATH=$PATH:/usr/sbin:/sbin
if command -v mkfs.ext4 >/dev/null; then
  mkfs.ext4 -q "$work/ext4.img" 64M >/dev/null 2>&1 || fail "mkfs.ext4"
  cp "$work/ext4.img" "$work/before.img"
  check "a file system is not overwritten" ends_with 1 fts-format "$work/ext4.img"
  check_stderr "it is named" ext4
  check "the file system is unchanged" cmp "$work/ext4.img" "$work/before.img"
  check "--force overwrites it" ends_with 0 fts-format -q --force "$work/ext4.img"
  check "it is a sound volume" ends_with 0 fts-admin -v "$work/ext4.img" check
fi

printf 'start=2048, type=83\n' >"$work/table"
truncate -s 64M "$work/disk.img"
if command -v sfdisk >/dev/null && sfdisk -q "$work/disk.img" <"$work/table" >/dev/null 2>&1; then
  check "a partition table is not overwritten" ends_with 1 fts-format "$work/disk.img"
  check_stderr "it is named" "partition table"
fi

# ---- too small ----

check "a file that is too small is refused" ends_with 1 fts-format --size 1M "$work/small.img"
check_stderr "the size needed is said" "need 16.* MiB"
check "it was not created" test ! -e "$work/small.img"
check "connections that do not fit are refused" ends_with 1 fts-format --size 32M --connections 64 "$work/small.img"
check_stderr "the size needed is said" "need 512.* MiB"

# ---- secondary devices ----

check "a volume over three devices is made" \
  ends_with 0 fts-format -q --size 32M "$work/m.img" "$work/s1.img" "$work/s2.img"
check "it is sound" ends_with 0 fts-admin -v "$work/m.img" -d "$work/s2.img" -d "$work/s1.img" check
check "without one of them it does not open" ends_with 3 fts-admin -v "$work/m.img" -d "$work/s1.img" status
check_stderr "the missing one is named by its identity" "device 3 \(uuid:"
check "a secondary device is not overwritten either" ends_with 1 fts-format "$work/s1.img"
check "one device named twice is refused" ends_with 2 fts-format --force "$work/m.img" "$work/m.img"
check "nor are its files made" ends_with 2 fts-format --size 32M "$work/n.img" "$work/s.img" "$work/n.img"
check_equal "nothing was made" "$(find "$work" -name 'n.img*')" ""
