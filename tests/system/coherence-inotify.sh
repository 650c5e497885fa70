#!/usr/bin/env bash
# Close-to-open where the server sees changes on its own host by inotify: the test coherence.sh.
# shellcheck disable=SC2034
export_options=watch=inotify
# shellcheck source=tests/system/coherence.sh
. "$(dirname "$0")/coherence.sh"
