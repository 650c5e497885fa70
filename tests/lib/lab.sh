# shellcheck shell=bash disable=SC2034,SC2120
# lab.sh - on top of sh.sh: one server, one export, one mount, as most system tests want them.
#
#   . "$(dirname "$0")/../lib/lab.sh" || exit 99
#   lab MOUNT_OPTIONS          $work/export is served and mounted on $work/mnt as user root sees it
#
# $export_options, when a script sets it before, are further options of the export.
#
# $dead_ms is the volume's dead time; what must end "within the dead time" gets within_dead_time.

# shellcheck source=tests/lib/sh.sh
. "$(dirname "${BASH_SOURCE[0]}")/sh.sh" || exit 99

heartbeat_ms=100
dead_ms=2000
export_dir=$work/export
mnt=$work/mnt
mount_stats=$work/ftsfs.json

# lab_server [FTSD_OPTION...]: the volume (when there is none yet) and the server "server".
lab_server ()
{
  mkdir -p "$export_dir"
  [ -e "$work/lun.img" ] ||
    make_volume --size 256M --heartbeat-ms "$heartbeat_ms" --dead-ms "$dead_ms"
  start_server server --export "lab=$export_dir:rw,devices,setid${export_options:+,$export_options}" "$@"
  server_pid=$pid
}

# limited_server N: the same, and the server may have N descriptors.
limited_server ()
{
  mkdir "$work/bin"
  printf '#!/bin/bash\nulimit -n %s\nexec %q "$@"\n' "$1" "$(command -v ftsd)" >"$work/bin/ftsd"
  chmod +x "$work/bin/ftsd"
  PATH=$work/bin:$PATH lab_server
}

# lab [MOUNT_OPTIONS]: all of it.
lab ()
{
  need_fuse
  lab_server
  mount_ftsfs server:/lab "$mnt" "stats=$mount_stats${1:+,$1}" || fail "mount: status $?"
  mount_pid=$(pid_of_mount "$mnt")
}

# The ftsfs that serves a directory: it has the directory in its command line.  One that served it
# before may still be on its way out; the youngest is the one.
pid_of_mount ()
{
  /usr/bin/python3 - "$1" <<'PY'
import os, pathlib, sys

def facts(process):
    try:
        words = (process / "cmdline").read_bytes().split(b"\0")
        fields = (process / "stat").read_text().rsplit(")", 1)[1].split()
    except OSError:
        return None
    serves = words[0].endswith(b"ftsfs") and os.fsencode(sys.argv[1]) in words
    return (int(fields[19]), process.name) if serves else None

found = sorted(filter(None, map(facts, pathlib.Path("/proc").glob("[0-9]*"))))
print(found[-1][1]) if found else sys.exit(1)
PY
}

# kill_mount PID: the ftsfs that serves and the one that keeps it, as when their host dies.
kill_mount ()
{
  local keeper
  keeper=$(ps -o ppid= -p "$1" | tr -d ' ')
  [ "$(cat "/proc/$keeper/comm")" != ftsfs-keeper ] || kill -KILL "$keeper"
  kill -KILL "$1"
}

is_unserved ()
{
  ! pid_of_mount "$1" >/dev/null
}

# calls [OPERATION]: requests of the mount so far, all but closes and those for news, or those of one operation.
calls ()
{
  rm -f "$mount_stats"
  kill -USR1 "$mount_pid"
  wait_for 10 "statistics" test -s "$mount_stats"
  /usr/bin/python3 - "$mount_stats" "${1-}" <<'PY'
import json, sys
counts = json.load(open(sys.argv[1]))["calls"]
print(counts[sys.argv[2]] if sys.argv[2] else sum(counts.values()) - counts["close"] - counts["watch"])
PY
}

# The time COMMAND takes, in ms, in $took; its status is the result.
timed ()
{
  local begin=${EPOCHREALTIME/./} status=0
  "$@" || status=$?
  took=$(((${EPOCHREALTIME/./} - begin) / 1000))
  return "$status"
}
