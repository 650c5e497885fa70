# shellcheck shell=bash disable=SC2034,SC2154
# cables.sh - paths that can be cut, for shell tests; comes after sh.sh.
#
# A cable is a relay (relay.py) in front of a portal.  What goes through it is a path; the server of
# a test uses the portal itself and so keeps its own.

# lay_cable NAME PORTAL [ADDRESS:PORT]: the address is in $portal, its pid in $pid.
lay_cable ()
{
  rm -f "$work/$1.log"
  start "$1" "$FTS_SOURCE/tests/lib/relay.py" "$work/$1.carried" "${@:2}"
  wait_for 30 "cable $1" grep -qs '^127\.' "$work/$1.log"
  portal=$(cat "$work/$1.log")
}

# cut_cable NAME, mend_cable NAME PORTAL ADDRESS:PORT
cut_cable ()
{
  stop "$(cat "$work/$1.pid")" KILL 2>/dev/null
}

mend_cable ()
{
  lay_cable "$@"
}

# Nothing comes through, and nobody is told.
mute_cable ()
{
  kill -STOP "$(cat "$work/$1.pid")"
}

# Bytes that cable NAME has carried since it was laid or mended.
carried ()
{
  echo $((10#$(cat "$work/$1.carried")))
}

has_carried ()
{
  [ "$(carried "$1")" -ge "$2" ]
}

# seconds_until TEXT CONDITION...: a generous limit; prints the time, for whoever reads the log.
seconds_until ()
{
  local text=$1 begin=${EPOCHREALTIME/./}
  shift
  wait_for 60 "$text" "$@"
  printf 'ok: %s (%d ms)\n' "$text" $(((${EPOCHREALTIME/./} - begin) / 1000))
}
