# A volume's device that a stranger has reserved, on a file LUN.
# shellcheck shell=bash
. "$(dirname "$0")/../lib/sh.sh"

truncate -s 32M "$work/lun.img"
# shellcheck disable=SC2034
ours="$work/lun.img?host=ours" theirs="$work/lun.img?host=stranger" port=stranger
. "$(dirname "$0")/../lib/reserved.sh"
