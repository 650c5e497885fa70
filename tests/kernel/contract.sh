#!/usr/bin/env bash
# lunpath's contract for transports, over the kernel's SCSI stack and a strict target.
. "$(dirname "$0")/target.sh" || exit 99

target_start 64M a1 a2
# shellcheck disable=SC2154
paths="sg:$sg_a1 sg:$sd_a1 stats+sg:$sg_a1|sg:$sg_a2 blk:$sd_a1 blk:$sd_a1?uring=0 blk:$sd_a1|sg:$sg_a2"
LUNPATH_CONTRACT=$paths "$FTS_BUILD/subprojects/lunpath/tests/lunpath-contract" >"$work/contract.log" ||
  fail "the contract over $paths"
check_equal "nothing in the contract failed" "$(grep -c '^not ok' "$work/contract.log")" 0
echo "ok: $(grep -c '^ok' "$work/contract.log") tests over $paths"
