#!/usr/bin/env bash
# A mount and a server that nobody uses take under 1 % of a CPU each, and few LUN commands.
# shellcheck source=tests/lib/lab.sh
. "$(dirname "$0")/../lib/lab.sh" || exit 99

ticks_of ()
{
  local fields
  read -ra fields <"/proc/$1/stat"
  echo $((fields[13] + fields[14]))
}

lun_commands ()
{
  calls >/dev/null
  /usr/bin/python3 -c 'import json, sys
print(sum(d["reads"] + d["writes"] + d["polls"] for d in json.load(open(sys.argv[1]))["lun"]))' \
    "$mount_stats"
}

# As formatted by default.
heartbeat_ms=1000 dead_ms=10000
need_fuse
# What others do on the file system of the export is heard of as well.
mkdir "$export_dir"
mount -t tmpfs tmpfs "$export_dir" || fail "tmpfs"
lab
ls "$mnt" >/dev/null
echo x >"$mnt/f"
sleep 1.5 # for connections to settle
commands=$(lun_commands)
mount_ticks=$(ticks_of "$mount_pid") server_ticks=$(ticks_of "$server_pid")
begin=${EPOCHREALTIME/./}
sleep 5
took=$(((${EPOCHREALTIME/./} - begin) / 1000))
mount_ticks=$(($(ticks_of "$mount_pid") - mount_ticks))
server_ticks=$(($(ticks_of "$server_pid") - server_ticks))
commands=$(($(lun_commands) - commands))
hz=$(getconf CLK_TCK)
check_at_most "percent of a CPU of the mount" "$((mount_ticks * 100000 / hz / took))" 1
check_at_most "percent of a CPU of the server" "$((server_ticks * 100000 / hz / took))" 1
check_at_most "LUN commands of the mount in 5 s" "$commands" 50
