#!/usr/bin/env bash
# A mount whose host is shut out by reservation: errors at once, nothing is undone by itself, umount works, and a
# new mount of the same host may come back.  On a file LUN.
# shellcheck source=tests/lib/lab.sh
. "$(dirname "$0")/../lib/lab.sh" || exit 99

truncate -s 128M "$work/lun.img"
# shellcheck disable=SC2034
serving="$work/lun.img?host=serving" mounting="$work/lun.img?host=mounting" observer="$work/lun.img?host=observer"
. "$(dirname "$0")/../lib/fenced.sh"
