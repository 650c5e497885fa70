#!/usr/bin/env bash
# Random sequences of operations where the server sees changes on its own host by inotify: the test sequences.sh.
# shellcheck disable=SC2034
export_options=watch=inotify
# shellcheck source=tests/system/sequences.sh
. "$(dirname "$0")/sequences.sh"
