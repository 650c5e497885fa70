/* file_load - what programs do with files, timed without an interpreter between the calls.
 *
 *   file_load create FOLDER N      makes N files of 4 KiB: open, write, close
 *   file_load random FILE N        N reads of 4 KiB at places that no read touches twice
 *
 * Prints the seconds that it took.
 */
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define PIECE 4096u

static double
now (void)
{
  struct timespec t;

  clock_gettime (CLOCK_MONOTONIC, &t);
  return (double) t.tv_sec + (double) t.tv_nsec / 1e9;
}

static int
fail (const char *what)
{
  perror (what);
  return 1;
}

static int
create_files (const char *folder, unsigned n)
{
  static uint8_t piece[PIECE];
  char name[4096];

  memset (piece, 'x', sizeof piece);
  for (unsigned i = 0; i < n; i++) {
    snprintf (name, sizeof name, "%s/file-%06u", folder, i);
    int fd = open (name, O_WRONLY | O_CREAT | O_EXCL, 0644);
    if (fd < 0)
      return fail (name);
    if (write (fd, piece, sizeof piece) != (ssize_t) sizeof piece || close (fd) != 0)
      return fail (name);
  }
  return 0;
}

/* A walk through all pieces by a stride that shares no factor with their number, so that each
 * comes once and none follows its neighbour. */
static uint64_t
choose_stride (uint64_t pieces)
{
  uint64_t stride = pieces * 61 / 100 | 1;

  for (;; stride += 2) {
    uint64_t a = pieces, b = stride;
    while (b != 0) {
      uint64_t rest = a % b;
      a = b;
      b = rest;
    }
    if (a == 1)
      return stride;
  }
}

static int
read_random (int fd, unsigned n)
{
  static uint8_t piece[PIECE];
  struct stat st;

  if (fstat (fd, &st) != 0)
    return fail ("fstat");
  uint64_t pieces = (uint64_t) st.st_size / PIECE;
  uint64_t stride = choose_stride (pieces);
  uint64_t at = 0;
  for (unsigned i = 0; i < n; i++) {
    at = (at + stride) % pieces;
    if (pread (fd, piece, sizeof piece, (off_t) (at * PIECE)) != (ssize_t) sizeof piece)
      return fail ("pread");
  }
  return 0;
}

int
main (int argc, char **argv)
{
  int failed = 0;
  double start;

  if (argc != 4) {
    fprintf (stderr, "usage: file_load create FOLDER N | random FILE N\n");
    return 2;
  }
  unsigned n = (unsigned) strtoul (argv[3], NULL, 10);
  if (strcmp (argv[1], "create") == 0) {
    start = now ();
    failed = create_files (argv[2], n);
  } else {
    int fd = open (argv[2], O_RDONLY);
    if (fd < 0)
      return fail (argv[2]);
    posix_fadvise (fd, 0, 0, POSIX_FADV_RANDOM);
    start = now ();
    failed = read_random (fd, n);
    close (fd);
  }
  if (!failed)
    printf ("%.6f\n", now () - start);
  return failed;
}
