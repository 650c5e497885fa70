#!/usr/bin/env bash
# A volume's device that a stranger has reserved, on LIO, which does not even tell others its size.
. "$(dirname "$0")/target.sh" || exit 99

iscsi_start 32M 2
# shellcheck disable=SC2034
ours=$(iscsi_path 1 ours) theirs=$(iscsi_path 2 stranger) port=stranger
. "$(dirname "$0")/../lib/reserved.sh"
