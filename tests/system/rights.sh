#!/usr/bin/env bash
# umask, sticky directories, set-id bits, inherited groups and ACL mean on a mount what they mean on
# a local directory, for root, an owner, a member of the group and a stranger.
# shellcheck source=tests/lib/lab.sh
. "$(dirname "$0")/../lib/lab.sh" || exit 99

lab
chmod 711 "$work"
mkdir -m 755 "$work/local" "$mnt/there"
chmod 755 "$export_dir"
check "rights" /usr/bin/python3 "$FTS_SOURCE/tests/system/rights.py" "$mnt/there" "$work/local"
