#!/usr/bin/env bash
# fts brings and sends files of every size and name as they are, one by one, by pattern, by tree.
. "$(dirname "$0")/../lib/sh.sh"

there=$work/there
here=$work/here
mkdir "$there" "$here"
cd "$here" || exit 99
make_volume
start_server south --export "data=$there:rw"

# remote [--OPTION...] [COMMAND...]
remote ()
{
  local options=()
  while [[ ${1-} == --* ]]; do
    options+=("$1")
    shift
  done
  fts --volume "$volume" "${options[@]}" south:/data "$@"
}

# same A B: contents, mode and modification time.
same ()
{
  cmp "$1" "$2" && [ "$(stat -c '%a %y %s' "$1")" = "$(stat -c '%a %y %s' "$2")" ]
}

blocks ()
{
  stat -c %b "$1"
}

# ---- sizes: around inline area, block, payload of a segment (512 blocks, one is its header) ----
payload=$((256 * 1024 - 512))
sizes="0 1 511 512 513 2048 2049 3072 3073 $((payload - 1)) $payload $((payload + 1)) $((3 * 1024 * 1024 + 7))"
for size in $sizes; do
  head -c "$size" /dev/urandom >"$there/f$size"
  chmod 640 "$there/f$size"
  touch -d "2001-02-03 04:05:06.123456789" "$there/f$size"
done
for size in $sizes; do
  echo "get f$size"
  echo "put f$size back$size"
done >"$work/script"
check "a script of gets and puts" remote "--file=$work/script"
for size in $sizes; do
  check "$size bytes arrive" same "$there/f$size" "f$size"
  check "$size bytes return" same "f$size" "$there/back$size"
done
rm -f "$there"/* ./*

# ---- holes ----
truncate -s 30M "$there/sparse"
printf middle | dd of="$there/sparse" bs=1 seek=10000000 conv=notrunc status=none
check "get of a sparse file" remote get sparse
check "its contents" cmp sparse "$there/sparse"
check_at_most "its blocks" "$(blocks sparse)" 1000
check "put of a sparse file" remote put sparse back
check "its contents there" cmp sparse "$there/back"
check_at_most "its blocks there" "$(blocks "$there/back")" 1000
truncate -s 5M "$there/hole"
check "get of nothing but a hole" remote get hole
check "its contents" cmp hole "$there/hole"
check_at_most "its blocks" "$(blocks hole)" 8
rm -f "$there"/* ./*

# ---- replace ----
echo old >file
echo new >"$there/file"
check_fails "get does not overwrite" remote get file
check_stderr "and says so" "File exists"
check_equal "the old one is there" "$(cat file)" old
check "get -f does" remote get -f file
check_equal "the new one is there" "$(cat file)" new
echo newer >file
check_fails "put does not overwrite" remote put file
check_stderr "and says so" "File exists"
check_equal "the other side keeps its own" "$(cat "$there/file")" new
check "replace does" remote replace file
check_equal "the other side has it" "$(cat "$there/file")" newer
check_equal "no temporary file is left" "$(find "$there" "$here" -name '.*.fts-*')" ""
rm -f "$there"/* ./*

# ---- names of every byte but / and NUL ----
/usr/bin/python3 - "$there" <<'PY'
import os, sys
os.chdir(sys.argv[1].encode())
every = bytes(b for b in range(1, 256) if b != ord("/"))
for name in (every[:200], every[200:], b"-dash", b"*", b"a[b]c", b"two\nlines", b"\xff\xfe", b" "):
    with open(name, "wb") as file:
        file.write(name)
PY
check "get -r of strange names" remote get -r / all
check "they arrive" diff -r "$there" all
check "put -r of strange names" remote put -r all again
check "they return" diff -r all "$there/again"
rm -r "$there/again" all
check "a file named like a pattern" remote get '*' star
check_equal "is that file" "$(cat star)" '*'
check "a name that begins with a dash" remote get -- -dash
check_equal "is that file" "$(cat ./-dash)" '-dash'
rm -rf "${there:?}"/* ./*
find "$there" -mindepth 1 -delete

# ---- patterns and many ----
touch "$there"/{a.c,b.c,c.h,.hidden.c}
mkdir into "$there/sub"
check "get of a pattern" remote get '*.c' into
check_equal "brings what matches" "$(ls -A into)" "a.c
b.c"
check_fails "a pattern that nothing matches" remote get 'x*'
check_stderr "says so" "No such file"
check "mget" remote mget a.c c.h
check "put of a pattern" remote put 'into/*' sub
check_equal "sends what matches" "$(ls -A "$there/sub")" "a.c
b.c"
rm "$there/c.h"
check "mput" remote mput c.h
check "sends each" test -e "$there/c.h"
rm -rf "${there:?}"/* "$there/.hidden.c" ./*

# ---- trees ----
mkdir -p "$there/tree/deep/er" "$there/tree/empty"
echo text >"$there/tree/deep/er/file"
ln -s ../deep "$there/tree/empty/link"
chmod 500 "$there/tree/deep/er/file"
touch -d 2003-03-03 "$there/tree/deep/er" "$there/tree/deep" "$there/tree/empty" "$there/tree"
check_fails "a directory needs -r" remote get tree
check_stderr "and is told so" "-r"
check "get -r" remote get -r tree
check "the tree arrives" diff -r --no-dereference tree "$there/tree"
check_equal "with times of directories" "$(stat -c %Y tree/deep)" "$(stat -c %Y "$there/tree/deep")"
check "put -r" remote put -r tree copy
check "the tree returns" diff -r --no-dereference tree "$there/copy"
check_equal "with times of directories" "$(stat -c %Y "$there/copy/deep")" "$(stat -c %Y tree/deep)"

# ---- directories ----
printf '%s\n' pwd 'cd tree/deep' pwd 'dir -1' 'cd ..' pwd cd pwd "lcd $work" 'put there.txt' quit nonsense \
  >"$work/script"
echo hello >"$work/there.txt"
check_equal "cd, pwd, dir, lcd" "$(fts --volume "$volume" --file "$work/script" south:/data)" \
  "/
/tree/deep
er
/tree
/"
check "lcd told where from" cmp "$work/there.txt" "$there/there.txt"
check_fails "cd to a file" remote cd there.txt
check_stderr "says so" "Not a directory"
printf '%s\n' 'cd ../../..' pwd >"$work/script"
check_equal "the export's root is the top" "$(remote "--file=$work/script")" /
echo secret >"$work/outside"
check_fails "get out of the export" remote get ../outside

# ---- for programs ----
remote --json dir / >"$work/json" || fail "dir --json"
check_equal "dir as JSON" "$(/usr/bin/python3 -c '
import json, sys
print(*sorted((e["name"], e["type"], e["size"]) for e in json.load(open(sys.argv[1]))
              if e["type"] == "file"))' "$work/json")" "('there.txt', 'file', 6)"
remote --json get there.txt >"$work/json" || fail "get --json"
check_equal "a transfer as JSON" "$(/usr/bin/python3 -c '
import json, sys
e = json.load(open(sys.argv[1]))
print(e["command"], e["source"], e["target"], e["bytes"], e["bytes_per_second"] > 0)' "$work/json")" \
  "get there.txt there.txt 6 True"
