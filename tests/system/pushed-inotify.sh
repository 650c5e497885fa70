#!/usr/bin/env bash
# Pushed changes where the server sees changes on its own host by inotify: the test pushed.sh.
# shellcheck disable=SC2034
export_options=watch=inotify
# shellcheck source=tests/system/pushed.sh
. "$(dirname "$0")/pushed.sh"
