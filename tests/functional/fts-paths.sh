# fts-admin: the paths to a device, and commands out of band.
# shellcheck shell=bash
. "$(dirname "$0")/../lib/sh.sh"

image=$work/lun.img
truncate -s 1M "$image"
device="$image?path=1|$image?path=2"

# ends_with STATUS COMMAND...: what it wrote is then in $work/out and $work/stderr.
ends_with ()
{
  local wanted=$1 status=0
  shift
  timeout 30 "$@" >"$work/out" 2>"$work/stderr" || status=$?
  [ "$status" -eq "$wanted" ] || fail "$* ended with $status instead of $wanted: $(cat "$work/stderr")"
}

# value EXPRESSION: of the JSON document `d` that was printed last
value ()
{
  /usr/bin/python3 -c 'import json, sys; d = json.load(open(sys.argv[2])); print(eval(sys.argv[1]))' "$1" "$work/out"
}

check "paths" ends_with 0 fts-admin --json --device "$device" paths
check_equal "both are up" "$(value '[p["state"] for p in d["paths"]]')" "['up', 'up']"
check_equal "of one LUN" "$(value 'd["blocks"]')" 2048
check "as text" ends_with 0 fts-admin --device "$device" paths
check "with state and name" grep -q "up .*path=2" "$work/out"
check "options of the device are taken" ends_with 0 fts-admin --device "$device|?policy=weighted&weights=2:1" paths
check "wrong ones are a usage error" ends_with 2 fts-admin --device "$device|?policy=fastest" paths

check "INQUIRY over a path" ends_with 0 fts-admin --json --device "$device" cdb --path "file:$image?path=2" --in 36 12 00 00 00 24 00
check_equal "names the LUN" "$(value 'bytes.fromhex(d["data"])[8:15]')" "b'LUNPATH'"
check "bytes may stand together" ends_with 0 fts-admin --device "$device" cdb 000000000000
check "READ without a path" ends_with 0 fts-admin --json --device "$device" cdb --in 512 8800000000000000000000000001 0000
check_equal "gives a block" "$(value 'len(bytes.fromhex(d["data"]))')" 512
check "a command that the LUN refuses fails" ends_with 1 fts-admin --device "$device" cdb ff0000000000
check "an unknown path fails" ends_with 3 fts-admin --device "$device" cdb --path none 000000000000
check "no hexadecimal digits are a usage error" ends_with 2 fts-admin --device "$device" cdb 00 0g 00 00 00 00
check "a short command is a usage error" ends_with 2 fts-admin --device "$device" cdb 00 00
