#!/usr/bin/env bash
# Two mounts at work on the same files at the same time: shared mappings after msync, appends, names
# that come and go.
# shellcheck source=tests/lib/lab.sh
. "$(dirname "$0")/../lib/lab.sh" || exit 99

lab
mount_ftsfs server:/lab "$work/other" name=other || fail "second mount"
check "two mounts, one tree" timeout 200 /usr/bin/python3 "$FTS_SOURCE/tests/system/shared.py" "$mnt" "$work/other"
