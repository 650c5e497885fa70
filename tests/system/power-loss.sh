#!/usr/bin/env bash
# A file LUN loses its power, with and without APTPL, or is reset, under a server and a mount: all paths are
# registered again before data flows, and both go on.
# shellcheck source=tests/lib/lab.sh
. "$(dirname "$0")/../lib/lab.sh" || exit 99
. "$(dirname "$0")/../lib/forgotten.sh"

# shellcheck disable=SC2034
image=$work/lun.img
truncate -s 128M "$image"

# paths HOST: two
paths ()
{
  echo "$image?path=1&host=$1|$image?path=2&host=$1"
}

# shellcheck disable=SC2034
serving=$(paths serving) mounting=$(paths mounting) observer="$image?host=observer" stranger="$image?host=stranger"

power ()
{
  "$FTS_BUILD/tests/lun-power" "$1" "$image"
}

# The last registration decides for all: an observer's, made and taken back.
make_persistent ()
{
  fts-admin --device "$observer" register --persist --host observer >/dev/null &&
    fts-admin --device "$observer" release --persist --host observer >/dev/null
}

forgotten_start
goes_on "power loss without APTPL" power cycle
goes_on "and once more" power cycle
goes_on "LUN reset" power reset
check "the LUN keeps registrations from now on" make_persistent
losses=$(grep -c "lost its registrations" "$work/server.log")
goes_on "power loss with APTPL" power cycle
check_equal "where nothing had to be made anew" "$(grep -c "lost its registrations" "$work/server.log")" "$losses"
goes_on "LUN reset with APTPL" power reset
forgotten_end
