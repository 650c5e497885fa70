#!/usr/bin/env bash
# Directories small and large: each name once, stable places, few requests.
. "$(dirname "$0")/../lib/lab.sh" || exit 99

lab
for n in 0 1 1000 20000; do
  mkdir "$mnt/$n"
  check "$n entries" /usr/bin/python3 "$FTS_SOURCE/tests/system/directories.py" "$mnt/$n" "$n"
done

# The bound of the design: names and attributes of 1,000 entries in four pairs.
mkdir "$export_dir/cold"
(cd "$export_dir/cold" && seq -f 'name-%04.0f' 1000 | xargs touch)
check "the directory is there" test -d "$mnt/cold"
before=$(calls dir) lookups=$(calls lookup)
check_equal "1,000 entries with attributes" "$(find "$mnt/cold" -type f -size 0 | wc -l)" 1000
check_at_most "requests for 1,000 entries with attributes" $(($(calls dir) - before)) 4
check_at_most "lookups for them" $(($(calls lookup) - lookups)) 0
before=$(calls dir)
check_equal "and again from a fresh listing" "$(ls "$mnt/cold" | wc -l)" 1000
check_at_most "directory requests" $(($(calls dir) - before)) 4
