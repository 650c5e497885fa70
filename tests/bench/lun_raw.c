/* lun_raw.c - what one path carries without ftsfs: `lun_raw PATH read|write BYTES` moves so many
 * bytes in transfers of 256 KiB, four at a time, and prints the seconds that it took.
 */
#include <lunpath/device.h>

#include <stdio.h>
#include <string.h>

#define LEN   (256 * 1024)
#define DEPTH 4

static uint64_t todo; /* transfers not yet begun; atomic, may go below zero */
static unsigned running;
static LunDevice *device;

static void
on_done (LunIo *io)
{
  uint64_t left = __atomic_fetch_sub (&todo, 1, __ATOMIC_RELAXED);

  if (io->result.outcome != LUN_OUTCOME_GOOD || (int64_t) left <= 0) {
    if (io->result.outcome != LUN_OUTCOME_GOOD)
      fputs ("lun_raw: a transfer failed\n", stderr);
    __atomic_sub_fetch (&running, 1, __ATOMIC_SEQ_CST);
    return;
  }
  uint64_t places = lun_device_facts (device)->n_blocks / io->blocks;
  io->lba = left % places * io->blocks;
  memset (&io->priv, 0, sizeof io->priv);
  lun_device_submit (device, io);
}

int
main (int argc, char **argv)
{
  static LunIo ios[DEPTH];
  static struct iovec iov[DEPTH];
  g_autoptr (GError) error = NULL;

  if (argc != 4)
    return 2;
  const char *const paths[] = { argv[1], NULL };
  device = lun_device_open (&(LunDeviceConfig){ .paths = paths }, &error);
  if (!device) {
    fprintf (stderr, "lun_raw: %s\n", error->message);
    return 1;
  }
  todo = g_ascii_strtoull (argv[3], NULL, 10) / LEN;
  running = DEPTH;
  int64_t begin_us = g_get_monotonic_time ();
  for (unsigned i = 0; i < DEPTH; i++) {
    iov[i] = (struct iovec){ g_malloc0 (LEN), LEN };
    ios[i] = (LunIo){ .op = g_str_equal (argv[2], "write") ? LUN_OP_WRITE : LUN_OP_READ,
                      .priority = LUN_PRIO_BULK,
                      .blocks = LEN / lun_device_facts (device)->block_size,
                      .iov = &iov[i],
                      .n_iov = 1,
                      .done = on_done };
    on_done (&ios[i]);
  }
  while (__atomic_load_n (&running, __ATOMIC_SEQ_CST) > 0)
    g_usleep (500);
  printf ("%.6f\n", (double) (g_get_monotonic_time () - begin_us) / G_USEC_PER_SEC);
  lun_device_close (device);
  for (unsigned i = 0; i < DEPTH; i++)
    g_free (iov[i].iov_base);
  return 0;
}
