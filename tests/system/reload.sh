#!/usr/bin/env bash
# The server reads its configuration again and again while programs work on mounts: they notice
# nothing, whatever else is exported or not, and root that becomes nobody is nobody at once.
# shellcheck source=tests/lib/lab.sh
. "$(dirname "$0")/../lib/lab.sh" || exit 99

config=$work/server.conf
configure ()
{
  printf '%s\n' '[export lab]' "path=$export_dir" "$@" >"$config.new"
  mv "$config.new" "$config"
}

reloads ()
{
  grep -c "configuration was read again" "$work/server.log"
}

read_again ()
{
  [ "$(reloads)" -gt "$1" ]
}

reload ()
{
  local told
  told=$(reloads)
  kill -HUP "$server_pid"
  wait_for 30 "the new configuration" read_again "$told"
}

need_fuse
mkdir -p "$export_dir" "$work/other"
make_volume --size 256M
configure
start_server server --config "$config"
server_pid=$pid
mount_ftsfs server:/lab "$mnt" || fail "mount: status $?"

(
  for _ in 1 2 3; do
    rm -rf "$mnt/copy" && cp -a "$FTS_SOURCE/src" "$mnt/copy" && diff -r "$FTS_SOURCE/src" "$mnt/copy" || exit
  done
) >"$work/copy.log" 2>&1 &
copying=$!
while is_alive "$copying"; do
  configure devices=true '[export other]' "path=$work/other"
  reload
  configure setid=true 'peers=*' squash=none
  reload
done
check "copies go on through $(reloads) reloads" wait "$copying"
check "several there were" test "$(reloads)" -ge 10

configure squash=root
reload
check_fails "root is nobody now" touch "$mnt/new"
check_stderr "it says so" "denied"
configure
reload
check "root is root again" touch "$mnt/new"
