# fts-admin: reservations of a device by two hosts with two paths each.
# shellcheck shell=bash
. "$(dirname "$0")/../lib/sh.sh"

image=$work/lun.img
truncate -s 4M "$image"
a="$image?path=1&host=a|$image?path=2&host=a"
b="$image?path=1&host=b|$image?path=2&host=b"
. "$(dirname "$0")/../lib/reserve.sh"

power_cycle ()
{
  "$FTS_BUILD/tests/lun-power" cycle "$image"
}

check "reserved" admin 0 a reserve
check "power loss" power_cycle
check "takes it" admin 0 b keys
check_equal "nothing is left" "$(value '(d["reserved"], d["keys"])')" "(False, [])"
check "reserved to stay" admin 0 a reserve --persist
check "power loss" power_cycle
check "another host is refused" admin 3 b reserve
check "release" admin 0 a release
