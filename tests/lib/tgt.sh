#!/usr/bin/env bash
# tgt.sh COMMAND DIR [ARGUMENT...]: a private iSCSI target (Debian's tgtd), for tests and the demo.
#
#   start DIR SIZE [N_PORTALS]  a LUN of SIZE in DIR/lun.img, served at N_PORTALS (2) loopback
#                               addresses and a free port; waits until it can be used
#   path DIR N [USER%SECRET]    prints the lunpath name of the path over portal N, from 1
#   paths DIR                   prints all of them with "|" between
#   stop DIR                    ends the target, but leaves the LUN's file
#   kill DIR                    ends it as a power cut would
#   restart DIR                 starts it again at the same portals, with the same LUN
#   freeze DIR, thaw DIR        it does not answer, though connections stay
#   cut DIR N                   portal N: no more logins, and its sessions are dropped
#   mend DIR N                  portal N is back
#   lun DIR NUMBER SIZE         one more LUN, in DIR/lunNUMBER.img
#   unlun DIR NUMBER            that LUN vanishes; waits for commands under way, which tgtd does not
#   chap DIR USER SECRET        new logins need them
#   admin DIR WORD...           tgtadm, for all the rest
#
# Two LUNs of two targets started here never look alike: each gets identifiers of its own.
# Exit status 77 when tgtd is not installed.  What the numbers below are for: with the default
# MaxRecvDataSegmentLength tgtd takes writes in pieces of 8 KiB; with these one write is one PDU.
# tgtd takes the standard port on all addresses when it cannot have the ones it was told, so its
# portals are looked at after each start.
set -euo pipefail
PATH=$PATH:/usr/sbin:/sbin

say_fail ()
{
  echo "tgt.sh: $*" >&2
  exit 1
}

command -v tgtd >/dev/null || { echo "tgt.sh: no tgtd here (Debian package tgt)" >&2; exit 77; }
[ $# -ge 2 ] || say_fail "usage: tgt.sh COMMAND DIR [ARGUMENT...]"
what=$1
dir=$2
shift 2

iqn=iqn.2026-01.ftsfs.test:lun
export TGT_IPC_SOCKET=$dir/tgt.sock
export MALLOC_MMAP_THRESHOLD_=33554432 MALLOC_TRIM_THRESHOLD_=1073741824
export MALLOC_TOP_PAD_=67108864

admin ()
{
  tgtadm -C 0 --lld iscsi "$@"
}

portals ()
{
  cat "$dir/tgt.portals"
}

portal ()
{
  portals | sed -n "$1p"
}

is_alive ()
{
  [ -s "$dir/tgt.pid" ] && grep -qs '^State:[[:space:]]*[^ZX[:space:]]' "/proc/$(cat "$dir/tgt.pid")/status"
}

wait_until ()
{
  local i
  for ((i = 0; i < 1000; i++)); do
    "$@" >/dev/null 2>&1 && return 0
    sleep 0.01
  done
  return 1
}

is_gone ()
{
  ! is_alive
}

is_up ()
{
  admin --mode system --op show
}

is_up_or_gone ()
{
  is_up || is_gone
}

# Starts tgtd at the portals of tgt.portals; 1 when it did not get them.
launch ()
{
  local list have want
  list=$(portals | sed 's/^/portal=/' | paste -sd,)
  rm -f "$dir/tgt.sock"*
  # shellcheck disable=SC2086 # words
  tgtd -f -C 0 ${TGTD_OPTIONS-} --iscsi "$list" </dev/null >>"$dir/tgtd.log" 2>&1 &
  echo $! >"$dir/tgt.pid"
  wait_until is_up_or_gone || return 1
  have=$(admin --mode portal --op show 2>/dev/null | sed -n 's/^Portal: \(.*\),.*/\1/p' | sort)
  want=$(portals | sort)
  [ "$have" = "$want" ] && return 0
  kill -9 "$(cat "$dir/tgt.pid")" 2>/dev/null
  wait_until is_gone
  return 1
}

# An LUN's names are drawn from its image: the same after a restart.
add_lun ()
{
  local number=$1 image=$2 id
  id=$(stat -L -c '%d %i %W' "$image" | cksum | cut -d ' ' -f 1)
  admin --mode logicalunit --op new --tid 1 --lun "$number" --backing-store "$image" \
    --bstype "${TGT_BACKEND-rdwr}"
  admin --mode logicalunit --op update --tid 1 --lun "$number" --params \
    "scsi_id=$(printf %08x%04x "$id" "$number")$(printf %04x "$number"),scsi_sn=FTS$id-$number,vendor_id=FTSFS,product_id=TEST"
}

set_up ()
{
  local pair image
  admin --mode target --op new --tid 1 --targetname "$iqn"
  for image in "$dir"/lun*.img; do
    number=${image##*/lun}
    number=${number%.img}
    add_lun "${number:-1}" "$image"
  done
  for pair in MaxRecvDataSegmentLength=262144 InitialR2T=No ImmediateData=Yes \
              FirstBurstLength=262144 MaxBurstLength=262144 MaxOutstandingR2T=8; do
    admin --mode target --op update --tid 1 --name "${pair%=*}" --value "${pair#*=}"
  done
  if [ -s "$dir/tgt.chap" ]; then
    set_chap
  fi
  admin --mode target --op bind --tid 1 --initiator-address ALL
}

set_chap ()
{
  local user secret
  read -r user secret <"$dir/tgt.chap"
  admin --mode account --op new --user "$user" --password "$secret"
  admin --mode account --op bind --tid 1 --user "$user"
}

choose_portals ()
{
  local port=$((20000 + RANDOM % 12000)) i
  for ((i = 1; i <= $1; i++)); do
    echo "127.0.0.$i:$port"
  done >"$dir/tgt.portals"
}

start ()
{
  local tries
  mkdir -p "$dir"
  truncate -s "$1" "$dir/lun.img"
  for ((tries = 0; tries < 20; tries++)); do
    choose_portals "${2-2}"
    if launch; then
      set_up
      return 0
    fi
  done
  tail -n 5 "$dir/tgtd.log" >&2
  say_fail "tgtd does not start"
}

restart ()
{
  wait_until launch || say_fail "tgtd does not start again"
  set_up
}

stop ()
{
  is_alive || return 0
  kill -CONT "$(cat "$dir/tgt.pid")"
  admin --mode target --op delete --force --tid 1 >/dev/null 2>&1 || true
  admin --mode system --op delete >/dev/null 2>&1 || true
  wait_until is_gone || kill_it
}

kill_it ()
{
  kill -9 "$(cat "$dir/tgt.pid")"
  wait_until is_gone
}

# tgtd does not tell which portal a session came in over, so all are dropped; those of other
# portals log in again at once.
drop_sessions ()
{
  local sid
  for sid in $(admin --mode conn --op show --tid 1 | sed -n 's/^Session: \([0-9]*\)$/\1/p'); do
    admin --mode conn --op delete --tid 1 --sid "$sid" --cid 0 2>/dev/null || true
  done
}

# Ends the connections to portal $1 by resetting them, where the kernel lets us; else all.
cut_portal ()
{
  local portal
  portal=$(portal "$1")
  admin --mode portal --op delete --param "portal=$portal"
  if ! ss -K "src = ${portal%:*}" "sport = :${portal#*:}" 2>/dev/null | grep -q ESTAB; then
    drop_sessions
  fi
}

path ()
{
  echo "iscsi://${2:+$2@}$(portal "$1")/$iqn/1"
}

paths ()
{
  local n i
  n=$(portals | wc -l)
  for ((i = 1; i <= n; i++)); do
    path "$i"
  done | paste -sd'|'
}

case $what in
  start) start "$@" ;;
  path) path "$@" ;;
  paths) paths ;;
  stop) stop ;;
  kill) kill_it ;;
  restart) restart ;;
  freeze) kill -STOP "$(cat "$dir/tgt.pid")" ;;
  thaw) kill -CONT "$(cat "$dir/tgt.pid")" ;;
  cut) cut_portal "$@" ;;
  mend) admin --mode portal --op new --param "portal=$(portal "$1")" ;;
  lun)
    truncate -s "$2" "$dir/lun$1.img"
    add_lun "$1" "$dir/lun$1.img"
    ;;
  unlun)
    wait_until admin --mode logicalunit --op delete --tid 1 --lun "$1" ||
      say_fail "LUN $1 cannot be removed"
    ;;
  chap)
    echo "$1 $2" >"$dir/tgt.chap"
    set_chap
    ;;
  admin) admin "$@" ;;
  *) say_fail "no command \"$what\"" ;;
esac
