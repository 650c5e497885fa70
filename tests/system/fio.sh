#!/usr/bin/env bash
# fio writes with checksums and reads back, by each way a program can: in sequence, at random, mapped,
# past the kernel's cache, many jobs at once; and one mount verifies what another has written.
. "$(dirname "$0")/../lib/lab.sh" || exit 99

type -p fio >/dev/null || skip "no fio"
lab
mount_ftsfs server:/lab "$work/other" name=other || fail "second mount"

# verified TEXT OPTION...: writes and verifies; the first wrong block fails.
verified ()
{
  local text=$1
  shift
  check "$text" fio --name=job --size=8M --verify=crc32c --verify_fatal=1 --do_verify=1 --thread \
    --output="$work/fio.log" "$@"
}

cd "$mnt" || exit 99
verified "in sequence" --filename=sequence --rw=write --bs=64k
verified "at random, unaligned lengths" --filename=random --rw=randwrite --bsrange=512-48k --bs_unaligned
verified "reads and writes mixed" --filename=mixed --rw=randrw --bs=4k
verified "by a shared mapping" --filename=mapped --ioengine=mmap --rw=randwrite --bs=4k
verified "past the cache" --filename=direct --direct=1 --rw=randwrite --bs=4k --size=4M
verified "past the cache, many at once" --filename=queued --direct=1 --ioengine=libaio --iodepth=16 \
  --rw=randwrite --bs=16k
verified "fsync behind each eighth write" --filename=synced --rw=randwrite --bs=16k --fsync=8 --size=4M
verified "several jobs, a file each" --rw=randwrite --bs=8k --numjobs=4 --size=4M --verify=md5
verified "several jobs, a part of one file each" --filename=shared --rw=randwrite --bs=16k --numjobs=4 \
  --size=2M --offset_increment=2M

cd "$work/other" || exit 99
for name in sequence random mapped direct; do
  check_equal "another mount reads what the first wrote: $name" \
    "$(sha256sum <"$name")" "$(sha256sum <"$export_dir/$name")"
done
check "another mount verifies it" fio --name=job --filename=queued --size=8M --rw=randwrite --bs=16k --direct=1 \
  --verify=crc32c --verify_only --verify_fatal=1 --output="$work/fio.log"
cd / || exit 99
