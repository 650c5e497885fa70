/* resv_emul.c - reservations of two hosts with two paths each, over the emulation. */
#include "lun.h"

#include "base/pr.h"
#include "base/sense.h"
#include "path/device.h"
#include "reservation/reservation.h"

#include <lunpath/reservation.h>

#define VOLUME 77

/* ---- a host: a device with two paths, and a reservation on it ---- */

typedef struct {
  char *name;
  LunDevice *device;
  LunReservation *r;
} Host;

static Host
host_new (const FileLun *lun, const char *host, uint32_t generation, LunPrType type)
{
  LunReservationConfig config = {
    .key = lun_resv_key (VOLUME, (uint32_t) host[0], generation), .type = type
  };
  Host out = { .name = g_strdup_printf ("%s?path=1&host=%s|%s?path=2&host=%s",
                                        lun->name, host, lun->name, host) };

  out.device = open_device (out.name);
  out.r = lun_reservation_new (out.device, &config);
  return out;
}

static void
host_clear (Host *host)
{
  lun_reservation_free (host->r);
  lun_device_close (host->device);
  g_free (host->name);
}

static uint64_t
key_of (const char *host, uint32_t generation)
{
  return lun_resv_key (VOLUME, (uint32_t) host[0], generation);
}

static bool
opens (Host *host, LunResvOption option, LunError *code)
{
  g_autoptr (GError) error = NULL;
  bool ok = lun_reservation_open (host->r, option, &error);

  if (code)
    *code = ok ? (LunError) -1 : (LunError) error->code;
  return ok;
}

static bool
writes (Host *host, LunError *code)
{
  g_autoptr (GError) error = NULL;
  uint8_t block[512] = { 1 };

  for (int i = 0; i < 4; i++) /* over both paths */
    if (!lun_device_write (host->device, 3, block, sizeof block, LUN_PRIO_BULK,
                           &error)) {
      if (code)
        *code = (LunError) error->code;
      return false;
    }
  return true;
}

static bool
path_command (Host *host, unsigned path, LunCdb cdb)
{
  LunResult result;

  for (int i = 0; i < 4; i++) {
    ck_assert (lun_device_cdb (host->device, cdb.b, cdb.len, LUN_DIR_NONE, NULL, 0,
                               host->device->paths[path].name, &result, NULL));
    if (result.outcome != LUN_OUTCOME_CHECK_CONDITION)
      break;
  }
  return result.outcome == LUN_OUTCOME_GOOD;
}

static unsigned
n_keys (Host *host)
{
  LunResvView view;

  ck_assert (lun_reservation_read (host->r, &view, NULL));
  unsigned n = view.keys->len;
  lun_resv_view_clear (&view);
  return n;
}

#define TWO_HOSTS(type)                               \
  g_auto (FileLun) lun = file_lun_new (1 << 20, 512); \
  g_auto (Host) a = host_new (&lun, "a", 1, type);    \
  g_auto (Host) b = host_new (&lun, "b", 1, type)

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Host, host_clear)

/* ---- one owner ---- */

START_TEST (test_one_owner_writes_over_both_paths_and_shuts_others_out)
{
  TWO_HOSTS (0);
  LunError code;

  ck_assert (opens (&a, LUN_RESV_DEFAULT, NULL));
  ck_assert_uint_eq (n_keys (&a), 2);
  ck_assert (writes (&a, NULL));
  ck_assert (!writes (&b, &code));
  ck_assert_int_eq (code, LUN_ERROR_RESERVED);
  ck_assert (!opens (&b, LUN_RESV_DEFAULT, &code));
  ck_assert_int_eq (code, LUN_ERROR_RESERVED);
  ck_assert_uint_eq (n_keys (&a), 2);
  ck_assert (lun_reservation_close (a.r, NULL));
  ck_assert_uint_eq (n_keys (&b), 0);
  ck_assert (opens (&b, LUN_RESV_DEFAULT, NULL));
  ck_assert (writes (&b, NULL));
}
END_TEST

START_TEST (test_forced_open_fences_the_owner)
{
  TWO_HOSTS (0);
  LunError code;

  ck_assert (opens (&a, LUN_RESV_DEFAULT, NULL));
  ck_assert (writes (&a, NULL));
  ck_assert (opens (&b, LUN_RESV_FORCED, NULL));
  ck_assert (writes (&b, NULL));
  ck_assert (!writes (&a, &code));
  ck_assert_int_eq (code, LUN_ERROR_FENCED);
  ck_assert_int_eq (lun_reservation_state (a.r), LUN_RESV_FENCED);
  ck_assert (!writes (&a, &code)); /* for good */
  ck_assert_int_eq (code, LUN_ERROR_FENCED);
  ck_assert (writes (&b, NULL));
}
END_TEST

START_TEST (test_retained_reservation_outlives_its_process)
{
  TWO_HOSTS (0);

  ck_assert (opens (&a, LUN_RESV_RETAIN, NULL));
  ck_assert (lun_reservation_close (a.r, NULL));
  ck_assert (!opens (&b, LUN_RESV_DEFAULT, NULL));
  g_auto (Host) later = host_new (&lun, "a", 1, 0);
  ck_assert (opens (&later, LUN_RESV_DEFAULT, NULL));
  ck_assert (lun_reservation_close (later.r, NULL));
  ck_assert (opens (&b, LUN_RESV_DEFAULT, NULL));
}
END_TEST

START_TEST (test_single_refuses_a_second_open_of_this_machine)
{
  TWO_HOSTS (0);
  LunError code;

  ck_assert (opens (&a, LUN_RESV_NO_RESERVE, NULL));
  g_auto (Host) second = host_new (&lun, "a", 1, 0);
  ck_assert (!opens (&second, LUN_RESV_SINGLE, &code));
  ck_assert_int_eq (code, LUN_ERROR_BUSY);
  ck_assert (lun_reservation_close (a.r, NULL));
  ck_assert (opens (&second, LUN_RESV_SINGLE, NULL));
  ck_assert (!opens (&a, LUN_RESV_NO_RESERVE, &code));
  ck_assert_int_eq (code, LUN_ERROR_BUSY);
}
END_TEST

START_TEST (test_holder_path_that_dies_is_replaced)
{
  g_auto (FileLun) lun = file_lun_new (1 << 20, 512);
  g_autofree char *flag = g_strconcat (lun.image, ".down", NULL);
  g_autofree char *name = g_strdup_printf (
    "fault(down=while:%s)+%s?path=1&host=a|%s?path=2&host=a", flag, lun.name, lun.name);
  g_auto (Host) a = { .name = g_strdup (name), .device = open_device (name) };
  g_auto (Host) b = host_new (&lun, "b", 1, 0);
  LunReservationConfig config = { .key = key_of ("a", 1) };

  a.r = lun_reservation_new (a.device, &config);
  ck_assert (opens (&a, LUN_RESV_DEFAULT, NULL));
  ck_assert (g_file_set_contents (flag, "", 0, NULL));
  ck_assert (writes (&a, NULL));
  for (int i = 0; i < 100 && n_keys (&a) != 1; i++)
    g_usleep (20000);
  ck_assert_uint_eq (n_keys (&a), 1); /* moved: the dead path's is gone */
  ck_assert (writes (&a, NULL));
  ck_assert (!opens (&b, LUN_RESV_DEFAULT, NULL));
  g_unlink (flag);
  for (int i = 0; i < 200 && n_keys (&a) != 2; i++) {
    ck_assert (writes (&a, NULL));
    g_usleep (20000);
  }
  ck_assert_uint_eq (n_keys (&a), 2); /* registered again */
  ck_assert (lun_reservation_close (a.r, NULL));
  ck_assert_uint_eq (n_keys (&b), 0);
}
END_TEST

START_TEST (test_power_loss_is_mended_by_the_next_write)
{
  TWO_HOSTS (0);
  g_autoptr (GError) error = NULL;

  ck_assert (opens (&a, LUN_RESV_DEFAULT, NULL));
  LunEmul *emul = lun_emul_open (lun.image, false, &error);
  ck_assert_ptr_nonnull (emul);
  lun_emul_power_cycle (emul);
  lun_emul_close (emul);
  ck_assert_uint_eq (n_keys (&b), 0);
  ck_assert (writes (&a, NULL));
  ck_assert_uint_eq (n_keys (&b), 2);
  ck_assert (!writes (&b, NULL));
}
END_TEST

START_TEST (test_release_over_each_path_frees_the_lun)
{
  for (unsigned path = 0; path < 2; path++) {
    TWO_HOSTS (0);
    uint8_t data[LUN_PR_OUT_LEN];
    LunPrOut param = { .key = key_of ("a", 1), .service_key = key_of ("a", 1) };
    LunCdb cdb = lun_cdb_pr_out (LUN_PR_OUT_PREEMPT, 6, sizeof data);
    LunResult result;

    ck_assert (opens (&a, LUN_RESV_DEFAULT, NULL));
    lun_pr_out_encode (&param, data); /* the holder moves behind our back */
    ck_assert (lun_device_cdb (a.device, cdb.b, cdb.len, LUN_DIR_OUT, data, sizeof data,
                               a.device->paths[path].name, &result, NULL));
    ck_assert_int_eq (result.outcome, LUN_OUTCOME_GOOD);
    lun_reservation_check (a.r, NULL);
    ck_assert (lun_reservation_close (a.r, NULL));
    ck_assert (opens (&b, LUN_RESV_DEFAULT, NULL));
  }
}
END_TEST

/* ---- shared ---- */

START_TEST (test_shared_hosts_write_and_strangers_do_not)
{
  static const LunPrType types[] = { 5, 6, 7, 8 };

  for (size_t i = 0; i < G_N_ELEMENTS (types); i++) {
    TWO_HOSTS (types[i]);
    g_auto (Host) c = host_new (&lun, "c", 1, types[i]);

    ck_assert (opens (&a, LUN_RESV_SHARED, NULL));
    ck_assert (opens (&b, LUN_RESV_SHARED, NULL));
    ck_assert (writes (&a, NULL));
    ck_assert (writes (&b, NULL));
    ck_assert (!writes (&c, NULL));
  }
}
END_TEST

START_TEST (test_the_lun_stays_protected_when_the_holder_leaves)
{
  static const LunPrType types[] = { 5, 7 };

  for (size_t i = 0; i < G_N_ELEMENTS (types); i++) {
    TWO_HOSTS (types[i]);
    g_auto (Host) c = host_new (&lun, "c", 1, types[i]);

    ck_assert (opens (&a, LUN_RESV_SHARED, NULL));
    ck_assert (opens (&b, LUN_RESV_SHARED, NULL));
    ck_assert (lun_reservation_close (a.r, NULL));
    ck_assert (writes (&b, NULL)); /* meets the unit attention, takes over */
    ck_assert_int_eq (lun_reservation_state (b.r), LUN_RESV_HELD);
    ck_assert (!writes (&c, NULL));
  }
}
END_TEST

START_TEST (test_fencing_removes_one_host_and_leaves_the_rest)
{
  static const LunPrType types[] = { 5, 7 };

  for (size_t i = 0; i < G_N_ELEMENTS (types); i++) {
    TWO_HOSTS (types[i]);
    LunError code;

    ck_assert (opens (&a, LUN_RESV_SHARED, NULL)); /* the holder under type 5 */
    ck_assert (opens (&b, LUN_RESV_SHARED, NULL));
    ck_assert (lun_reservation_fence (b.r, key_of ("a", 1), NULL));
    ck_assert_uint_eq (n_keys (&b), 2);
    ck_assert (writes (&b, NULL));
    ck_assert (!writes (&a, &code));
    ck_assert_int_eq (code, LUN_ERROR_FENCED);
    ck_assert (!opens (&a, LUN_RESV_SHARED, &code)); /* no automatic undo */
    ck_assert_int_eq (code, LUN_ERROR_FENCED);
    g_auto (Host) again = host_new (&lun, "a", 2, types[i]);
    ck_assert (opens (&again, LUN_RESV_SHARED, NULL)); /* a new key may come back */
    ck_assert (writes (&again, NULL));
  }
}
END_TEST

START_TEST (test_reserve_6_blocks_registration_with_a_clear_message)
{
  TWO_HOSTS (0);
  g_autoptr (GError) error = NULL;

  ck_assert (path_command (&b, 0, lun_cdb_reserve_6 ()));
  ck_assert (!lun_reservation_open (a.r, LUN_RESV_DEFAULT, &error));
  ck_assert_msg (strstr (error->message, "SCSI-2") != NULL, "%s", error->message);
}
END_TEST

LUN_SUITE ("lunpath/resv_emul",
           test_one_owner_writes_over_both_paths_and_shuts_others_out,
           test_forced_open_fences_the_owner,
           test_retained_reservation_outlives_its_process,
           test_single_refuses_a_second_open_of_this_machine,
           test_holder_path_that_dies_is_replaced,
           test_power_loss_is_mended_by_the_next_write,
           test_release_over_each_path_frees_the_lun,
           test_shared_hosts_write_and_strangers_do_not,
           test_the_lun_stays_protected_when_the_holder_leaves,
           test_fencing_removes_one_host_and_leaves_the_rest,
           test_reserve_6_blocks_registration_with_a_clear_message)
