# shellcheck shell=bash
# target.sh - on top of sh.sh, in the guest: one LUN of the LIO target, with several paths to it.
#
#   . "$(dirname "$0")/target.sh" || exit 99
#   target_start 256M a1 a2 b1 b2
#
# makes a LUN (fileio on memory) and a SCSI host of its own for each path, through LIO's loopback
# (tcm_loop).  $sg_a1 is then the path's /dev/sgN, $sd_a1 its /dev/sdX.  Each path is an I_T nexus.
#
# tcm_loop of Linux 6.1 hangs for ever in PREEMPT AND ABORT: it carries commands out on the queue
# that the command waits for.

# shellcheck source=tests/lib/sh.sh
. "$(dirname "${BASH_SOURCE[0]}")/../lib/sh.sh" || exit 99

lio=/sys/kernel/config/target
lio_lun=$lio/core/fileio_0/lun0

load ()
{
  local module
  mkdir -p /tmp/modules/lib
  [ -e /tmp/modules/lib/modules ] || ln -s "$FTS_MODULES" /tmp/modules/lib/modules
  for module in "$@"; do
    modprobe -d /tmp/modules "$module" || fail "no module $module"
  done
}

# path_number NAME: 1, 2, ... in the order of target_start
path_number ()
{
  local i
  for i in "${!target_paths[@]}"; do
    [ "${target_paths[i]}" != "$1" ] || { echo $((i + 1)); return; }
  done
  fail "no path is called $1"
}

path_folder ()
{
  printf '%s/loopback/naa.60014050000000%02d/tpgt_1\n' "$lio" "$(path_number "$1")"
}

is_disk ()
{
  # shellcheck disable=SC2144
  [ -e "/sys/class/scsi_device/$1:0/device/block" ] && [ -e "/sys/class/scsi_device/$1:0/device/scsi_generic" ]
}

add_path ()
{
  local folder address disk
  folder=$(path_folder "$1")
  mkdir -p "$folder"
  printf 'naa.60014059900000%02d' "$(path_number "$1")" >"$folder/nexus"
  mkdir -p "$folder/lun/lun_0"
  ln -s "$lio_lun" "$folder/lun/lun_0/lun0"
  address=$(cat "$folder/address")
  wait_for 20 "disk of path $1 at $address" is_disk "$address"
  disk=/sys/class/scsi_device/$address:0/device
  printf -v "sg_$1" '/dev/%s' "$(basename "$disk"/scsi_generic/sg*)"
  printf -v "sd_$1" '/dev/%s' "$(basename "$disk"/block/sd*)"
}

# The LUN alone.
make_lun ()
{
  load configfs sd_mod sg target_core_mod
  mountpoint -q /sys/kernel/config || mount -t configfs none /sys/kernel/config
  mkdir -p /run/lio/pr /run/lio/alua
  echo /run/lio >"$lio/dbroot"
  load target_core_file
  truncate -s "$1" /dev/shm/lio.img
  mkdir -p "$lio_lun"
  echo "fd_dev_name=/dev/shm/lio.img,fd_dev_size=$(stat -c %s /dev/shm/lio.img),fd_buffered_io=1" >"$lio_lun/control"
  echo ftsfs0001 >"$lio_lun/wwn/vpd_unit_serial"
  echo 1 >"$lio_lun/enable"
}

# target_start SIZE PATH...
target_start ()
{
  local path
  target_paths=("${@:2}")
  make_lun "$1"
  load tcm_loop
  for path in "${target_paths[@]}"; do
    add_path "$path"
  done
}

# path_down PATH: its commands end with "transport disrupted".  path_up PATH: it works again.
path_down ()
{
  echo offline >"$(path_folder "$1")/transport_status"
}

path_up ()
{
  echo online >"$(path_folder "$1")/transport_status"
}

# ---- the same LUN over iSCSI, for the transport `iscsi`: here PREEMPT AND ABORT works ----

lio_iqn=iqn.2026-01.ftsfs.test:lio

portal_folder ()
{
  printf '%s/iscsi/%s/tpgt_%d\n' "$lio" "$lio_iqn" "$1"
}

# iscsi_start SIZE N: N portals, 1 to N; each fails alone.
iscsi_start ()
{
  local i folder
  make_lun "$1"
  load iscsi_target_mod
  mkdir -p "$lio/iscsi/$lio_iqn"
  for ((i = 1; i <= $2; i++)); do
    folder=$(portal_folder "$i")
    mkdir -p "$folder/lun/lun_0" "$folder/np/127.0.0.$((10 + i)):3260"
    ln -s "$lio_lun" "$folder/lun/lun_0/lun0"
    echo 0 >"$folder/attrib/authentication"
    echo 1 >"$folder/attrib/generate_node_acls"
    echo 0 >"$folder/attrib/demo_mode_write_protect"
    echo 1 >"$folder/attrib/cache_dynamic_acls"
    echo 1 >"$folder/enable"
  done
}

# iscsi_path N HOST: the path of HOST over portal N.  A name of its own: LIO takes a second session of
# one initiator name for unregistered.
iscsi_path ()
{
  printf 'iscsi://127.0.0.%d:3260/%s/0?initiator=iqn.2026-01.ftsfs.test:%s-%d' $((10 + $1)) "$lio_iqn" "$2" "$1"
}

# portal_down N, portal_up N: its sessions are dropped, and nobody can log in.
portal_down ()
{
  echo 0 >"$(portal_folder "$1")/enable"
}

portal_up ()
{
  echo 1 >"$(portal_folder "$1")/enable"
}
