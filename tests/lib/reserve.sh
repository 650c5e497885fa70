# shellcheck shell=bash disable=SC2154
# reserve.sh - the scenario of reservations by fts-admin, for any kind of path; comes after sh.sh.
#
# The caller sets a and b: the same LUN, by two paths each, seen from two hosts.  reserve_type is the
# type of most reservations (6).  loses_sessions=yes: the target ties registrations to sessions, so
# that each command leaves orphans of its host's key, and does not tell the ports.
reserve_type=${reserve_type:-6}
loses_sessions=${loses_sessions:-no}

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

# admin STATUS HOST COMMAND...: as that host
admin ()
{
  local wanted=$1 host=$2 command=$3 device=$b
  shift 3
  [ "$host" = b ] || device=$a
  case "$command $*" in
    *--type*) ;;
    reserve* | takeover*) set -- --type "$reserve_type" "$@" ;;
  esac
  ends_with "$wanted" fts-admin --json --device "$device" "$command" --host "$host" "$@"
}

check "help names reserve" ends_with 0 fts-admin reserve --help
check "no device is a usage error" ends_with 2 fts-admin keys
check "an unknown type is a usage error" admin 2 a reserve --type 4
check "key 0 is a usage error" admin 2 a reserve --key 0

check "nobody is there" admin 0 a keys
check_equal "no keys" "$(value 'd["keys"]')" "[]"
check "a device is reserved" admin 0 a reserve
key_a=$(value 'd["own_key"]')
check_equal "by both paths, of this type" "$(value '(d["type"], d["keys"][0]["paths"], d["holder_key"] == d["own_key"])')" "($reserve_type, 2, True)"
[ "$loses_sessions" = yes ] || check_equal "the ports are told" "$(value 'len(d["registrations"])')" 2
check "text is shown" ends_with 0 fts-admin --device "$a" keys --host a
check "with words" grep -Eq "type $reserve_type \\((exclusive access|write exclusive), registrants only\\)" "$work/out"
check "reserving again changes nothing" admin 0 a reserve
[ "$loses_sessions" = yes ] || check_equal "still two paths" "$(value 'd["keys"][0]["paths"]')" 2

check "another host is refused" admin 3 b reserve
check_stderr "with the holder's key" "$key_a"
check "it left nothing" admin 0 b keys
check_equal "one key" "$(value 'len(d["keys"])')" 1
check "release of what another holds does nothing" admin 0 b release
check_equal "it is held still" "$(value 'd["holder_key"]')" "$key_a"

check "takeover shuts the holder out" admin 0 b takeover
key_b=$(value 'd["own_key"]')
check_equal "one key, the other host's" "$(value '[k["key"] for k in d["keys"]]')" "['$key_b']"
check "the old holder is refused" admin 3 a reserve
check "release frees it" admin 0 b release
check_equal "nothing is left" "$(value '(d["reserved"], d["keys"])')" "(False, [])"

check "register alone reserves nothing" admin 0 a register
check_equal "registered" "$(value '(d["reserved"], d["keys"][0]["paths"])')" "(False, 2)"
check "the other host reserves" admin 0 b reserve --type 5
check "its key is removed" admin 0 a fence "$key_b"
check_equal "and what it held is ours" "$(value '(d["type"], d["holder_key"], len(d["keys"]))')" "(5, '$key_a', 1)"
check "fencing without a key is a usage error" admin 2 a fence
check "our own key is not fenced" admin 2 a fence "$key_a"
check "clear asks for --force" admin 2 b clear
check "clear removes everything" admin 0 b clear --force
check_equal "nothing is left" "$(value '(d["reserved"], d["keys"])')" "(False, [])"
