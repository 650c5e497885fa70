#!/usr/bin/env bash
# No path to the volume for longer than the dead time, and paths again: mount and server join the volume anew by
# themselves and everything goes on, open files too.  On a file LUN, with fencing: each comes back with a new key.
# shellcheck source=tests/lib/lab.sh
. "$(dirname "$0")/../lib/lab.sh" || exit 99
. "$(dirname "$0")/../lib/cables.sh"
. "$(dirname "$0")/../lib/rejoin.sh"

rejoin_on_file all-registrants
rejoin_all
rejoin_end
