#!/usr/bin/env bash
# While directories of the export are exchanged for symlinks, moved across its border and mounted
# over at full speed, nothing outside is read or changed through a mount or by fts, and what was
# moved out cannot be used any more.
# shellcheck source=tests/lib/installed.sh
. "$(dirname "$0")/../lib/installed.sh" || exit 99

outside=$work/outside
mkdir "$outside" "$work/elsewhere"
lab attr_timeout=0,entry_timeout=0,negative_timeout=0

# fts asks the server to walk paths with symlinks and "..": those end at the root of the export.
for _ in $(seq 100); do
  for path in d0/f0 d1/sub/f1 d0/../../outside/f0 ../outside/f0 link1/f0 bound/f2 "$outside/f0"; do
    echo "get -f $path $work/got/$RANDOM"
  done
done >"$work/script"
mkdir "$work/got"
start walks /usr/bin/python3 "$FTS_SOURCE/tests/system/containment.py" \
  "$export_dir" "$outside" "$work/elsewhere" "$mnt" 5
walks=$pid
wait_for 30 "a tree to walk" test -e "$outside/sub/f4"
while is_alive "$walks"; do
  fts --quiet --keep-going --volume "$volume" --file "$work/script" server:/lab >"$work/fts.log" 2>&1
done
wait "$walks" || fail "see walks.log"
echo "ok: nothing outside was read or changed by walks"
! grep -rq outside: "$work/got" || fail "fts got what lies outside"
[ -n "$(ls -A "$work/got")" ] || fail "fts got nothing at all"
echo "ok: fts got only what lies inside"

# A descriptor of the mount stays open while its directory leaves: by its handle nothing is done.
mkdir "$export_dir/leaving"
echo inside >"$export_dir/leaving/f"
exec 7<"$mnt/leaving"
mv "$export_dir/leaving" "$work/elsewhere/left"
check_fails "a directory that was moved out is not written to" touch "/proc/self/fd/7/made"
check_stderr "it is stale" "Stale"
check_fails "nor read" cat "/proc/self/fd/7/f"
check_equal "nothing was made there" "$(ls "$work/elsewhere/left")" f
mv "$work/elsewhere/left" "$export_dir/leaving"
check "moved back it works again" touch "/proc/self/fd/7/made"
exec 7<&-
