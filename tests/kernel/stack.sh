#!/usr/bin/env bash
# The whole job over the kernel's SCSI stack: a volume on a LUN with two paths for the server and two
# for its client; a tree goes in and out; paths are lost and come back in the middle of it.
. "$(dirname "$0")/target.sh" || exit 99

target_start 96M a1 a2 b1 b2
# shellcheck disable=SC2154
server_volume="sg:$sg_a1|sg:$sg_a2" client_volume="sg:$sg_b1|sg:$sd_b2"

make_tree ()
{
  mkdir -p "$1/empty"
  cp -a /usr/include/linux/usb "$1"
  head -c 16000001 /dev/urandom >"$1/large"
  : >"$1/nothing"
}

same_tree ()
{
  diff -r "$1" "$2"
}

client ()
{
  fts --quiet --volume "$client_volume" --name client server:/lab "$@" 2>>"$work/client.log"
}

check "fts-format over two paths" \
  fts-format --quiet --heartbeat-ms 500 --dead-ms 10000 "$server_volume"
mkdir "$work/export"
make_tree "$work/tree"
volume=$server_volume
start_server server --export "lab=$work/export:rw"

check "put" client put -r "$work/tree" first
check "the server has the tree" same_tree "$work/tree" "$work/export/first"
check "get" client get -r first "$work/out"
check "what came out is the tree" same_tree "$work/tree" "$work/out"

client put -r "$work/tree" second &
copy=$!
wait_for 20 "the transfer under way" test -d "$work/export/second"
path_down a1
path_down b1
check "a transfer during which server and client lose a path each" wait "$copy"
check "the server has this tree too" same_tree "$work/tree" "$work/export/second"

wait_for 30 "word of the server about its lost path" grep -q "sg:$sg_a1: up -> down" "$work/server.log"
path_up a1
path_up b1
wait_for 30 "word that it is back" grep -q "sg:$sg_a1: down -> up" "$work/server.log"

client get -r second "$work/out2" &
copy=$!
wait_for 20 "the transfer under way" test -d "$work/out2"
path_down a2
path_down b2
check "a transfer over the paths that came back" wait "$copy"
check "it is the tree" same_tree "$work/tree" "$work/out2"

path_up a2
path_up b2
stop "$(cat "$work/server.pid")"
check "fts-admin check" fts-admin --volume "$client_volume" check

mkdir -p /dev/disk/by-path # as udev does, which is not in the guest
# shellcheck disable=SC2154
ln -s "../../${sd_a1##*/}" /dev/disk/by-path/pci-0000:00-lun-0
fts-admin --json discover >"$work/found" 2>"$work/stderr"
check "discovery finds the disk and its four paths" /usr/bin/python3 -c '
import json, sys
[device] = json.load(open(sys.argv[1]))["devices"]
names = [path["name"] for path in device["paths"]]
assert len(names) == 4 and "sg:/dev/disk/by-path/pci-0000:00-lun-0" in names, names
assert device["volume"]["master"], device' "$work/found"
