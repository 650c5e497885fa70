/* iscsi.c - paths to a real iSCSI target, and what can happen to them. */
#include "lib/suite.h"

#include <lunpath/device.h>
#include <lunpath/paths.h>
#include <lunpath/transport.h>

#include <glib.h>
#include <glib/gstdio.h>
#include <pthread.h>
#include <string.h>
#include <unistd.h>

#define BLOCK 512
#define CHUNK (64 * 1024)

static char *folder;      /* of the target */
static char *twin_folder; /* of a second one that serves the same LUN */

/* ---- targets ---- */

/* tgt.sh WORDS in FOLDER; its standard output. */
static char *
tgt_in (const char *where, const char *words)
{
  const char *space = strchr (words, ' ');
  g_autofree char *line =
    g_strdup_printf ("%s/tests/lib/tgt.sh %.*s %s%s", g_getenv ("FTS_SOURCE"),
                     (int) (space ? space - words : (long) strlen (words)), words,
                     where, space ? space : "");
  g_autofree char *out = NULL;
  g_autoptr (GError) error = NULL;
  int status = 0;

  g_spawn_command_line_sync (line, &out, NULL, &status, &error);
  g_assert_no_error (error);
  if (g_spawn_check_wait_status (status, &error))
    return g_strchomp (g_steal_pointer (&out));
  fprintf (stderr, "%s: %s\n", line, error->message);
  return NULL;
}

static char *
tgt (const char *words)
{
  char *out = tgt_in (folder, words);

  ck_assert_msg (out != NULL, "%s", words);
  return out;
}

static void
tgt_do (const char *words)
{
  g_free (tgt (words));
}

static void
remove_file (const char *where, const char *name)
{
  g_autofree char *file = g_build_filename (where, name, NULL);

  g_unlink (file);
}

/* The target as at first, and without sessions. */
static void
renew_target (void)
{
  tgt_do ("stop");
  remove_file (folder, "tgt.chap");
  remove_file (folder, "lun2.img");
  tgt_do ("restart");
}

/* ---- devices ---- */

static LunDevice *
try_open (const char *paths, GError **error)
{
  const char *const list[] = { paths, NULL };
  LunDeviceConfig config = { .paths = list, .timeout_ms = 8000, .try_ms = 300 };

  return lun_device_open (&config, error);
}

static LunDevice *
open_device (const char *paths)
{
  g_autoptr (GError) error = NULL;
  LunDevice *device = try_open (paths, &error);

  ck_assert_msg (device != NULL, "%s", error ? error->message : "");
  return device;
}

static void
assert_open_fails (const char *paths, int code, const char *why)
{
  g_autoptr (GError) error = NULL;

  ck_assert_ptr_null (try_open (paths, &error));
  ck_assert_msg (strstr (error->message, why) != NULL, "%s", error->message);
  ck_assert_msg (g_error_matches (error, LUN_ERROR, code), "%d: %s", error->code,
                 error->message);
}

static bool
write_chunk (LunDevice *device, unsigned at, uint8_t value, GError **error)
{
  g_autofree uint8_t *data = g_malloc (CHUNK);

  memset (data, value, CHUNK);
  return lun_device_write (device, (uint64_t) at * (CHUNK / BLOCK), data, CHUNK,
                           LUN_PRIO_BULK, error);
}

static void
assert_chunk (LunDevice *device, unsigned at, uint8_t value)
{
  g_autofree uint8_t *data = g_malloc (CHUNK);
  g_autoptr (GError) error = NULL;

  lun_device_read (device, (uint64_t) at * (CHUNK / BLOCK), data, CHUNK, LUN_PRIO_BULK,
                   &error);
  ck_assert_msg (error == NULL, "%s", error->message);
  for (unsigned i = 0; i < CHUNK; i++)
    ck_assert_uint_eq (data[i], value);
}

static void
write_ok (LunDevice *device, unsigned at, uint8_t value)
{
  g_autoptr (GError) error = NULL;

  write_chunk (device, at, value, &error);
  ck_assert_msg (error == NULL, "%s", error->message);
}

static void
assert_write_fails (LunDevice *device, int code)
{
  g_autoptr (GError) error = NULL;

  ck_assert (!write_chunk (device, 0, 1, &error));
  ck_assert_msg (g_error_matches (error, LUN_ERROR, code), "%d: %s", error->code,
                 error->message);
}

/* ---- I/O that goes on ---- */

typedef struct {
  LunDevice *device;
  pthread_t thread;
  unsigned first;    /* chunk; four of them are written in turn */
  unsigned n_writes; /* atomic */
  bool stop;         /* atomic */
  char *failure;
} Writer;

static void *
keep_writing (void *data)
{
  Writer *writer = data;
  g_autoptr (GError) error = NULL;

  while (!error && !__atomic_load_n (&writer->stop, __ATOMIC_ACQUIRE)) {
    unsigned n = writer->n_writes;
    write_chunk (writer->device, writer->first + n % 4, (uint8_t) n, &error);
    if (!error)
      __atomic_add_fetch (&writer->n_writes, 1, __ATOMIC_RELEASE);
  }
  writer->failure = error ? g_strdup (error->message) : NULL;
  return NULL;
}

#define N_WRITERS 4

static void
start_writers (LunDevice *device, Writer writers[N_WRITERS])
{
  for (unsigned i = 0; i < N_WRITERS; i++) {
    writers[i] = (Writer){ .device = device, .first = i * 4 };
    ck_assert_int_eq (
      pthread_create (&writers[i].thread, NULL, keep_writing, &writers[i]), 0);
  }
}

static void
await_progress (Writer writers[N_WRITERS], unsigned n)
{
  for (unsigned i = 0; i < N_WRITERS; i++) {
    unsigned goal = __atomic_load_n (&writers[i].n_writes, __ATOMIC_ACQUIRE) + n;
    while (__atomic_load_n (&writers[i].n_writes, __ATOMIC_ACQUIRE) < goal)
      g_usleep (1000);
  }
}

/* Stops them; nothing failed, and what they wrote last is there. */
static void
end_writers (Writer writers[N_WRITERS])
{
  for (unsigned i = 0; i < N_WRITERS; i++) {
    Writer *writer = &writers[i];
    __atomic_store_n (&writer->stop, true, __ATOMIC_RELEASE);
    pthread_join (writer->thread, NULL);
    ck_assert_msg (writer->failure == NULL, "%s", writer->failure);
    for (unsigned n = writer->n_writes - 4; n < writer->n_writes; n++)
      assert_chunk (writer->device, writer->first + n % 4, (uint8_t) n);
  }
}

/* ---- tests ---- */

START_TEST (test_two_paths_are_one_device)
{
  renew_target ();
  g_autofree char *paths = tgt ("paths");
  g_autoptr (LunDevice) device = open_device (paths);
  const LunFacts *facts = lun_device_facts (device);

  ck_assert_uint_eq (facts->block_size, BLOCK);
  ck_assert_uint_eq (facts->n_blocks, (64 << 20) / BLOCK);
  ck_assert (g_str_has_prefix (facts->identity, "naa.6"));
  ck_assert (facts->has_pr && !facts->has_caw && !facts->in_memory && !facts->can_wake);
  write_ok (device, 3, 7);
  assert_chunk (device, 3, 7);
  ck_assert (lun_device_flush (device, NULL));
}
END_TEST

START_TEST (test_any_cdb_with_status_and_sense)
{
  static const uint8_t inquiry[6] = { 0x12, 0, 0, 0, 36, 0 };
  static const uint8_t no_such[6] = { 0x1e ^ 0xc0 };
  renew_target ();
  g_autofree char *path = tgt ("path 1");
  g_autoptr (LunDevice) device = open_device (path);
  uint8_t data[96] = { 0 };
  LunResult result;

  ck_assert (
    lun_device_cdb (device, inquiry, 6, LUN_DIR_IN, data, 36, NULL, &result, NULL));
  ck_assert_int_eq (result.outcome, LUN_OUTCOME_GOOD);
  ck_assert_int_eq (memcmp (data + 8, "FTSFS", 5), 0);
  ck_assert (
    lun_device_cdb (device, no_such, 6, LUN_DIR_NONE, NULL, 0, NULL, &result, NULL));
  ck_assert_int_eq (result.outcome, LUN_OUTCOME_CHECK_CONDITION);
  ck_assert_uint_ge (result.sense_len, 14);
  ck_assert_uint_eq (result.sense[2] & 0x0f, 5);
  ck_assert_uint_eq (result.sense[12], 0x20);
}
END_TEST

START_TEST (test_a_target_that_dies_and_returns)
{
  Writer writers[N_WRITERS];

  renew_target ();
  g_autofree char *paths = tgt ("paths");
  g_autoptr (LunDevice) device = open_device (paths);
  start_writers (device, writers);
  for (int i = 0; i < 2; i++) {
    await_progress (writers, 20);
    tgt_do ("kill");
    tgt_do ("restart");
  }
  await_progress (writers, 20);
  end_writers (writers);
}
END_TEST

START_TEST (test_a_path_that_is_cut_and_mended)
{
  Writer writers[N_WRITERS];

  renew_target ();
  g_autofree char *paths = tgt ("paths");
  g_autoptr (LunDevice) device = open_device (paths);
  start_writers (device, writers);
  await_progress (writers, 20);
  tgt_do ("cut 1");
  await_progress (writers, 20);
  tgt_do ("mend 1");
  await_progress (writers, 20);
  tgt_do ("cut 2");
  await_progress (writers, 20);
  tgt_do ("mend 2");
  end_writers (writers);
}
END_TEST

START_TEST (test_a_mute_path_does_not_hold_up_the_other)
{
  Writer writers[N_WRITERS];

  renew_target ();
  g_autofree char *path = tgt ("path 1");
  g_autofree char *twin = tgt_in (twin_folder, "path 1");
  g_autofree char *both = g_strconcat (path, "|", twin, NULL);
  g_autoptr (LunDevice) device = open_device (both);

  start_writers (device, writers);
  await_progress (writers, 20);
  tgt_do ("freeze");
  await_progress (writers, 20);
  tgt_do ("thaw");
  await_progress (writers, 20);
  end_writers (writers);
}
END_TEST

START_TEST (test_a_mute_target_is_a_timeout_and_heals)
{
  renew_target ();
  g_autofree char *path = tgt ("path 1");
  const char *const list[] = { path, NULL };
  LunDeviceConfig config = { .paths = list, .timeout_ms = 500 };
  g_autoptr (LunDevice) device = lun_device_open (&config, NULL);

  ck_assert_ptr_nonnull (device);
  tgt_do ("freeze");
  assert_write_fails (device, LUN_ERROR_TIMEOUT);
  tgt_do ("thaw");
  g_clear_pointer (&device, lun_device_close);
  device = open_device (path);
  write_ok (device, 0, 2);
  assert_chunk (device, 0, 2);
}
END_TEST

START_TEST (test_chap)
{
  renew_target ();
  tgt_do ("chap hosta secret12345678");
  g_autofree char *right = tgt ("path 1 hosta%secret12345678");
  g_autofree char *wrong = tgt ("path 1 hosta%wrong1234567890");
  g_autofree char *none = tgt ("path 1");
  g_autoptr (LunDevice) device = open_device (right);

  write_ok (device, 0, 1);
  ck_assert_ptr_null (strstr (lun_device_name (device), "secret"));
  assert_open_fails (wrong, LUN_ERROR_CONFIG, "user \"hosta\" with this CHAP secret");
  assert_open_fails (none, LUN_ERROR_CONFIG, "login refused");
}
END_TEST

START_TEST (test_a_chap_secret_from_a_file)
{
  renew_target ();
  tgt_do ("chap hosta secret12345678");
  g_autofree char *file = g_build_filename (folder, "secret", NULL);
  g_autofree char *path = tgt ("path 1 hosta");
  g_autofree char *name = g_strconcat (path, "?secret-file=", file, NULL);

  ck_assert (g_file_set_contents (file, "secret12345678\n", -1, NULL));
  ck_assert_int_eq (g_chmod (file, 0640), 0);
  assert_open_fails (name, LUN_ERROR_CONFIG, "chmod 600");
  ck_assert_int_eq (g_chmod (file, 0600), 0);
  lun_device_close (open_device (name));
  ck_assert (g_file_set_contents (file, "other", -1, NULL));
  ck_assert_int_eq (g_chmod (file, 0600), 0);
  assert_open_fails (name, LUN_ERROR_CONFIG, "hosta");
  g_unlink (file);
  assert_open_fails (name, LUN_ERROR_CONFIG, "secret");
}
END_TEST

START_TEST (test_paths_that_lead_nowhere)
{
  renew_target ();
  g_autofree char *path = tgt ("path 1");
  g_autoptr (GString) no_lun = g_string_new (path);
  g_autoptr (GString) no_target = g_string_new (path);

  g_string_replace (no_lun, "lun/1", "lun/7", 0);
  g_string_replace (no_target, "test:lun", "test:nul", 0);
  assert_open_fails (no_lun->str, LUN_ERROR_CONFIG, "has no LUN 7");
  assert_open_fails (no_target->str, LUN_ERROR_CONFIG,
                     "no target \"iqn.2026-01.ftsfs.test:nul\"");
  tgt_do ("stop");
  assert_open_fails (path, LUN_ERROR_NO_PATH, "refused");
}
END_TEST

START_TEST (test_a_path_to_another_lun_is_refused)
{
  renew_target ();
  tgt_do ("lun 2 64M");
  g_autofree char *first = tgt ("path 1");
  g_autofree char *second = tgt ("path 2");

  second[strlen (second) - 1] = '2';
  g_autofree char *both = g_strconcat (first, "|", second, NULL);
  assert_open_fails (both, LUN_ERROR_IDENTITY, "different LUNs");
}
END_TEST

START_TEST (test_a_lun_that_vanishes)
{
  renew_target ();
  g_autofree char *path = tgt ("path 1");
  const char *const list[] = { path, NULL };
  LunDeviceConfig config = { .paths = list, .timeout_ms = 1000 };
  g_autoptr (LunDevice) device = lun_device_open (&config, NULL);

  ck_assert_ptr_nonnull (device);
  tgt_do ("unlun 1");
  assert_write_fails (device, LUN_ERROR_NO_PATH);
}
END_TEST

static bool
is_in_state (LunDevice *device, LunPathState state)
{
  unsigned n_paths;
  LunPathInfo *infos = lun_device_list_paths (device, &n_paths);
  bool is = n_paths > 0 && infos[0].state == state;

  lun_path_infos_free (infos, n_paths);
  return is;
}

static bool
is_zero (const char *file)
{
  g_autofree char *data = NULL;
  gsize len;

  ck_assert (g_file_get_contents (file, &data, &len, NULL));
  for (gsize i = 0; i < len; i++)
    if (data[i] != 0)
      return false;
  return len > 0;
}

START_TEST (test_no_data_goes_to_a_lun_in_the_place_of_ours)
{
  renew_target ();
  g_autofree char *path = tgt ("path 1");
  g_autofree char *image = g_build_filename (folder, "lun.img", NULL);
  g_autofree char *ours = g_build_filename (folder, "ours.img", NULL);
  const char *const list[] = { path, NULL };
  LunDeviceConfig config = { .paths = list, .timeout_ms = 3000 };
  g_autoptr (LunDevice) device = lun_device_open (&config, NULL);
  g_autoptr (GError) error = NULL;

  ck_assert_ptr_nonnull (device);
  write_ok (device, 0, 1);
  tgt_do ("kill");
  ck_assert_int_eq (g_rename (image, ours), 0);
  ck_assert (g_file_set_contents (image, "", 0, NULL));
  ck_assert_int_eq (truncate (image, 64 << 20), 0);
  tgt_do ("restart");
  ck_assert (!write_chunk (device, 0, 2, &error));
  ck_assert_msg (strstr (error->message, "it leads to ") != NULL, "%s", error->message);
  ck_assert (is_zero (image));
  tgt_do ("kill");
  ck_assert_int_eq (g_rename (ours, image), 0);
}
END_TEST

/* tgtd does not tell its sessions. */
START_TEST (test_a_lun_that_was_swapped_silently_is_found_by_a_check)
{
  renew_target ();
  g_autofree char *path = tgt ("path 1");
  g_autofree char *other = g_build_filename (folder, "other.img", NULL);
  g_autofree char *new_lun =
    g_strdup_printf ("admin --mode logicalunit --op new --tid 1 --lun 1 "
                     "--backing-store %s --bstype rdwr",
                     other);
  const char *const list[] = { path, NULL };
  LunDeviceConfig config = { .paths = list, .timeout_ms = 3000, .check_ms = 50 };
  g_autoptr (LunDevice) device = lun_device_open (&config, NULL);
  g_autoptr (GError) error = NULL;

  ck_assert_ptr_nonnull (device);
  ck_assert (g_file_set_contents (other, "", 0, NULL));
  ck_assert_int_eq (truncate (other, 64 << 20), 0);
  tgt_do ("unlun 1");
  tgt_do (new_lun);
  for (int i = 0; i < 30000 && !is_in_state (device, LUN_PATH_REFUSED); i++)
    g_usleep (1000);
  ck_assert (!write_chunk (device, 0, 2, &error));
  ck_assert_msg (strstr (error->message, "it leads to ") != NULL, "%s", error->message);
  ck_assert (is_zero (other));
  remove_file (folder, "other.img");
}
END_TEST

static bool
are_up (LunDevice *device, unsigned wanted)
{
  unsigned n_paths, n_up = 0;
  LunPathInfo *infos = lun_device_list_paths (device, &n_paths);

  for (unsigned i = 0; i < n_paths; i++)
    n_up += infos[i].state == LUN_PATH_UP;
  lun_path_infos_free (infos, n_paths);
  return n_paths == 2 && n_up == wanted;
}

START_TEST (test_a_path_that_is_dead_at_opening_is_taken_in_when_it_returns)
{
  renew_target ();
  tgt_do ("cut 2");
  g_autofree char *both = tgt ("paths");
  g_autoptr (LunDevice) device = open_device (both);

  ck_assert (are_up (device, 1));
  write_ok (device, 0, 1);
  tgt_do ("mend 2");
  for (int i = 0; i < 30000 && !are_up (device, 2); i++)
    g_usleep (1000);
  ck_assert (are_up (device, 2));
  write_ok (device, 0, 2);
  assert_chunk (device, 0, 2);
}
END_TEST

START_TEST (test_a_write_protected_lun)
{
  renew_target ();
  tgt_do ("admin --mode logicalunit --op update --tid 1 --lun 1 --params readonly=1");
  g_autofree char *path = tgt ("path 1");
  g_autoptr (LunDevice) device = open_device (path);
  uint8_t block[BLOCK];

  ck_assert (lun_device_read (device, 0, block, BLOCK, LUN_PRIO_BULK, NULL));
  assert_write_fails (device, LUN_ERROR_IO);
}
END_TEST

START_TEST (test_a_lun_that_shrank_is_not_used)
{
  renew_target ();
  g_autofree char *path = tgt ("path 1");
  g_autofree char *image = g_build_filename (folder, "lun.img", NULL);
  const char *const list[] = { path, NULL };
  LunDeviceConfig config = { .paths = list, .timeout_ms = 1500 };
  g_autoptr (LunDevice) device = lun_device_open (&config, NULL);

  ck_assert_ptr_nonnull (device);
  tgt_do ("kill");
  ck_assert_int_eq (truncate (image, 32 << 20), 0);
  tgt_do ("restart");
  assert_write_fails (device, LUN_ERROR_NO_PATH);
  ck_assert_int_eq (truncate (image, 64 << 20), 0);
}
END_TEST

START_TEST (test_a_session_that_is_lost_unseen_is_told)
{
  const LunTransportConfig config = { 0 };
  g_autoptr (GError) error = NULL;

  renew_target ();
  g_autofree char *path = tgt ("path 1");
  g_autoptr (LunTransport) transport = lun_transport_open (path, &config, &error);
  g_assert_no_error (error);
  g_autofree char *before = lun_transport_identify (transport, &error);
  g_assert_no_error (error);
  tgt_do ("kill");
  tgt_do ("restart");
  g_usleep (300 * 1000); /* it has long been logged in again, or not: all the same */
  ck_assert_ptr_null (lun_transport_identify (transport, NULL));
  g_autofree char *after = NULL;
  for (int i = 0; i < 500 && !after; i++, g_usleep (10000))
    after = lun_transport_identify (transport, NULL);
  ck_assert_str_eq (before, after);
}
END_TEST

static bool
start_targets (void)
{
  folder = g_strdup ("/dev/shm/fts-iscsi-XXXXXX");
  g_assert_nonnull (g_mkdtemp (folder));
  twin_folder = g_build_filename (folder, "twin", NULL);
  g_assert_cmpint (g_mkdir (twin_folder, 0700), ==, 0);
  g_autofree char *image = g_build_filename (folder, "lun.img", NULL);
  g_autofree char *same = g_build_filename (twin_folder, "lun.img", NULL);
  g_autofree char *started = tgt_in (folder, "start 64M 2");
  if (!started)
    return false;
  g_assert_cmpint (link (image, same), ==, 0);
  g_free (tgt_in (twin_folder, "start 64M 1"));
  return true;
}

static void
remove_folder (void)
{
  const char *const argv[] = { "rm", "-rf", folder, NULL };

  g_spawn_sync (NULL, (char **) argv, NULL, G_SPAWN_SEARCH_PATH, NULL, NULL, NULL, NULL,
                NULL, NULL);
}

int
main (void)
{
  const TTest *const tests[] = {
    test_two_paths_are_one_device,
    test_any_cdb_with_status_and_sense,
    test_a_target_that_dies_and_returns,
    test_a_path_that_is_cut_and_mended,
    test_a_mute_path_does_not_hold_up_the_other,
    test_a_mute_target_is_a_timeout_and_heals,
    test_chap,
    test_a_chap_secret_from_a_file,
    test_paths_that_lead_nowhere,
    test_a_path_to_another_lun_is_refused,
    test_a_lun_that_vanishes,
    test_no_data_goes_to_a_lun_in_the_place_of_ours,
    test_a_lun_that_was_swapped_silently_is_found_by_a_check,
    test_a_path_that_is_dead_at_opening_is_taken_in_when_it_returns,
    test_a_write_protected_lun,
    test_a_lun_that_shrank_is_not_used,
    test_a_session_that_is_lost_unseen_is_told,
  };

  g_autofree char *tgtd = g_find_program_in_path ("tgtd");
  if (!tgtd && !g_file_test ("/usr/sbin/tgtd", G_FILE_TEST_IS_EXECUTABLE)) {
    printf ("1..0 # SKIP no tgtd here (Debian package tgt)\n");
    return EXIT_SUCCESS;
  }
  bool ok = start_targets ();
  int status =
    ok ? fts_suite_run ("lunpath/iscsi", 1, tests, G_N_ELEMENTS (tests)) : EXIT_FAILURE;
  g_free (tgt_in (folder, "stop"));
  g_free (tgt_in (twin_folder, "stop"));
  remove_folder ();
  return status;
}
