# shellcheck shell=bash disable=SC2034,SC2154
# target.sh - an emulated LUN behind iSCSI, for shell tests; comes after sh.sh.

target_iqn=iqn.2026-01.ftsfs:emul

# start_target NAME MEBIBYTES [OPTION...]: serves $work/NAME.img, made when it is not there, over
# two portals; OPTIONs are emul-target's.  Its pid is in $pid, the portals are in the array
# portals, ADDRESS:PORT each, the addresses for lunpath and libiscsi in the array urls.  Ended at
# exit.
start_target ()
{
  local name=$1 image=$work/$1.img size=$2 portal
  shift 2
  [ -e "$image" ] || truncate -s "${size}M" "$image" || fail "no room for $image"
  _serve "$name" "$image" --portal 127.0.0.1:0 --portal 127.0.0.2:0 "$@"
  mapfile -t portals < <(_portals "$name")
  urls=()
  for portal in "${portals[@]}"; do
    urls+=("iscsi://$portal/$target_iqn/0")
  done
}

# start_portal NAME IMAGE ADDRESS:PORT: serves IMAGE by one portal.  Several of these processes
# share the LUN, so that the end of one is the loss of a path.  The portal is in $portal.
start_portal ()
{
  _serve "$1" "$2" --portal "$3"
  portal=$(_portals "$1")
}

_serve ()
{
  local name=$1 image=$2
  shift 2
  rm -f "$work/$name.log"
  start "$name" "$FTS_BUILD/tests/lib/iscsi_target/emul-target" "$image" --iqn "$target_iqn" "$@"
  wait_for 10 "portals of $name" grep -qs '^127\.' "$work/$name.log"
}

# All are printed at once.
_portals ()
{
  grep '^127\.' "$work/$1.log"
}
