#!/usr/bin/env bash
# fts-admin discover: paths become devices, and a volume's devices a key file that works.
. "$(dirname "$0")/../lib/sh.sh"

tgt=$FTS_SOURCE/tests/lib/tgt.sh

# value EXPRESSION: of the JSON document `d` in $work/out
value ()
{
  /usr/bin/python3 -c 'import json, sys; d = json.load(open(sys.argv[2])); print(eval(sys.argv[1]))' "$1" "$work/out"
}

# discover [ARGUMENT...]: as JSON into $work/out
discover ()
{
  timeout 60 fts-admin --json discover "$@" >"$work/out" 2>"$work/stderr"
}

# ---- file LUNs ----

cd "$work" || exit 99
check "a volume of two devices" fts-format --quiet --name box --size 64M --heartbeat-ms 100 --dead-ms 2000 \
  "file:$work/a.img" "file:$work/b.img"
truncate -s 8M "$work/empty.img"
check "discover" discover "file:$work/a.img?path=2" "b.img|a.img" "b.img?path=7&host=other"
check_equal "one identity, one device" "$(value '[len(e["paths"]) for e in d["devices"]]')" "[2, 2]"
check_equal "names the volume" "$(value '[(e["volume"]["name"], e["volume"]["device"]) for e in d["devices"]]')" \
  "[('box', 1), ('box', 2)]"
check_equal "finds reservations by trial" "$(value 'all(e["persistent_reservations"] for e in d["devices"])')" True
check_equal "and the size" "$(value 'd["devices"][0]["blocks"] * d["devices"][0]["block_size"]')" $((64 << 20))
fts-admin discover "$work/a.img" >"$work/text" || fail "as text"
check "as text with the volume" grep -q 'volume: "box", master of 2 devices' "$work/text"

check "a path to another target port" discover "file:$work/b.img?path=9&port=2"
check_equal "has the state of its group" "$(value 'd["devices"][0]["paths"][0]["port_state"]')" active/optimized

check_fails "a file that is no LUN is skipped" fts-admin discover "$work/empty.img" "$work/a.img"
check_stderr "with a word" "empty.img.*no LUN yet"
check "and stays what it was" test ! -e "$work/empty.img.lun"
check_fails "a key file without the second device" fts-admin discover --config=box "$work/a.img"
check_stderr "says which is missing" "device 2 was not found"
check_fails "an unknown volume" fts-admin discover --config=none "$work/a.img"

fts-admin discover --config=box "b.img?path=1" "a.img?path=2" a.img >"$work/box.conf" || fail "--config"
volume=$work/box.conf
mkdir "$work/there"
echo hello >"$work/there/file"
start_server south --export "data=$work/there:rw"
check "the key file serves" fts --volume "$volume" south:/data get file "$work/file"
check_equal "all paths are used" "$(fts-admin --json --volume "$volume" paths | grep -c '"state" : "up"')" 2
stop "$pid"

# ---- completion ----

complete_words ()
{
  COMP_WORDS=("$@")
  COMP_CWORD=$(($# - 1))
  COMPREPLY=()
  _ftsfs_complete fts-admin
}
# shellcheck source=contrib/completion/ftsfs.bash
. "$FTS_SOURCE/contrib/completion/ftsfs.bash"
complete_words fts-admin disc
check_equal "the command is completed" "${COMPREPLY[*]}" discover
complete_words fts-admin discover --conf
check_equal "and its option" "${COMPREPLY[*]}" --config

# ---- an iSCSI target that tells all its portals, and wants CHAP ----

. "$FTS_SOURCE/tests/lib/target.sh"
secret=averylongsecret42
start_target emulated 64 --chap "hosta:$secret"
portal=${portals[0]}
check_fails "without the secret" timeout 60 fts-admin discover "iscsi://$portal"
check_stderr "the portal says why" "CHAP user and secret"
check "with it one portal is enough" discover "iscsi://hosta%$secret@$portal"
check_equal "for the paths over all" "$(value '[p["name"] for p in d["devices"][0]["paths"]]')" \
  "['iscsi://hosta%***@$portal/$target_iqn/0', 'iscsi://hosta%***@${portals[1]}/$target_iqn/0']"
check "a volume there" timeout 60 fts-format --quiet --name san --heartbeat-ms 200 --dead-ms 4000 \
  "iscsi://hosta%$secret@$portal/$target_iqn/0"
fts-admin discover --config=san "iscsi://hosta%$secret@$portal" >"$work/san.conf" 2>"$work/stderr" || fail "--config"
! grep -q "$secret" "$work/san.conf" "$work/stderr" "$work/out" || fail "the secret is printed"
check "the key file says where the secret goes" \
  grep -q "^# Put the CHAP secret into /etc/ftsfs/san.chap" "$work/san.conf"

(umask 077 && echo "$secret" >"$work/san.chap")
sed -i "s|/etc/ftsfs/san.chap|$work/san.chap|g" "$work/san.conf"
volume=$work/san.conf
start_server east --export "data=$work/there:rw"
check "then it serves" timeout 60 fts --volume "$volume" east:/data get file "$work/file2"
cmp "$work/file2" "$work/there/file" || fail "contents"
check "discovery by the secret's file" discover "iscsi://hosta@$portal?secret-file=$work/san.chap"
check_equal "keeps it in the names" "$(value 'all("secret-file=" in p["name"] for e in d["devices"] for p in e["paths"])')" True

# ---- tgtd: two disks, a controller, and only the portal that is asked is told ----

bash "$tgt" start "$work" 8M 2 || { status=$?; [ "$status" -eq 77 ] || fail "tgtd"; exit 0; }
on_exit bash "$tgt" stop "$work"
bash "$tgt" lun "$work" 2 8M || fail "a second LUN"
check "discover two portals" discover "iscsi://$(head -n 1 "$work/tgt.portals")" "iscsi://$(tail -n 1 "$work/tgt.portals")"
check_equal "finds the disks over both portals" "$(value 'sorted(len(e["paths"]) for e in d["devices"])')" "[2, 2]"
check_equal "and skips the controller" "$(value '["no disk" in s["reason"] for s in d["skipped"]]')" "[True, True]"
check_equal "with vendor and product" "$(value '(d["devices"][0]["vendor"], d["devices"][0]["product"])')" "('FTSFS', 'TEST')"
