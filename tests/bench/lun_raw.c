/* lun_raw.c - what one path carries without ftsfs: `lun_raw [-l LEN] [-d DEPTH] PATH read|write BYTES
 * [FILE]` moves so many bytes in transfers of LEN (256 KiB), DEPTH (four) at a time, and prints the
 * seconds that it took.  With FILE, what is written to the LUN is read from there before, and what is read goes there.  A
 * transfer that fails ends it with status 1: no number is better than a wrong one.
 */
#include <lunpath/device.h>
#include <lunpath/memory.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define DEPTH_MAX 128

static size_t len = 256 * 1024;
static unsigned depth = 4;

static uint64_t todo;   /* transfers not yet begun; atomic, may go below zero */
static bool has_failed; /* atomic */
static unsigned running;
static LunDevice *device;
static int file = -1;

static void
give_up (const char *why)
{
  fprintf (stderr, "lun_raw: %s\n", why);
  __atomic_store_n (&has_failed, true, __ATOMIC_RELAXED);
}

/* The bytes of IO from the file (before a write) or to it (after a read). */
static void
move_file (const LunIo *io)
{
  off_t at = (off_t) io->lba * lun_device_facts (device)->block_size;

  if (file < 0)
    return;
  ssize_t n = io->op == LUN_OP_WRITE ? pread (file, io->iov->iov_base, len, at)
                                     : pwrite (file, io->iov->iov_base, len, at);
  if (n != (ssize_t) len)
    give_up ("the file is too short, or cannot be written");
}

/* False when there is nothing left to do. */
static bool
take_next (LunIo *io)
{
  uint64_t left = __atomic_fetch_sub (&todo, 1, __ATOMIC_RELAXED);
  uint64_t places = lun_device_facts (device)->n_blocks / io->blocks;

  if ((int64_t) left <= 0 || __atomic_load_n (&has_failed, __ATOMIC_RELAXED))
    return false;
  io->lba = left % places * io->blocks;
  memset (&io->priv, 0, sizeof io->priv);
  if (io->op == LUN_OP_WRITE)
    move_file (io);
  return true;
}

static void
go_on (LunIo *io)
{
  if (take_next (io))
    lun_device_submit (device, io);
  else
    __atomic_sub_fetch (&running, 1, __ATOMIC_SEQ_CST);
}

static void
on_done (LunIo *io)
{
  g_autoptr (GError) error = NULL;

  if (!lun_device_check (device, io, &error))
    give_up (error->message);
  else if (io->op == LUN_OP_READ)
    move_file (io);
  go_on (io);
}

static void
move_all (LunOp op)
{
  static LunIo ios[DEPTH_MAX];
  static struct iovec iov[DEPTH_MAX];

  running = depth;
  for (unsigned i = 0; i < depth; i++) {
    iov[i] = (struct iovec){ lun_memory_take (len), len };
    ios[i] = (LunIo){ .op = op,
                      .priority = LUN_PRIO_BULK,
                      .blocks = (uint32_t) len / lun_device_facts (device)->block_size,
                      .iov = &iov[i],
                      .n_iov = 1,
                      .done = on_done };
    go_on (&ios[i]);
  }
  while (__atomic_load_n (&running, __ATOMIC_SEQ_CST) > 0)
    g_usleep (500);
  for (unsigned i = 0; i < depth; i++)
    lun_memory_give (iov[i].iov_base);
}

/* The number of words that were options, or -1. */
static int
read_options (int argc, char **argv)
{
  int option;

  while ((option = getopt (argc, argv, "+l:d:")) != -1) {
    if (option == 'l')
      len = g_ascii_strtoull (optarg, NULL, 10);
    else if (option == 'd')
      depth = (unsigned) g_ascii_strtoull (optarg, NULL, 10);
    else
      return -1;
  }
  return len >= 4096 && len % 4096 == 0 && depth > 0 && depth <= DEPTH_MAX ? optind - 1
                                                                           : -1;
}

int
main (int argc, char **argv)
{
  g_autoptr (GError) error = NULL;
  int n_options = read_options (argc, argv);

  argc -= n_options;
  argv += n_options;
  if (n_options < 0 || argc < 4 || argc > 5)
    return 2;
  file = argc == 5 ? open (argv[4], O_RDWR | O_CREAT | O_CLOEXEC, 0600) : -1;
  if (argc == 5 && file < 0) {
    perror (argv[4]);
    return EXIT_FAILURE;
  }
  const char *const paths[] = { argv[1], NULL };
  device = lun_device_open (&(LunDeviceConfig){ .paths = paths }, &error);
  if (!device) {
    fprintf (stderr, "lun_raw: %s\n", error->message);
    return EXIT_FAILURE;
  }
  todo = g_ascii_strtoull (argv[3], NULL, 10) / len;
  int64_t begin_us = g_get_monotonic_time ();
  move_all (g_str_equal (argv[2], "write") ? LUN_OP_WRITE : LUN_OP_READ);
  double seconds = (double) (g_get_monotonic_time () - begin_us) / G_USEC_PER_SEC;
  lun_device_close (device);
  if (has_failed)
    return EXIT_FAILURE;
  printf ("%.6f\n", seconds);
  return EXIT_SUCCESS;
}
