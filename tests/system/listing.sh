#!/usr/bin/env bash
# A long directory that is changed, and a server that stops, while a program lists it: the next page is
# on its way then, or here already.
# shellcheck source=tests/lib/lab.sh
. "$(dirname "$0")/../lib/lab.sh" || exit 99

dead_ms=20000
lab
many=$export_dir/many
mkdir "$many"
(cd "$many" && seq -f 'name-%05.0f' 20000 | xargs touch)

# reader NAME: lists the directory and stands still after 500 names.
reader ()
{
  /usr/bin/python3 "$FTS_SOURCE/tests/system/listing.py" "$mnt/many" 500 "$work/$1.here" "$work/$1.go" \
    >"$work/$1.names" &
  reader=$!
  on_exit stop "$reader"
  wait_for 10 "the first names" test -e "$work/$1.here"
}

# stayed_once NAME: what was there all the time was listed once, and nothing twice.
stayed_once ()
{
  [ -z "$(sort "$work/$1.names" | uniq -d)" ] &&
    [ -z "$(comm -13 <(sort "$work/$1.names") <(cd "$many" && printf '%s\n' name-*))" ]
}

is_listed_well ()
{
  diff -q <(ls "$mnt/many") <(ls "$many")
}

reader changed
(cd "$many" && rm name-1* && seq -f 'new-%05.0f' 3000 | xargs touch)
touch "$work/changed.go"
check "a listing goes on in a directory that was changed" wait "$reader"
check "what stayed is listed once" stayed_once changed
check "a listing that begins anew is new" is_listed_well

reader own
(cd "$mnt/many" && rm name-0[0-4]* && seq -f 'own-%05.0f' 300 | xargs touch)
touch "$work/own.go"
check "a listing goes on in a directory that this mount changes" wait "$reader"
check "what stayed is listed once" stayed_once own
check "a listing that begins anew is new" is_listed_well

reader stopped
kill -STOP "$server_pid"
touch "$work/stopped.go"
sleep 0.5
check "who lists waits for the server" kill -0 "$reader"
kill -KILL "$reader"
wait_for 5 "the end of a killed reader" is_gone "$reader"
kill -CONT "$server_pid"
check "the next one gets it all" is_listed_well

reader late
kill -STOP "$server_pid"
touch "$work/late.go"
sleep 0.5
kill -CONT "$server_pid"
check "a listing goes on when the server does" wait "$reader"
check "all is listed once" stayed_once late
