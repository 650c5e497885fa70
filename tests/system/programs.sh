#!/usr/bin/env bash
# Programs of every day on a mount with its own options: sqlite3 from two mounts at once, git, make, an
# editor's save.
. "$(dirname "$0")/../lib/lab.sh" || exit 99

for program in sqlite3 git make; do
  type -p "$program" >/dev/null || skip "no $program"
done
lab
mount_ftsfs server:/lab "$work/other" name=other || fail "second mount"

# ---- sqlite3 ----
sqlite3 "$mnt/base" "create table t (writer, n)"
insert ()
{
  local i
  for i in {1..15}; do
    sqlite3 -cmd ".timeout 20000" "$1/base" "insert into t values ('$2', $i)" || return 1
  done
}
insert "$mnt" a & one=$!
insert "$work/other" b & two=$!
insert "$work/other" c & three=$!
check "the first writes" wait "$one"
check "the second, by another mount" wait "$two"
check "the third" wait "$three"
check_equal "nothing is lost" "$(sqlite3 "$mnt/base" "select count(distinct writer || n) from t")" 45
check_equal "the base is sound" "$(sqlite3 "$work/other/base" "pragma integrity_check")" ok

# ---- git ----
export GIT_AUTHOR_NAME=a GIT_AUTHOR_EMAIL=a@b GIT_COMMITTER_NAME=a GIT_COMMITTER_EMAIL=a@b
export GIT_CONFIG_GLOBAL=/dev/null GIT_CONFIG_SYSTEM=/dev/null HOME=$work
git init -q -b main "$work/origin"
for i in {1..60}; do
  echo "content $i" >"$work/origin/file$i"
done
git -C "$work/origin" add .
git -C "$work/origin" commit -q -m first
check "git clone" git clone -q "$work/origin" "$mnt/clone"
echo more >>"$mnt/clone/file7"
check "git commit" git -C "$mnt/clone" commit -q -a -m second
check "git gc" git -C "$mnt/clone" gc -q
check "git fsck" git -C "$mnt/clone" fsck --strict
check_equal "git status by another mount" "$(git -C "$work/other/clone" -c safe.directory='*' status --porcelain)" ""

# ---- make ----
mkdir "$mnt/build"
printf 'all: a b\n\tcat a b >all\n%%: %%.in\n\tcp $< $@\n' >"$mnt/build/Makefile"
echo a >"$mnt/build/a.in"
echo b >"$mnt/build/b.in"
check "make" make -s -j4 -C "$mnt/build"
check_equal "it made it" "$(cat "$mnt/build/all")" "a
b"
check_equal "and knows what is made" "$(make -C "$mnt/build" a | grep -c 'up to date')" 1
sleep 0.01
echo c >"$mnt/build/a.in"
make -s -C "$mnt/build"
check_equal "and what changed" "$(head -n 1 "$mnt/build/all")" c

# ---- saving as editors do ----
echo old >"$mnt/text"
chmod 640 "$mnt/text"
cp -p "$mnt/text" "$mnt/text~"
echo new >"$mnt/.text.swp"
chmod --reference="$mnt/text" "$mnt/.text.swp"
check "write beside, sync and rename" eval 'sync "$mnt/.text.swp" && mv "$mnt/.text.swp" "$mnt/text"'
check_equal "the new text" "$(cat "$mnt/text")" new
check_equal "the old one as backup" "$(cat "$mnt/text~")" old
check_equal "the mode stays" "$(stat -c %a "$mnt/text")" 640
