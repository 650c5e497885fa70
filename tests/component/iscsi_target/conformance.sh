#!/usr/bin/env bash
# libiscsi's conformance program against the LUN emulation, over two paths: no test fails.
#
# A suite passes when the program says so by its status, when it ran tests at all, and when it left
# out nothing but what the emulation does not have (see "Against libiscsi's conformance program" in
# subprojects/lunpath/src/emul/README.md).  Its text alone always claims "return value: 0".
. "$(dirname "$0")/../../lib/sh.sh"
. "$(dirname "$0")/../../lib/target.sh"

command -v iscsi-test-cu >/dev/null || skip "no iscsi-test-cu (package libiscsi-bin)"

known_skips='REPORT_SUPPORTED_OPCODES is not implemented
Logical unit is fully provisioned
WRITEVERIFY1[026] is not implemented'

numbers ()
{
  sed -nE "s/^ *tests +[0-9]+ +([0-9]+) +([0-9]+) +([0-9]+) .*/\\$1/p" "$2"
}

# run_all SUITE [NAME]: of the target in $urls; its text is then in the file $log
run_all ()
{
  local status=0
  log=$work/${2-}$1.out
  timeout 90 iscsi-test-cu -d -n -t "$1" "${urls[@]}" >"$log" 2>&1 || status=$?
  [ "$status" -eq 0 ] || fail "$1: status $status: $(cat "$log")"
  [ "$(numbers 1 "$log")" -gt 0 ] || fail "$1: ran nothing: $(cat "$log")"
  check_equal "${2-}$1: failed tests of $(numbers 1 "$log")" "$(numbers 3 "$log")" 0
}

run_suite ()
{
  local log left_out
  run_all "$@"
  left_out=$(grep -F '[SKIPPED]' "$log" | grep -Ev "${known_skips//$'\n'/|}")
  check_equal "${2-}$1: left out" "$left_out" ""
}

# The resets of Reserve6 wait for seconds: meanwhile, the others on another LUN.  The program's whole
# SCSI family has tests of many commands that are not there; of the rest none fails either.
start_target reserve6 16
reserve6_pid=$pid
(trap - EXIT; run_suite SCSI.Reserve6) >"$work/reserve6.out" 2>&1 &
reserve6_run=$!
start_target family 16
family_pid=$pid
(trap - EXIT; run_all SCSI) >"$work/family.out" 2>&1 &
family_run=$!

start_target lun 16
lun_pid=$pid
iscsi-ls "iscsi://${portals[0]}" >"$work/discovery" 2>&1
check_equal "portals by discovery" "$(grep -c "^Target:$target_iqn" "$work/discovery")" 2
for suite in TestUnitReady Inquiry Read6 Read10 Read12 Read16 Write10 Write12 Write16 \
             CompareAndWrite ReadCapacity10 ReadCapacity16 PrinReadKeys PrinServiceactionRange \
             PrinReportCapabilities ProutRegister ProutReserve ProutClear ProutPreempt; do
  run_suite "SCSI.$suite"
done
run_suite iSCSI

# Data that the target has to ask for, in small bursts.
start_target asking 16 --set InitialR2T=Yes --set ImmediateData=No \
  --set MaxBurstLength=4096 --set MaxRecvDataSegmentLength=1024
asking_pid=$pid
for suite in Read16 Write10 Write16 CompareAndWrite ProutReserve; do
  run_suite "SCSI.$suite" asking-
done

# Names and secrets.
start_target chap 16 --chap host:secret12345678 --mutual lun:targetsecret12
url=${urls[0]#iscsi://}
mutual="?target_user=lun&target_password=targetsecret12"
check "login by CHAP" iscsi-inq "iscsi://host%secret12345678@$url" >/dev/null
check "login by CHAP both ways" iscsi-inq "iscsi://host%secret12345678@$url$mutual" >/dev/null
check_fails "login with a wrong secret" iscsi-inq "iscsi://host%secret12345679@$url" >/dev/null
check_fails "login without a secret" iscsi-inq "iscsi://$url" >/dev/null
check_fails "login to another name" iscsi-inq "iscsi://host%secret12345678@${url%emul*}x/0"

wait "$reserve6_run" || fail "$(cat "$work/reserve6.out")"
wait "$family_run" || fail "$(cat "$work/family.out")"
cat "$work/reserve6.out" "$work/family.out"
for pid in "$reserve6_pid" "$family_pid" "$lun_pid" "$asking_pid"; do
  check "the target is still there, and ends when asked" stop "$pid"
done
