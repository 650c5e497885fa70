/* memcpy_lun.c - the yardstick of `fts get` and `fts put`: the same bytes, by memcpy alone.
 *
 *   memcpy_lun SOURCE IMAGE TARGET STEP
 *
 * Copies SOURCE into the mapped LUN image and out of it into a new TARGET, in steps of STEP bytes
 * (a segment's payload), each step at another place of the image as a ring would use it.  That
 * is what a transfer over the LUN cannot do without.  Prints two rates in bytes a second:
 * through the LUN, and for information memory to memory within the image alone.
 *
 * IMAGE is a copy or an idle image: its contents are lost.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static double
now (void)
{
  struct timespec t;
  clock_gettime (CLOCK_MONOTONIC, &t);
  return (double) t.tv_sec + (double) t.tv_nsec * 1e-9;
}

static void
die (const char *what)
{
  fprintf (stderr, "memcpy_lun: %s: %s\n", what, strerror (errno));
  exit (1);
}

static size_t
size_of (int fd, const char *name)
{
  struct stat st;
  if (fstat (fd, &st) != 0)
    die (name);
  return (size_t) st.st_size;
}

/* Source file -> image -> target file; read() and write() as the programs do it. */
static double
through_lun (int source, uint8_t *image, size_t image_len, int target, size_t step)
{
  size_t place = 0;
  double start = now ();

  for (;;) {
    if (place + step > image_len)
      place = 0;
    ssize_t n = read (source, image + place, step);
    if (n < 0)
      die ("read");
    if (n == 0)
      break;
    if (write (target, image + place, (size_t) n) != n)
      die ("write");
    place += step;
  }
  return now () - start;
}

static double
within_memory (uint8_t *image, size_t image_len, size_t total, size_t step)
{
  size_t half = image_len / 2 / step * step;
  size_t place = 0;
  double start = now ();

  for (size_t done = 0; done < total; done += step) {
    memcpy (image + half + place, image + place, step);
    place = (place + step) % half;
  }
  return now () - start;
}

int
main (int argc, char **argv)
{
  if (argc != 5) {
    fprintf (stderr, "usage: memcpy_lun SOURCE IMAGE TARGET STEP\n");
    return 2;
  }
  int source = open (argv[1], O_RDONLY | O_CLOEXEC);
  if (source < 0)
    die (argv[1]);
  int image_fd = open (argv[2], O_RDWR | O_CLOEXEC);
  if (image_fd < 0)
    die (argv[2]);
  int target = open (argv[3], O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  if (target < 0)
    die (argv[3]);
  size_t step = strtoul (argv[4], NULL, 10);
  size_t total = size_of (source, argv[1]);
  size_t image_len = size_of (image_fd, argv[2]);
  if (step == 0 || image_len < 4 * step) {
    fprintf (stderr, "memcpy_lun: %s is smaller than four steps\n", argv[2]);
    return 2;
  }
  uint8_t *image =
    mmap (NULL, image_len, PROT_READ | PROT_WRITE, MAP_SHARED, image_fd, 0);
  if (image == MAP_FAILED)
    die (argv[2]);

  double lun = through_lun (source, image, image_len, target, step);
  double memory = within_memory (image, image_len, total, step);
  printf ("through_lun %.0f\nmemory %.0f\n", (double) total / lun,
          (double) total / memory);
  return 0;
}
