#!/usr/bin/env bash
# ftsd's configuration: shown and checked without serving, read again by SIGHUP; what is wrong is
# said and changes nothing.
# shellcheck source=tests/lib/sh.sh
. "$(dirname "$0")/../lib/sh.sh" || exit 99

config=$work/server.conf
secrets=$work/secrets
mkdir "$work/a" "$work/b"
echo one >"$work/a/f"
make_volume --quiet

# ---- checking alone ----

cat >"$config" <<TEXT
[export a]
path=$work/a
mode=ro
squash=root
anonuid=70
peers=alpha;node*
[export b]
path=$work/b
setid=true
TEXT
check_equal "a right configuration is shown" "$(ftsd --check-config --config "$config")" \
  "a=$work/a,ro,squash=root,anonuid=70,anongid=65534,peers=alpha:node*
b=$work/b,rw,squash=none,setid,peers=*"
printf '[export a]\npath=%s\nsquash=rooot\n' "$work/a" >"$work/bad.conf"
check_fails "a wrong one is refused" ftsd --check-config --config "$work/bad.conf"
check_stderr "by file, group, key and what is needed" "bad.conf: \[export a\] squash: .*none or root or all"
printf '[export a]\npath=%s\nuidmap=map\n' "$work/a" >"$work/bad.conf"
check_fails "a map by a relative name is refused" ftsd --check-config --config "$work/bad.conf"
check_stderr "it says so" "uidmap=map: .*absolute"
printf '[secrets]\nalpha=sesame\n' >"$secrets"
chmod 640 "$secrets"
check_fails "secrets that others can read are refused" ftsd -C --config "$config" --secrets "$secrets"
check_stderr "it says what to do" "chmod 600"
! grep -q sesame "$work/stderr" || fail "the secret is shown"
echo "ok: the secret is not shown"

# ---- reading again ----

# client EXPORT COMMAND...: as alpha, with its secret.
client ()
{
  local export=$1
  shift
  fts --quiet --volume "$volume" --name alpha --secret-file "$work/own" "server:/$export" "$@" 2>"$work/client"
}

refusal=
refused ()
{
  ! client "$@" && grep -Eq "$refusal" "$work/client"
}

# again: what the server has said since the last time about its configuration.
again ()
{
  kill -HUP "$server_pid"
  n_told=$((n_told + 1))
  wait_for 30 "word about the configuration" told "$n_told"
}

told ()
{
  [ "$(grep -c 'the configuration' "$work/server.log")" -ge "$1" ]
}

n_told=0
printf '[export a]\npath=%s\n' "$work/a" >"$config"
chmod 600 "$secrets"
(umask 077 && echo sesame >"$work/own")
start_server server --config "$config" --secrets "$secrets"
server_pid=$pid
check "an export is served" client a put "$work/a/f" g

printf '[export a]\npath=%s\nmode=ro\n[export b]\npath=%s\n' "$work/a" "$work/b" >"$config"
again
refusal='[Rr]ead-only' check "an export has become read-only" refused a put "$work/a/f" h
check "another one has come" client b put "$work/a/f" f

printf '[export b]\npath=%s\npeers=beta\n' "$work/b" >"$config"
again
refusal='no export' check "one has gone" refused a dir
refusal='does not give' check "one is another peer's" refused b dir

printf '[export b]\npath=%s\nmood=ro\n' "$work/b" >"$config"
again
check "a wrong file is told by file, group and key" \
  grep -q "stays as it was: $config: \[export b\] mood" "$work/server.log"
printf '' >"$config"
again
check "so is an empty one" grep -q "stays as it was: .*no export" "$work/server.log"
printf '[export b]\npath=%s/none\n' "$work" >"$config"
again
check "and a directory that is not there" grep -q "stays as it was: .*$work/none" "$work/server.log"
refusal='does not give' check "the old configuration holds" refused b dir

printf '[export b]\npath=%s\n' "$work/b" >"$config"
printf '[secrets]\nalpha=another\n' >"$secrets"
again
refusal='secret|denied' check "a secret has changed" refused b dir
echo another >"$work/own"
check "with the new one" client b dir >"$work/list"
chmod 644 "$secrets"
again
check "secrets that others can read are not taken" grep -q "stays as it was: $secrets" "$work/server.log"
is_alive "$server_pid" || fail "the server ended"
echo "ok: the server lives"

# ---- told to a service manager ----

/usr/bin/python3 -c '
import socket, sys
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.bind(sys.argv[1])
while True:
    print(s.recv(4096).decode(), flush=True)
' "$work/notify" >"$work/told" &
listener=$!
on_exit stop "$listener"
wait_for 30 "listener" test -S "$work/notify"
chmod 600 "$secrets"
NOTIFY_SOCKET=$work/notify start_server second --config "$config"
second=$pid
wait_for 30 "READY" grep -qx READY=1 "$work/told"
kill -HUP "$second"
wait_for 30 "RELOADING" grep -qx RELOADING=1 "$work/told"
check "with its time" grep -Eqx 'MONOTONIC_USEC=[0-9]+' "$work/told"
ready_twice ()
{
  [ "$(grep -cx READY=1 "$work/told")" -eq 2 ]
}
wait_for 30 "READY again" ready_twice
stop "$second"
check "it tells its end" grep -qx STOPPING=1 "$work/told"
