#!/usr/bin/env bash
# The tools that walk, copy and keep trees in step give on a mount what they give on a local directory:
# find, du, tar, rsync --inplace --delete, git with many small files.
. "$(dirname "$0")/../lib/lab.sh" || exit 99

same_tree ()
{
  "$FTS_SOURCE/tests/lib/compare-trees" "$1" "$2"
}

# make_tree DIRECTORY ROUND: 300 files in 12 directories; another round is another tree.
make_tree ()
{
  /usr/bin/python3 - "$1" "$2" <<'PY'
import os, pathlib, random, sys
random.seed(int(sys.argv[2]))
top = pathlib.Path(sys.argv[1])
for i in range(300):
    folder = top / f"d{i % 4}" / f"e{i % 3}"
    folder.mkdir(parents=True, exist_ok=True)
    if int(sys.argv[2]) and i % 10 == 0:
        (folder / f"f{i}").unlink(missing_ok=True)
        continue
    (folder / f"f{i}").write_bytes(random.randbytes(random.choice((0, 1, 700, 4096, 20000, 90000))))
os.symlink("d0", top / f"link{sys.argv[2]}")
PY
}

lab
mkdir "$work/local"
make_tree "$work/local" 0

# Times to the nanosecond, as stat shows them.
pack ()
{
  tar -C "$1" --sort=name --format=posix --pax-option=exthdr.name=%d/%f,delete=atime,delete=ctime -cf - .
}
check "tar in" eval 'pack "$work/local" | tar -C "$mnt" -xpf -'
check "the same tree" same_tree "$work/local" "$mnt"
check_equal "tar out is byte for byte the same" \
  "$(pack "$mnt" | sha256sum)" "$(pack "$work/local" | sha256sum)"
check "tar --compare finds nothing" eval 'pack "$work/local" | tar -C "$mnt" -d'

listing ()
{
  (cd "$1" && find . -printf '%P %y %m %s %n %T@ %l\n' | sort)
}
check_equal "find sees the same names, types, sizes and times" "$(listing "$mnt")" "$(listing "$work/local")"
check_equal "find by size and name" \
  "$(cd "$mnt" && find . -type f -size +10k -name '*1*' | sort)" \
  "$(cd "$work/local" && find . -type f -size +10k -name '*1*' | sort)"
check_equal "du counts the same bytes" "$(du -sb --exclude='.' "$mnt/d1" | cut -f1)" \
  "$(du -sb "$export_dir/d1" | cut -f1)"

# Without --modify-window=-1 rsync takes files of one second and one size for the same.
sync_in ()
{
  rsync -a --modify-window=-1 "$@" "$work/local/" "$mnt/"
}
make_tree "$work/local" 1
check "rsync --inplace --delete" sync_in --inplace --no-whole-file --delete
check "the same tree after it" same_tree "$work/local" "$mnt"
make_tree "$work/local" 2
check "rsync --delete-after with temporary names" sync_in --checksum --delete-after
check "the same tree again" same_tree "$work/local" "$mnt"
check_equal "nothing is left to do" "$(sync_in -ic --delete)" ""
