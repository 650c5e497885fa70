/* sorting.c - what an application hears of every sense key and status, and what becomes of the path:
 * the fault layer ends WRITEs with them. */
#include "lun.h"

#include <lunpath/paths.h>

#define BLOCK  512
#define ALWAYS 0  /* times it fails */
#define OK     -1 /* no error */

typedef struct {
  const char *as;
  unsigned times;
  int code;         /* LunError of a single path, or OK */
  bool is_path_bad; /* the path is left */
} Case;

static const Case cases[] = {
  { "0/00/00", ALWAYS, OK, false },           /* no sense */
  { "1/17/01", ALWAYS, OK, false },           /* recovered error */
  { "2/04/00", ALWAYS, LUN_ERROR_IO, false }, /* not ready, no cause */
  { "2/04/01", 3, OK, false },                /* becoming ready */
  { "2/04/01", ALWAYS, LUN_ERROR_BUSY, false },
  { "2/04/02", ALWAYS, LUN_ERROR_IO, false },     /* must be started */
  { "2/04/03", ALWAYS, LUN_ERROR_IO, false },     /* manual intervention */
  { "2/04/04", 2, OK, false },                    /* format in progress */
  { "2/04/09", 2, OK, false },                    /* self-test in progress */
  { "2/04/0a", 3, OK, false },                    /* ALUA transition */
  { "2/04/0b", ALWAYS, LUN_ERROR_NO_PATH, true }, /* standby */
  { "2/04/0c", ALWAYS, LUN_ERROR_NO_PATH, true }, /* unavailable */
  { "2/3a/00", ALWAYS, LUN_ERROR_IO, false },     /* no medium */
  { "3/11/00", ALWAYS, LUN_ERROR_IO, false },     /* medium error */
  { "4/44/00", 3, OK, false },                    /* hardware error */
  { "4/44/00", ALWAYS, LUN_ERROR_IO, false },
  { "5/20/00", ALWAYS, LUN_ERROR_UNSUPPORTED, false }, /* no such command */
  { "5/21/00", ALWAYS, LUN_ERROR_RANGE, false },       /* beyond the end */
  { "5/24/00", ALWAYS, LUN_ERROR_IO, false },          /* invalid field */
  { "5/25/00", ALWAYS, LUN_ERROR_NO_PATH, true },      /* no such LUN */
  { "6/29/00", 3, OK, false },                         /* power on, reset */
  { "6/2a/01", 3, OK, false },                         /* mode parameters changed */
  { "6/2a/06", 3, OK, false },                         /* ALUA state changed */
  { "6/2a/09", 3, OK, false },                         /* capacity changed: the same */
  { "6/3f/03", 3, OK, false },                         /* INQUIRY data: the same */
  { "6/3f/0e", 3, OK, false },                         /* LUNs changed: ours not */
  { "6/28/00", ALWAYS, LUN_ERROR_IO, false },          /* again and again */
  { "7/27/00", ALWAYS, LUN_ERROR_IO, false },          /* write protected */
  { "8/00/00", ALWAYS, LUN_ERROR_IO, false },          /* blank check */
  { "9/80/00", ALWAYS, LUN_ERROR_IO, false },          /* vendor specific */
  { "a/00/00", ALWAYS, LUN_ERROR_IO, false },          /* copy aborted */
  { "b/00/00", 3, OK, false },                         /* aborted command */
  { "b/00/00", ALWAYS, LUN_ERROR_IO, false },
  { "c/00/00", ALWAYS, LUN_ERROR_IO, false }, /* reserved */
  { "d/00/00", ALWAYS, LUN_ERROR_IO, false }, /* volume overflow */
  { "e/1d/00", ALWAYS, LUN_ERROR_IO, false }, /* miscompare */
  { "f/00/00", ALWAYS, OK, false },           /* completed */
  { "busy", 3, OK, false },                   /* statuses */
  { "busy", ALWAYS, LUN_ERROR_BUSY, false },
  { "full", 3, OK, false },
  { "full", ALWAYS, LUN_ERROR_BUSY, false },
  { "aborted", 3, OK, false },
  { "conflict", ALWAYS, LUN_ERROR_RESERVED, false },
  { "transport", ALWAYS, LUN_ERROR_NO_PATH, true }, /* no answer */
  { "timeout", ALWAYS, LUN_ERROR_TIMEOUT, true },
};

static char *
path_name (const Case *this)
{
  g_autofree char *count =
    this->times == ALWAYS ? g_strdup ("") : g_strdup_printf (":count=%u", this->times);

  return g_strdup_printf ("fault(fail:op=write:as=%s%s)+ram:sorting?threaded=1",
                          this->as, count);
}

static bool
write_block (LunDevice *device, GError **error)
{
  uint8_t block[BLOCK] = { 1 };

  return lun_device_write (device, 3, block, BLOCK, LUN_PRIO_BULK, error);
}

/* How often the first path was left. */
static uint64_t
failures (LunDevice *device)
{
  unsigned n_paths;
  LunPathInfo *infos = lun_device_list_paths (device, &n_paths);
  uint64_t n = infos[0].failures;

  lun_path_infos_free (infos, n_paths);
  return n;
}

START_TEST (test_what_the_application_hears)
{
  const Case *this = &cases[_i];
  g_autofree char *name = path_name (this);
  const char *const paths[] = { name, NULL };
  g_autoptr (LunDevice) device =
    open_with (&(LunDeviceConfig){ .paths = paths, .timeout_ms = 600, .flaps = 16 });
  g_autoptr (GError) error = NULL;

  bool ok = write_block (device, &error);
  ck_assert_msg (ok == (this->code == OK), "%s: %s", this->as,
                 error ? error->message : "no error");
  if (!ok)
    ck_assert_msg (g_error_matches (error, LUN_ERROR, this->code), "%s: %s", this->as,
                   error->message);
  ck_assert_msg ((failures (device) > 0) == this->is_path_bad, "%s", this->as);
}
END_TEST

/* Where only the path is bad, another one is used at once and nothing is heard. */
START_TEST (test_another_path_heals_what_only_a_path_can_do)
{
  const Case *this = &cases[_i];
  g_autofree char *name = path_name (this);
  const char *const paths[] = { name, "ram:sorting?threaded=1",
                                "?policy=basic-failover", NULL };
  g_autoptr (LunDevice) device =
    open_with (&(LunDeviceConfig){ .paths = paths, .timeout_ms = 600 });
  g_autoptr (GError) error = NULL;
  bool is_healed = this->is_path_bad || g_str_equal (this->as, "4/44/00");

  bool ok = write_block (device, &error);
  ck_assert_msg (ok == (is_healed || this->code == OK), "%s: %s", this->as,
                 error ? error->message : "no error");
}
END_TEST

/* ---- TASK SET FULL ---- */

typedef struct {
  LunIo io;
  unsigned *n_left;
  unsigned *n_good;
} Write;

static void
on_written (LunIo *io)
{
  Write *this = (Write *) io;

  if (io->result.outcome == LUN_OUTCOME_GOOD)
    __atomic_add_fetch (this->n_good, 1, __ATOMIC_SEQ_CST);
  __atomic_sub_fetch (this->n_left, 1, __ATOMIC_SEQ_CST);
}

static uint32_t
window (LunDevice *device)
{
  unsigned n_paths;
  LunPathInfo *infos = lun_device_list_paths (device, &n_paths);
  uint32_t n = infos[0].window;

  lun_path_infos_free (infos, n_paths);
  return n;
}

/* N writes at once; how many ended well. */
static unsigned
burst (LunDevice *device, unsigned n)
{
  static uint8_t block[BLOCK];
  static const struct iovec iov = { block, BLOCK };
  g_autofree Write *writes = g_new0 (Write, n);
  unsigned n_left = n, n_good = 0;

  for (unsigned i = 0; i < n; i++) {
    writes[i] = (Write){ .io = { .op = LUN_OP_WRITE,
                                 .priority = LUN_PRIO_BULK,
                                 .lba = i,
                                 .blocks = 1,
                                 .iov = &iov,
                                 .n_iov = 1,
                                 .done = on_written },
                         .n_left = &n_left,
                         .n_good = &n_good };
    lun_device_submit (device, &writes[i].io);
  }
  while (__atomic_load_n (&n_left, __ATOMIC_SEQ_CST) > 0)
    g_usleep (1000);
  return n_good;
}

/* The emulation behind a fault layer with RULES. */
static LunDevice *
open_narrow (const FileLun *lun, const char *rules)
{
  g_autofree char *name =
    g_strdup_printf ("fault(%s)+%s|?try-ms=3600000", rules, lun->name);
  const char *const paths[] = { name, NULL };

  return open_with (&(LunDeviceConfig){ .paths = paths });
}

START_TEST (test_task_set_full_throttles_the_path)
{
  g_auto (FileLun) lun = file_lun_new (1 << 20, BLOCK);
  g_autoptr (LunDevice) device =
    open_narrow (&lun, "fail:as=full:beyond=3:op=write;delay-ms=2:op=write");

  ck_assert_uint_eq (burst (device, 64), 64);
  ck_assert_uint_ge (window (device), 1);
  ck_assert_uint_le (window (device), 6);
}
END_TEST

START_TEST (test_the_queue_depth_grows_back)
{
  g_auto (FileLun) lun = file_lun_new (1 << 20, BLOCK);
  g_autoptr (LunDevice) device =
    open_narrow (&lun, "fail:as=full:count=1:beyond=3:op=write;delay-ms=1:op=write");

  ck_assert_uint_eq (burst (device, 8), 8);
  ck_assert_uint_ge (window (device), 1);
  for (int i = 0; i < 400 && window (device) > 0; i++)
    ck_assert_uint_eq (burst (device, 64), 64);
  ck_assert_uint_eq (window (device), 0);
}
END_TEST

int
main (void)
{
  const TTest *const loops[] = { test_what_the_application_hears,
                                 test_another_path_heals_what_only_a_path_can_do };
  const TTest *const tests[] = { test_task_set_full_throttles_the_path,
                                 test_the_queue_depth_grows_back };

  return lun_suite_run_loops ("lunpath/sorting", loops, G_N_ELEMENTS (loops),
                              G_N_ELEMENTS (cases), tests, G_N_ELEMENTS (tests));
}
