/* Making and opening LUN files: what is accepted, kept and refused. */
#include "emul/state.h"
#include "emul_lun.h"

#include <sys/stat.h>

static char *
state_name (const TestLun *lun)
{
  return g_strconcat (lun->image, ".lun", NULL);
}

START_TEST (test_any_plain_file_becomes_a_lun)
{
  g_auto (TestLun) lun = test_lun_new (8);
  g_autofree char *plain = g_build_filename (lun.dir, "plain", NULL);
  g_autofree char *state = g_strconcat (plain, ".lun", NULL);
  g_autofree char *bytes = g_malloc0 (1300);

  ck_assert (g_file_set_contents (plain, bytes, 1300, NULL));
  LunEmul *emul = lun_emul_open (plain, false, NULL);
  ck_assert_ptr_nonnull (emul);
  ck_assert_uint_eq (lun_emul_block_size (emul), 512);
  ck_assert_uint_eq (lun_emul_n_blocks (emul), 2);
  lun_emul_close (emul);
  g_unlink (plain);
  g_unlink (state);
}
END_TEST

START_TEST (test_lun_keeps_identity_and_block_size)
{
  g_auto (TestLun) lun = test_lun_new (8);
  g_autofree char *uuid = g_strdup (lun_emul_uuid (lun.emul));
  g_autoptr (GError) error = NULL;

  lun_emul_close (lun.emul);
  ck_assert (lun_emul_create (lun.image, 0, 0, NULL));
  ck_assert (lun_emul_create (lun.image, 16 * 512, 512, NULL));
  ck_assert (!lun_emul_create (lun.image, 0, 4096, &error));
  ck_assert (g_error_matches (error, LUN_ERROR, LUN_ERROR_CONFIG));
  lun.emul = test_lun_reopen (lun.image);
  ck_assert_str_eq (lun_emul_uuid (lun.emul), uuid);
  ck_assert_uint_eq (lun_emul_n_blocks (lun.emul), 16);
}
END_TEST

START_TEST (test_blocks_of_4096_bytes)
{
  g_auto (TestLun) lun = test_lun_new (8);
  g_autofree char *big = g_build_filename (lun.dir, "big", NULL);
  g_autofree char *state = g_strconcat (big, ".lun", NULL);
  uint8_t block[4096], back[4096];
  struct iovec out = { block, sizeof block }, in = { back, sizeof back };

  memset (block, 0x31, sizeof block);
  ck_assert (lun_emul_create (big, 4 * 4096, 4096, NULL));
  LunEmul *emul = test_lun_reopen (big);
  LunEmulNexus *a = test_nexus_of (emul, "a");
  assert_good (lun_emul_write (a, 3, 1, &out, 1));
  assert_good (lun_emul_read (a, 3, 1, &in, 1));
  ck_assert_mem_eq (block, back, sizeof block);
  ck_assert_uint_eq (lun_emul_map (emul, 3, 1)[0], 0x31);
  assert_check (lun_emul_write (a, 4, 1, &out, 1), 5, 0x2100);
  lun_emul_close (emul);
  g_unlink (big);
  g_unlink (state);
}
END_TEST

START_TEST (test_create_empties_the_image)
{
  g_auto (TestLun) lun = test_lun_new (8);

  assert_good (test_write_byte (test_nexus (&lun, "a"), 0, 1));
  lun_emul_close (lun.emul);
  ck_assert (lun_emul_create (lun.image, 8 * 512, 0, NULL));
  lun.emul = test_lun_reopen (lun.image);
  ck_assert_uint_eq (lun_emul_map (lun.emul, 0, 1)[0], 0);
}
END_TEST

START_TEST (test_size_of_a_lun_in_use_cannot_be_changed)
{
  g_auto (TestLun) lun = test_lun_new (8);
  g_autoptr (GError) error = NULL;

  ck_assert (!lun_emul_create (lun.image, 4 * 512, 0, &error));
  ck_assert (g_error_matches (error, LUN_ERROR, LUN_ERROR_BUSY));
  ck_assert (lun_emul_create (lun.image, 8 * 512, 0, NULL));
}
END_TEST

START_TEST (test_what_is_no_lun_is_refused)
{
  g_auto (TestLun) lun = test_lun_new (8);
  g_autofree char *missing = g_build_filename (lun.dir, "missing", NULL);
  g_autofree char *empty = g_build_filename (lun.dir, "empty", NULL);

  ck_assert_ptr_null (lun_emul_open (missing, false, NULL));
  ck_assert (!lun_emul_create (missing, 0, 0, NULL));
  ck_assert (!lun_emul_create (missing, 100, 512, NULL));
  ck_assert (!lun_emul_create (missing, 1024, 1024, NULL));
  ck_assert_ptr_null (lun_emul_open (lun.dir, false, NULL));
  ck_assert (!lun_emul_create (lun.dir, 0, 0, NULL));
  ck_assert (g_file_set_contents (empty, "", 0, NULL));
  ck_assert_ptr_null (lun_emul_open (empty, false, NULL));
  g_autofree char *missing_state = g_strconcat (missing, ".lun", NULL);
  g_unlink (missing_state);
  g_unlink (missing);
  g_unlink (empty);
}
END_TEST

START_TEST (test_damaged_state_is_refused)
{
  g_auto (TestLun) lun = test_lun_new (8);
  g_autofree char *name = state_name (&lun);
  g_autoptr (GError) error = NULL;
  LunEmulState *state = lun.emul->state;
  uint32_t version = state->version;

  state->version = 77;
  ck_assert_ptr_null (lun_emul_open (lun.image, false, &error));
  ck_assert (g_error_matches (error, LUN_ERROR, LUN_ERROR_CONFIG));
  state->version = version;
  state->magic[0] = 'X';
  ck_assert_ptr_null (lun_emul_open (lun.image, false, NULL));
  lun_emul_close (lun.emul);
  ck_assert (g_file_set_contents (name, "short", 5, NULL));
  ck_assert_ptr_null (lun_emul_open (lun.image, false, NULL));
  g_unlink (name);
  lun.emul = test_lun_reopen (lun.image);
}
END_TEST

/* The state as a crash of the machine leaves it: in use, locked. */
static void
age_state (const char *image)
{
  g_autofree char *name = g_strconcat (image, ".lun", NULL);
  g_autofree char *bytes = NULL;
  size_t len;

  ck_assert (g_file_get_contents (name, &bytes, &len, NULL));
  LunEmulState *state = g_memdup2 (bytes, len);
  state->boot_id[0] ^= 1;
  memset (&state->lock, 0x41, sizeof state->lock);
  atomic_store (&state->openers[3].in_use, 1);
  atomic_store (&state->waiters[7], 12);
  ck_assert (g_file_set_contents (name, (const char *) state, (gssize) len, NULL));
  g_free (state);
}

START_TEST (test_another_boot_means_power_was_lost)
{
  g_auto (TestLun) lun = test_lun_new (8);
  LunEmulNexus *a = test_nexus (&lun, "a");

  assert_good (test_register (a, 0xaa));
  assert_good (test_reserve (a, 7, 0xaa));
  lun_emul_close (lun.emul);
  age_state (lun.image);
  lun.emul = test_lun_reopen (lun.image);
  ck_assert (!test_reservation (test_nexus (&lun, "b")).reserved);
  ck_assert_uint_eq (test_next_attention (test_nexus (&lun, "a")), 0x2901);
  ck_assert_uint_eq (atomic_load (&lun.emul->state->waiters[7]), 0);
}
END_TEST

START_TEST (test_lun_in_use_on_another_kernel_is_refused)
{
  g_auto (TestLun) lun = test_lun_new (8);
  g_autoptr (GError) error = NULL;

  lun.emul->state->boot_id[0] ^= 1;
  ck_assert_ptr_null (lun_emul_open (lun.image, false, &error));
  ck_assert (g_error_matches (error, LUN_ERROR, LUN_ERROR_BUSY));
}
END_TEST

START_TEST (test_ports_no_longer_used_make_room)
{
  g_auto (TestLun) lun = test_lun_new (8);
  LunEmulNexus *a = test_nexus (&lun, "a");

  assert_good (test_register (a, 0xaa));
  for (int round = 0; round < 3; round++) {
    g_autoptr (LunEmul) other = test_lun_reopen (lun.image);
    for (int i = 0; i < 200; i++) {
      g_autofree char *host = g_strdup_printf ("host-%d-%d", round, i);
      test_nexus_of (other, host);
    }
  }
  ck_assert_int_eq (lun_core_n_registered (&lun.emul->state->core), 1);
  assert_good (test_pr_out (a, LUN_PR_OUT_RESERVE, 7, 0xaa, 0));
}
END_TEST

START_TEST (test_full_table_of_ports_is_an_error)
{
  g_auto (TestLun) lun = test_lun_new (8);
  g_autoptr (GError) error = NULL;

  for (int i = 0; i < LUN_EMUL_PORTS; i++) {
    g_autofree char *host = g_strdup_printf ("host-%d", i);
    test_nexus (&lun, host);
  }
  ck_assert_ptr_null (lun_emul_nexus (lun.emul, "iqn.one,i,0x2", &error));
  ck_assert (g_error_matches (error, LUN_ERROR, LUN_ERROR_BUSY));
}
END_TEST

START_TEST (test_names_of_ports_are_checked)
{
  g_auto (TestLun) lun = test_lun_new (8);
  g_autofree char *too_long = g_strnfill (LUN_EMUL_NAME_MAX, 'x');
  g_autofree char *longest = g_strnfill (LUN_EMUL_NAME_MAX - 1, 'x');

  ck_assert_ptr_null (lun_emul_nexus (lun.emul, "", NULL));
  ck_assert_ptr_null (lun_emul_nexus (lun.emul, "a b", NULL));
  ck_assert_ptr_null (lun_emul_nexus (lun.emul, too_long, NULL));
  LunEmulNexus *nexus = lun_emul_nexus (lun.emul, longest, NULL);
  ck_assert_ptr_nonnull (nexus);
  ck_assert_ptr_eq (lun_emul_nexus (lun.emul, longest, NULL), nexus);
}
END_TEST

LUN_SUITE ("emul/file", test_any_plain_file_becomes_a_lun,
           test_lun_keeps_identity_and_block_size, test_blocks_of_4096_bytes,
           test_create_empties_the_image, test_size_of_a_lun_in_use_cannot_be_changed,
           test_what_is_no_lun_is_refused, test_damaged_state_is_refused,
           test_another_boot_means_power_was_lost,
           test_lun_in_use_on_another_kernel_is_refused,
           test_ports_no_longer_used_make_room, test_full_table_of_ports_is_an_error,
           test_names_of_ports_are_checked)
