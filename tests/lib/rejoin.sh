# shellcheck shell=bash disable=SC2154
# rejoin.sh - the scenario of a mount and a server that have no path for longer than the dead time; comes after lab.sh.
#
# The caller sets fence (mode), serving, mounting, observer: the same LUN, from three hosts, and has
#   cut_paths WHO, mend_paths WHO    all paths of "mount" or "server"
# or has all that from lay_paths, or from rejoin_on_file.

# ---- paths by cables (cables.sh) to an iSCSI target ----

declare -A address=() # of each cable
declare -a far_ends=()
how="cut" # or mute

# lay_paths TARGET/LUN PORTAL...: a cable to each portal for the mount and for the server; sets what the caller sets else
lay_paths ()
{
  local tail=$1 who i url
  shift
  far_ends=("$@")
  for who in mount server; do
    url=
    for i in "${!far_ends[@]}"; do
      lay_cable "$who$i" "${far_ends[i]}"
      address[$who$i]=$portal
      url+="${url:+|}iscsi://$portal/$tail?initiator=iqn.2026-01.ftsfs.test:$who"
    done
    [ "$who" = mount ] && mounting=$url || serving=$url
  done
  observer="iscsi://$1/$tail?initiator=iqn.2026-01.ftsfs.test:observer"
  cut_paths () { cut_or_mute "$1"; }
  mend_paths () { mend_all "$1"; }
}

cut_or_mute ()
{
  local i
  for i in "${!far_ends[@]}"; do
    "${how}_cable" "$1$i"
  done
}

mend_all ()
{
  local i
  for i in "${!far_ends[@]}"; do
    cut_cable "$1$i"
    mend_cable "$1$i" "${far_ends[i]}" "${address[$1$i]}"
  done
}

# ---- the scenario ----

rejoin_start ()
{
  need_fuse
  mkdir -p "$export_dir"
  fts-format --quiet --force --heartbeat-ms "$heartbeat_ms" --dead-ms "$dead_ms" --io-timeout-ms "${io_timeout_ms:-3000}" \
    --connections 16 --fence "$fence" "$observer" >"$work/format.log" 2>&1 || fail "fts-format: $(cat "$work/format.log")"
  start server ftsd --foreground --pid-file "$work/server.ready" --volume "$serving" --name server \
    --export "lab=$export_dir:rw"
  wait_for 30 "the server" test -s "$work/server.ready"
  server_pid=$pid
  declare -gA times=()
  mount_to mount "$mnt" hard
  head -c 1M /dev/urandom >"$work/steady"
  cp "$work/steady" "$export_dir/steady"
  start steady "$FTS_SOURCE/tests/lib/steady.py" "$mnt" "$work/steady" "$work/progress"
  wait_for 30 "programs at work" test -s "$work/progress"
}

# mount_to NAME DIRECTORY OPTIONS: in the foreground, so that what it says is in a log.
mount_to ()
{
  mkdir -p "$2"
  start "$1" ftsfs server:/lab "$2" -f -o "volume=$mounting,name=$1,wait=60,attr_timeout=0,entry_timeout=0,$3"
  on_exit unmount "$2"
  wait_for 60 "$1" mountpoint -q "$2"
}

progress ()
{
  cat "$work/progress"
}

has_come_to ()
{
  [ "$(progress)" -ge "$1" ]
}

# key_of ROLE: prints the key of that live member; 1 when none lives
key_of ()
{
  timeout 30 fts-admin --volume "$observer" --json status >"$work/status" &&
    /usr/bin/python3 -c 'import json, sys
print([h for h in json.load(open(sys.argv[2]))["hosts"] if h["role"] == sys.argv[1] and h["life"] == "alive"][0]["key"])' \
      "$1" "$work/status" 2>/dev/null
}

times_back ()
{
  grep -c "is on the volume again" "$work/$1.log"
}

is_away ()
{
  [ "$(grep -c "stops using the volume until a path returns" "$work/$1.log")" -gt "$(times_back "$1")" ]
}

is_back ()
{
  ! is_away "$1"
}

# cut_for_long WHO...
cut_for_long ()
{
  local who keys=() at
  for who; do
    keys+=("$(key_of "$who")") || fail "no $who is alive"
  done
  for who; do
    cut_paths "$who"
  done
  for who; do
    wait_for 60 "silence of the $who" is_away "$who"
  done
  sleep "$((dead_ms / 1000 + 1))"
  at=$(progress)
  for who; do
    mend_paths "$who"
  done
  seconds_until "$*: programs go on by the descriptors that they had" has_come_to $((at + 20))
  for who; do
    wait_for 60 "$who on the volume again" is_back "$who"
    times[$who]=$((${times[$who]-0} + 1))
    check_equal "$who: it says so" "$(times_back "$who")" "${times[$who]}"
    wait_for 30 "$who in the table" key_of "$who"
    if [ "$fence" != off ]; then
      check "$who: it has another key" [ "$(key_of "$who")" != "${keys[0]}" ]
      wait_for 60 "end of the old key" key_is_gone "${keys[0]}"
    fi
    keys=("${keys[@]:1}")
  done
  check "$*: new files" cp "$work/steady" "$mnt/new-$1$#"
  check "$*: what is in them" cmp "$work/steady" "$export_dir/new-$1$#"
  check "$*: a new name is seen" test -e "$mnt/new-$1$#"
  check_fails "$*: the lock is held still" take_lock "$mnt/locked"
}

key_is_gone ()
{
  timeout 30 fts-admin --device "$observer" keys >"$work/keys" && ! grep -q "$1" "$work/keys"
}

# take_lock FILE: 1 when another process has it
take_lock ()
{
  timeout 60 /usr/bin/python3 -c 'import fcntl, sys
try:
    fcntl.lockf(open(sys.argv[1], "r+"), fcntl.LOCK_EX | fcntl.LOCK_NB)
except BlockingIOError:
    sys.exit(1)' "$1"
}

# What has no path fails, where that is asked for, and can be ended.
fails_meanwhile ()
{
  local job
  mount_to hasty "$work/hasty" "soft,grace=1,timeo=50,retrans=1"
  check "a soft mount works" test -s "$work/hasty/steady"
  exec 8<"$work/hasty/steady"
  cut_paths mount
  wait_for 60 "silence of the mount" is_away hasty
  check_fails "without a path: an error after what is configured" timeout 60 cp "$work/hasty/steady" "$work/got"
  check_stderr "which says what it is" "No route to host"
  timed check_fails "and the next comes at once" timeout 60 ls "$work/hasty"
  check_at_most "ms" "$took" 5000
  cat "$mnt/steady" >/dev/null 2>&1 &
  job=$!
  sleep 0.5
  check "a program on the hard mount waits" is_alive "$job"
  kill -KILL "$job"
  wait "$job" 2>/dev/null
  wait_for 10 "end of a killed program" is_gone "$job"
  mend_paths mount
  wait_for 60 "the soft mount on the volume again" is_back hasty
  wait_for 60 "its files" cmp "$work/steady" "$work/hasty/steady"
  check "by the open descriptor, too" cmp "$work/steady" /dev/fd/8
  exec 8<&-
  wait_for 60 "the hard mount on the volume again" is_back mount
  times[mount]=$(times_back mount)
}

rejoin_all ()
{
  cut_for_long mount
  cut_for_long server
  cut_for_long mount server
  cut_for_long mount
}

# Without a path nothing is said at the end, and not for long.
rejoin_end ()
{
  local pid
  kill -TERM "$(cat "$work/steady.pid")"
  wait "$(cat "$work/steady.pid")" || fail "programs: $(cat "$work/steady.log")"
  check "no program saw an error, nothing is lost" cmp -n "$((4096 * $(progress)))" "$mnt/written" "$export_dir/written"
  cut_paths mount
  pid=$(cat "$work/mount.pid")
  timed umount "$mnt" || fail "umount without a path"
  check_at_most "ms of umount" "$took" 10000
  timed wait_for 60 "end of ftsfs without a path" is_gone "$pid"
  check_at_most "ms until ftsfs ends" "$took" 8000
  mend_paths mount
  cut_paths server
  kill -TERM "$server_pid"
  timed wait_for 60 "end of ftsd without a path" is_gone "$server_pid"
  check_at_most "ms until ftsd ends" "$took" 8000
  mend_paths server
}

# rejoin_on_file FENCE: the laboratory is a file LUN, with that fence mode; paths are cut by files.
rejoin_on_file ()
{
  fence=$1 image=$work/lun.img
  local options="?check-ms=100&check-max-ms=200"
  serving="fault(down=while:$work/cut-server)+$image?host=serving|$options"
  mounting="fault(down=while:$work/cut-mount)+$image?host=mounting|$options"
  observer="$image?host=observer"
  cut_paths () { touch "$work/cut-$1"; }
  mend_paths () { rm -f "$work/cut-$1"; }
  truncate -s 160M "$image"
  rejoin_start
}
