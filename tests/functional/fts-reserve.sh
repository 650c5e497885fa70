# fts-admin: reservations of a device by two hosts with two paths each.
# shellcheck shell=bash
. "$(dirname "$0")/../lib/sh.sh"

image=$work/lun.img
truncate -s 4M "$image"
a="$image?path=1&host=a|$image?path=2&host=a"
b="$image?path=1&host=b|$image?path=2&host=b"
. "$(dirname "$0")/../lib/reserve.sh"
