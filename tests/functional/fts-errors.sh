#!/usr/bin/env bash
# fts says what is wrong, with the right exit status, and leaves nothing half done.
. "$(dirname "$0")/../lib/sh.sh"

there=$work/there
mkdir "$there" "$work/here" "$work/full"
cd "$work/here" || exit 99

# fails STATUS TEXT PATTERN COMMAND...: ends with STATUS and a message that matches PATTERN.
fails ()
{
  local expected=$1 text=$2 pattern=$3 status=0
  shift 3
  "$@" </dev/null >"$work/stdout" 2>"$work/stderr" || status=$?
  check_equal "$text: exit status" "$status" "$expected"
  check_stderr "$text: message" "$pattern"
}

# ---- without a server, without a volume ----
make_volume
head -c 1M /dev/zero | tr "\0" t >"$work/text"
fails 2 "no volume" "--volume" fts south:/data dir
fails 4 "no volume there" "fts:" fts --volume "file:$work/text" south:/data dir
fails 3 "no server" "south" fts --volume "$volume" --wait 0.3 south:/data dir
fails 2 "an unknown option" "--nonsense" fts --volume "$volume" --nonsense

# ---- usage ----
start_server south --export "data=$there:rw" --export "locked=$there:ro"
fails 3 "an export that does not exist" "no export .other" fts --volume "$volume" south:/other dir
fails 2 "no export named" "which export" fts --volume "$volume" south dir
check "--export names it" fts --volume "$volume" --export data south dir
fails 2 "an unknown command" "no command .fetch" fts --volume "$volume" south:/data fetch x
fails 2 "too many operands" "one source and one target" fts --volume "$volume" south:/data get a b c
fails 2 "an unknown letter" "no option -x" fts --volume "$volume" south:/data get -x a
fails 2 "a command without a server" "open PEER" fts --volume "$volume" -f <(echo dir)
echo 'get "x' >"$work/script"
fails 2 "a quote that is not closed" "script:1: " \
  fts --volume "$volume" --file "$work/script" south:/data
fails 1 "a file that is not there" "No such file" fts --volume "$volume" south:/data get nothing
fails 1 "a local file that is not there" "No such file" fts --volume "$volume" south:/data put nothing
fails 1 "a local directory that is not there" "No such file" \
  fts --volume "$volume" south:/data get nothing nowhere/nothing
echo x >file
fails 1 "a read-only export" "Read-only" fts --volume "$volume" south:/locked put file
fails 1 "a device as target" "no regular file" fts --volume "$volume" south:/data get -f file /dev/null

# ---- scripts ----
printf '%s\n' '# comment' '' 'get nothing' 'put file' >"$work/script"
fails 1 "a script stops at an error" "script:3: .*No such file" \
  fts --volume "$volume" --file "$work/script" south:/data
check "and did not go on" test ! -e "$there/file"
fails 1 "a script that keeps going" "1 commands failed" \
  fts --volume "$volume" --keep-going --file "$work/script" south:/data
check "went on" cmp file "$there/file"
rm "$there/file"

# ---- a full disk over there ----
if [ "$(id -u)" -eq 0 ] && mount -t tmpfs -o size=1M none "$work/full" 2>/dev/null; then
  on_exit umount "$work/full"
  start_server west --export "full=$work/full:rw"
  head -c 30M /dev/zero | tr '\0' x >big
  fails 1 "a full disk" "No space left" fts --volume "$volume" west:/full put big
  check_equal "leaves nothing" "$(ls -A "$work/full")" ""
  check "and the server goes on" fts --volume "$volume" west:/full put file
fi
stop "$(cat "$work/south.pid")"

# ---- secrets ----
printf '[secrets]\nnorth=%s\n' "a long secret" >"$work/secrets"
echo "a long secret" >"$work/right"
echo "a wrong secret" >"$work/wrong"
chmod 600 "$work/secrets" "$work/right" "$work/wrong"
start_server east --export "data=$there:rw" --secrets "$work/secrets"
check "the right secret" fts --volume "$volume" --name north --secret-file "$work/right" east:/data dir
fails 1 "a wrong secret" "secret|denied|refused" \
  fts --volume "$volume" --name north --secret-file "$work/wrong" east:/data dir
fails 1 "no secret" "secret|denied|refused" fts --volume "$volume" --name north east:/data dir
fails 1 "a name without a secret" "secret|denied|refused" \
  fts --volume "$volume" --name stranger --secret-file "$work/right" east:/data dir
chmod 644 "$work/right"
fails 2 "a secret that others can read" "chmod 600" \
  fts --volume "$volume" --name north --secret-file "$work/right" east:/data dir
check_fails "the secret is not on the volume" grep -q "a long secret" "$work/lun.img"
