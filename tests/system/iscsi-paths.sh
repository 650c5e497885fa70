#!/usr/bin/env bash
# The loss of paths with default settings, under a mount that is in use.
. "$(dirname "$0")/../lib/lab.sh" || exit 99
. "$(dirname "$0")/../lib/target.sh"
. "$(dirname "$0")/../lib/cables.sh"

need_fuse
mkdir "$export_dir"
start_target lun 128
volume="${urls[0]}|${urls[1]}"
# The time without a path is short of the dead time, however busy the machine is.
check "format" fts-format --quiet --connections 12 --dead-ms 60000 "$volume"
start_server server --export "lab=$export_dir:rw"

lay_cable one "${portals[0]}"
one=$portal
lay_cable two "${portals[1]}"
two=$portal

# mount_over_cables NAME [DEVICE-OPTIONS MOUNT-OPTIONS]: at $work/NAME, so slow that copies last
mount_over_cables ()
{
  local volume="rate(12M)+iscsi://$one/$target_iqn/0|rate(12M)+iscsi://$two/$target_iqn/0${2:+|?$2}"
  mount_ftsfs server:/lab "$work/$1" "name=$1${3:+,$3}" || fail "mount $1: status $?"
}

cut_both ()
{
  cut_cable one
  cut_cable two
}

# However the test ends, the mounts go first: without a path they would take their time.
mend_both ()
{
  mend_cable one "${portals[0]}" "$one"
  mend_cable two "${portals[1]}" "$two"
  on_exit unmount "$work/patient"
  on_exit unmount "$work/hasty"
}

bytes_there ()
{
  stat -c %s "$export_dir/$1" 2>/dev/null || echo 0
}

has_come ()
{
  [ "$(bytes_there "$1")" -ge "$2" ]
}

# more_comes TEXT FILE
more_comes ()
{
  seconds_until "$1" has_come "$2" $(($(bytes_there "$2") + 4194304))
}

# begin_copy MOUNT NAME: cp onto the mount, in the background
begin_copy ()
{
  (cp "$work/big" "$work/$1/$2" && sync -f "$work/$1/$2") >"$work/copy.log" 2>&1 &
  copy_pid=$!
  on_exit stop "$copy_pid"
  wait_for 60 "a copy begins" has_come "$2" 1000000
}

head -c 96M /dev/urandom >"$work/big"
mount_over_cables patient
begin_copy patient first
mute_cable one
more_comes "a copy goes on when one path falls silent" first
cut_cable one
mend_cable one "${portals[0]}" "$one"
seconds_until "the path that returns carries data again" has_carried one 4194304
cut_cable two
more_comes "it goes on when the other path is cut" first
cut_cable one
sleep 1
check "without a path it waits" is_alive "$copy_pid"
mend_both
wait "$copy_pid" || fail "cp: status $?: $(cat "$work/copy.log")"
check "and no program saw an error, nothing is lost" cmp "$work/big" "$export_dir/first"

mount_over_cables hasty no-path-wait-ms=1000 grace=1
check "what is there is seen" test -s "$work/hasty/first"
cut_both
check_fails "without a path a program gets an error after the time that was set" \
  timeout 100 dd if="$work/hasty/first" of=/dev/null bs=1M iflag=direct
check_stderr "which says what it is" "No route to host"
mend_both

reads_right ()
{
  timeout 100 cmp "$work/big" "$work/hasty/first" 2>>"$work/again.log"
}
seconds_until "everything goes on when the paths are back" reads_right
check "for the other mount too" timeout 100 cmp "$work/big" "$work/patient/first"
