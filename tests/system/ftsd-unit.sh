#!/usr/bin/env bash
# With the capabilities that its systemd unit leaves to it, the server does all that it does.
# shellcheck source=tests/lib/lab.sh
. "$(dirname "$0")/../lib/lab.sh" || exit 99

need_fuse
bounding=$(sed -n 's/^CapabilityBoundingSet=//p' "$FTS_SOURCE/contrib/systemd/ftsd.service" |
  tr '[:upper:]' '[:lower:]' | sed 's/cap_//g; s/ /,+/g')
[ -n "$bounding" ] || fail "the unit has no CapabilityBoundingSet"
setpriv --bounding-set "-all,+$bounding" true 2>/dev/null || skip "capabilities cannot be dropped here"

# What lab.sh starts.
ftsd ()
{
  exec setpriv --bounding-set "-all,+$bounding" --no-new-privs "$FTS_BUILD/src/prog/ftsd/ftsd" "$@"
}

as ()
{
  local uid=$1
  shift
  setpriv --reuid "$uid" --regid "$uid" --groups "$uid,6000" -- "$@"
}

chmod 711 "$work"
mkdir -p "$export_dir"
chmod 1777 "$export_dir"
lab
check_equal "it has no other capabilities" "$(grep -c '^CapBnd:.0*1ffffffffff$' "/proc/$server_pid/status")" 0
check "users make files" as 5001 sh -c "echo hers >'$mnt/f' && chmod 600 '$mnt/f'"
check_equal "that are theirs" "$(stat -c %u:%g "$export_dir/f")" 5001:5001
check_fails "and nobody else's" as 5002 cat "$mnt/f"
check "root reads them" cmp "$mnt/f" "$export_dir/f"
check "root gives them away" chown 5002:6000 "$mnt/f"
check "supplementary groups count" sh -c "chmod 060 '$mnt/f'"
check "in both directions" as 5001 cat "$mnt/f" >"$work/stdout"
check "devices are made" mknod "$mnt/null" c 1 3
check "set-id bits are set" chmod 4755 "$mnt/f"
check_equal "and kept" "$(stat -c %a "$export_dir/f")" 4755
if setfattr -n trusted.x -v y "$export_dir/f" 2>/dev/null; then
  check "root's attributes are changed" setfattr -n trusted.x -v z "$mnt/f"
fi
stop "$server_pid"
lab_server
check "files are found by their handles after a restart" cmp "$mnt/f" "$export_dir/f"
