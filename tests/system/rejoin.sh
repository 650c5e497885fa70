#!/usr/bin/env bash
# No path to the volume for longer than the dead time, and paths again: mount and server join the volume anew by
# themselves and everything goes on, open files too.  On a file LUN.
# shellcheck source=tests/lib/lab.sh
. "$(dirname "$0")/../lib/lab.sh" || exit 99
. "$(dirname "$0")/../lib/cables.sh"
. "$(dirname "$0")/../lib/rejoin.sh"

# shellcheck disable=SC2034
fence=off image=$work/lun.img
options="?check-ms=100&check-max-ms=200"
# shellcheck disable=SC2034
serving="fault(down=while:$work/cut-server)+$image?host=serving|$options" \
  mounting="fault(down=while:$work/cut-mount)+$image?host=mounting|$options" observer="$image?host=observer"

cut_paths ()
{
  touch "$work/cut-$1"
}

mend_paths ()
{
  rm -f "$work/cut-$1"
}

truncate -s 160M "$image"
rejoin_start
rejoin_all
fails_meanwhile
rejoin_end
