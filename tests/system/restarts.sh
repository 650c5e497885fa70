#!/usr/bin/env bash
# The server is killed and started again, over and over, under programs that work on the mount:
# they finish without an error, and what they made is right.
# shellcheck source=tests/lib/lab.sh
. "$(dirname "$0")/../lib/lab.sh" || exit 99

kills=4

restart_server ()
{
  kill -KILL "$server_pid"
  wait "$server_pid" 2>/dev/null
  lab_server --state-dir "$work/state"
}

# survives TEXT COMMAND...: COMMAND runs again and again until the server was killed $kills times
# under it; it must not fail once.
survives ()
{
  local text=$1 job n=0 runs=0
  shift
  while [ "$n" -lt "$kills" ]; do
    "$@" >"$work/job.out" 2>&1 &
    job=$!
    runs=$((runs + 1))
    while is_alive "$job" && [ "$n" -lt "$kills" ]; do
      sleep "0.$((RANDOM % 5))$((RANDOM % 10))"
      is_alive "$job" || break
      restart_server
      n=$((n + 1))
    done
    wait "$job" || fail "$text: status $?: $(tail -n 5 "$work/job.out")"
  done
  echo "ok: $text: $runs runs, $n kills"
}

copy_tree ()
{
  rm -rf "$mnt/${1:?}" && rsync -aH "$work/tree/" "$mnt/$1/"
}

change_tree ()
{
  find "$mnt/synced" -type f -name '*[02468]' -delete
  find "$mnt/synced" -type f -name '*1' -exec sh -c 'echo more >>"$0"' {} \;
  rsync -aH --inplace --delete "$work/tree/" "$mnt/synced/"
}

unpack ()
{
  rm -rf "$mnt/tar" && mkdir "$mnt/tar" && tar -C "$mnt/tar" -xf "$work/tree.tar"
}

pack ()
{
  tar --format=posix -C "$mnt/copied" -cf "$mnt/packed.tar" . && tar -C "$work/tree" -df "$mnt/packed.tar"
}

# Names that are made, renamed, linked and removed: each step fails if it was done twice, or not.
names ()
{
  /usr/bin/python3 - "$mnt" <<'PY'
import os, sys
base = sys.argv[1] + "/names"
os.mkdir(base)
for n in range(300):
    a, b = f"{base}/a{n}", f"{base}/b{n}"
    os.close(os.open(a, os.O_CREAT | os.O_EXCL | os.O_WRONLY))
    with open(a, "ab", buffering=0) as f:
        for piece in range(4):
            f.write(b"%04d" % piece)
    os.rename(a, b)
    os.link(b, a)
    os.unlink(b)
    os.symlink("x", b)
    assert open(a, "rb").read() == b"0000000100020003", open(a, "rb").read()
    os.setxattr(a, "user.n", b"1", os.XATTR_CREATE)
    os.removexattr(a, "user.n")
    os.mkdir(a + ".d")
    os.rmdir(a + ".d")
    os.unlink(a)
    os.unlink(b)
os.rmdir(base)
PY
}

clone ()
{
  rm -rf "$mnt/clone" && git clone -q --no-local "$work/repo" "$mnt/clone" &&
    git -C "$mnt/clone" fsck --no-progress && git -C "$mnt/clone" status --porcelain
}

need_fuse
mkdir -p "$work/state" "$work/tree"
/usr/bin/python3 - "$work/tree" <<'PY'
import os, random, sys
random.seed(1)
for d in range(12):
    folder = f"{sys.argv[1]}/d{d}/e/f"
    os.makedirs(folder)
    for n in range(40):
        with open(f"{folder}/file{n}", "wb") as f:
            f.write(random.randbytes(random.choice((0, 100, 5000, 70000))))
    os.symlink("file1", f"{folder}/link")
    os.link(f"{folder}/file2", f"{folder}/hard")
with open(sys.argv[1] + "/large", "wb") as f:
    f.write(random.randbytes(8 << 20))
PY
# rsync takes times of the same second for the same.
find "$work/tree" -depth -exec touch -h -d "2020-02-02 02:02:02.123456789" {} +
tar --format=posix -C "$work/tree" -cf "$work/tree.tar" .
lab_server --state-dir "$work/state"
mount_ftsfs server:/lab "$mnt" "stats=$mount_stats,wait=30" || fail "mount"

survives "rsync -aH" copy_tree copied
check "rsync -aH: the trees are the same" "$FTS_SOURCE/tests/lib/compare-trees" "$work/tree" "$export_dir/copied"
copy_tree synced || fail "rsync"
survives "rsync --inplace --delete" change_tree
check "rsync --inplace --delete: the trees are the same" \
  "$FTS_SOURCE/tests/lib/compare-trees" "$work/tree" "$export_dir/synced"
survives "tar x" unpack
check "tar x: the trees are the same" "$FTS_SOURCE/tests/lib/compare-trees" "$work/tree" "$export_dir/tar"
survives "tar c" pack
survives "names made, renamed, removed" names
git init -q "$work/repo" && cp -a "$work/tree/d1" "$work/tree/d2" "$work/repo" &&
  git -C "$work/repo" add . && git -C "$work/repo" -c user.name=a -c user.email=b commit -q -m c || fail "git"
survives "git clone, fsck, status" clone
check "umount" umount "$mnt"
