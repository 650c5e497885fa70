#!/usr/bin/env bash
# A program of many sources is compiled on a mount by make -j: headers found through dependency files,
# an archive, a mapped executable that runs from there, and only what changed is made again.
. "$(dirname "$0")/../lib/lab.sh" || exit 99

for program in make gcc ar; do
  type -p "$program" >/dev/null || skip "no $program"
done
lab
mkdir "$mnt/source"
cd "$mnt/source" || exit 99
for i in {1..24}; do
  printf '#include "all.h"\nint f%d (void) { return %d * FACTOR; }\n' "$i" "$i"  >"f$i.c"
done
{
  echo '#define FACTOR 1'
  printf 'int f%d (void);\n' {1..24}
} >all.h
{
  printf '#include "all.h"\n#include <stdio.h>\nint main (void) { printf ("%%d\\n", 0'
  printf ' + f%d ()' {1..24}
  echo '); return 0; }'
} >main.c
cat >Makefile <<'M'
objects := $(patsubst %.c,%.o,$(wildcard f*.c))
main: main.o liball.a ; $(CC) -o $@ main.o -L. -lall
liball.a: $(objects) ; rm -f $@ && $(AR) rcs $@ $^
%.o: %.c ; $(CC) -O1 -MMD -c -o $@ $<
-include $(wildcard *.d)
M

check "make -j" make -s -j4
check_equal "the program runs from the mount" "$(./main)" 300
check_equal "all is made" "$(make -j4)" "make: 'main' is up to date."
sleep 0.01
sed -i 's/FACTOR 1/FACTOR 2/' all.h
check "a changed header makes all again" make -s -j4
check_equal "the program is the new one" "$(./main)" 600
sleep 0.01
echo 'int unused;' >>f7.c
check_equal "a changed source makes its own object again" "$(make -j4 | grep -c -- ' -c ')" 1
wait_for 10 "the program at the server, closed" "$export_dir/source/main"
check_equal "the server has the program" "$("$export_dir/source/main")" 600
check "make clean away" rm -r "$mnt/source"
cd / || exit 99
