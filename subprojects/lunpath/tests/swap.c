/* swap.c - compare and write of one block by each means, over the emulation: what it does, what it
 * costs, and what is left by those who die in the middle. */
#include "lun.h"

#include "base/cdb.h"
#include "base/pr.h"
#include "base/sense.h"
#include "path/device.h"
#include "reservation/rivals.h"

#include <lunpath/swap.h>

#include <limits.h>
#include <sys/wait.h>
#include <unistd.h>

#define VOLUME   77
#define STALE_MS 500
#define LBA      9

static const struct {
  LunSwapMeans means;
  const char *options; /* of each path */
  unsigned commands;   /* of a swap that nobody disturbs */
  LunPrType type;      /* of the reservation that is open beside it; 0: none */
} ways[] = {
  { LUN_SWAP_CAW, "", 1, 0 },
  { LUN_SWAP_PR, "&without=caw", 5, 0 },
  { LUN_SWAP_SCSI2, "&without=caw:pr", 4, 0 },
  { LUN_SWAP_PR, "&without=caw", 5, LUN_PR_WRITE_EXCLUSIVE_ALL },
  { LUN_SWAP_PR, "&without=caw:abort", 5, LUN_PR_WRITE_EXCLUSIVE_REGISTRANTS },
};

#define N_WAYS ((int) G_N_ELEMENTS (ways))

typedef struct {
  char *name;
  LunDevice *device;
  LunReservation *reservation;
  LunSwap *swap;
} Host;

static LunReservation *
join (LunDevice *device, const char *name, LunPrType type)
{
  LunReservationConfig config = { .key = lun_resv_key (VOLUME, (uint32_t) name[0], 1),
                                  .type = type,
                                  .is_shared_key = true,
                                  .has_flags = true };
  LunReservation *reservation = lun_reservation_new (device, &config);
  g_autoptr (GError) error = NULL;

  ck_assert_msg (lun_reservation_open (reservation, LUN_RESV_SHARED, &error), "%s",
                 error ? error->message : "");
  return reservation;
}

static Host
host_new (const FileLun *lun, const char *name, int way, const char *options)
{
  static uint64_t incarnation;
  Host host = { .name =
                  g_strdup_printf ("%s?path=1&host=%s%s|%s?path=2&host=%s%s", lun->name,
                                   name, options, lun->name, name, options) };
  LunSwapConfig config = { .means = ways[way].means,
                           .key =
                             lun_resv_key (VOLUME, (uint32_t) name[0], ++incarnation),
                           .stale_ms = STALE_MS };

  host.device = open_device (host.name);
  lun_device_set_patience (host.device, 10000);
  if (ways[way].type != 0)
    host.reservation = join (host.device, name, ways[way].type);
  config.reservation = host.reservation;
  host.swap = lun_swap_new (host.device, &config);
  return host;
}

static void
host_clear (Host *host)
{
  lun_swap_free (host->swap);
  lun_reservation_free (host->reservation);
  lun_device_close (host->device);
  g_free (host->name);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Host, host_clear)

#define TWO_HOSTS(way)                                            \
  g_auto (FileLun) lun = file_lun_new (1 << 20, 512);             \
  g_auto (Host) a = host_new (&lun, "a", way, ways[way].options); \
  g_auto (Host) b = host_new (&lun, "b", way, ways[way].options)

/* Blocks full of one byte. */
static LunCaw
swap (Host *host, int from, int to, GError **error)
{
  uint8_t expect[512], replace[512];

  memset (expect, from, sizeof expect);
  memset (replace, to, sizeof replace);
  return lun_swap_run (host->swap, LBA, expect, replace, error);
}

static void
assert_swaps (Host *host, int from, int to)
{
  g_autoptr (GError) error = NULL;
  LunCaw end = swap (host, from, to, &error);

  ck_assert_msg (end == LUN_CAW_DONE, "%s", error ? error->message : "mismatch");
}

static int
content (Host *host)
{
  uint8_t block[512];

  ck_assert (
    lun_device_read (host->device, LBA, block, sizeof block, LUN_PRIO_BULK, NULL));
  return block[0];
}

static unsigned
n_commands (Host *host)
{
  LunStats stats;

  lun_device_get_stats (host->device, &stats);
  return (unsigned) (stats.reads + stats.writes + stats.caws + stats.cdbs);
}

START_TEST (test_what_is_expected_is_replaced_and_nothing_else)
{
  TWO_HOSTS (_i);

  assert_swaps (&a, 0, 1);
  ck_assert_int_eq (swap (&b, 0, 2, NULL), LUN_CAW_MISMATCH);
  ck_assert_int_eq (content (&b), 1);
  assert_swaps (&b, 1, 2);
  ck_assert_int_eq (content (&a), 2);
}
END_TEST

START_TEST (test_a_swap_costs_a_handful_of_commands)
{
  TWO_HOSTS (_i);

  assert_swaps (&b, 0, 1); /* unit attentions are over */
  assert_swaps (&a, 1, 2);
  unsigned least = UINT_MAX; /* the keeper of a reservation has commands of its own */
  for (int i = 2; i < 7; i++) {
    unsigned before = n_commands (&a);
    assert_swaps (&a, i, i + 1);
    least = MIN (least, n_commands (&a) - before);
  }
  ck_assert_uint_eq (least, ways[_i].commands);
}
END_TEST

START_TEST (test_the_trial_is_good_and_leaves_the_block_alone)
{
  TWO_HOSTS (_i);
  g_autoptr (GError) error = NULL;

  assert_swaps (&a, 0, 7);
  ck_assert_msg (lun_swap_try (b.swap, LBA, &error), "%s", error ? error->message : "");
  ck_assert_int_eq (content (&a), 7);
  assert_swaps (&a, 7, 8);
}
END_TEST

START_TEST (test_the_trial_tells_what_the_device_lacks)
{
  static const struct {
    int way;
    const char *options;
  } lacking[] = { { 0, "&without=caw" }, { 1, "&without=pr" } };
  g_auto (FileLun) lun = file_lun_new (1 << 20, 512);

  for (size_t i = 0; i < G_N_ELEMENTS (lacking); i++) {
    g_auto (Host) host = host_new (&lun, "a", lacking[i].way, lacking[i].options);
    g_autoptr (GError) error = NULL;
    ck_assert (!lun_swap_try (host.swap, LBA, &error));
    ck_assert_msg (g_error_matches (error, LUN_ERROR, LUN_ERROR_UNSUPPORTED), "%s",
                   error->message);
  }
}
END_TEST

/* ---- every swap of several processes counts ---- */

static void
count_up (const FileLun *lun, const char *name, int way, int rounds)
{
  g_auto (Host) host = host_new (lun, name, way, ways[way].options);

  for (int i = 0; i < rounds;) {
    int now = content (&host);
    if (swap (&host, now, now + 1, NULL) == LUN_CAW_DONE)
      i++;
  }
}

START_TEST (test_no_swap_of_several_processes_is_lost)
{
  static const char *const names[] = { "a", "a", "b" }; /* two on one port */
  enum {
    ROUNDS = 40
  };
  g_auto (FileLun) lun = file_lun_new (1 << 20, 512);
  pid_t pids[G_N_ELEMENTS (names)];
  int status;

  for (size_t i = 0; i < G_N_ELEMENTS (names); i++)
    if ((pids[i] = fork ()) == 0) {
      count_up (&lun, names[i], _i, ROUNDS);
      _exit (0);
    }
  for (size_t i = 0; i < G_N_ELEMENTS (names); i++) {
    ck_assert_int_eq (waitpid (pids[i], &status, 0), pids[i]);
    ck_assert_int_eq (status, 0);
  }
  g_auto (Host) host = host_new (&lun, "c", _i, ways[_i].options);
  ck_assert_int_eq (content (&host), (int) (G_N_ELEMENTS (names) * ROUNDS));
}
END_TEST

/* ---- those who died ---- */

static LunOutcome
send_over (Host *host, LunCdb cdb, LunDirection direction, void *data, size_t len)
{
  LunResult result;

  for (int i = 0; i < 6; i++) {
    ck_assert (lun_device_cdb (host->device, cdb.b, cdb.len, direction, data, len,
                               host->device->paths[0].name, &result, NULL));
    if (result.outcome != LUN_OUTCOME_CHECK_CONDITION)
      break;
  }
  return result.outcome;
}

static LunOutcome
register_key (Host *host, uint64_t from, uint64_t to)
{
  LunPrOut param = { .key = from, .service_key = to };
  uint8_t data[LUN_PR_OUT_LEN];

  lun_pr_out_encode (&param, data);
  return send_over (host, lun_cdb_pr_out (LUN_PR_OUT_REGISTER, 0, sizeof data),
                    LUN_DIR_OUT, data, sizeof data);
}

static uint64_t
a_flag (uint8_t turn)
{
  return lun_flag_of (lun_resv_key (VOLUME, 99, 1), turn);
}

START_TEST (test_the_flag_of_a_dead_host_is_removed_when_it_has_stood_still)
{
  TWO_HOSTS (1);

  ck_assert_int_eq (register_key (&b, 0, a_flag (3)), LUN_OUTCOME_GOOD);
  int64_t begin_us = g_get_monotonic_time ();
  assert_swaps (&a, 0, 1);
  ck_assert_int_ge (g_get_monotonic_time () - begin_us, STALE_MS * 1000);
  ck_assert_int_eq (register_key (&b, a_flag (3), 0), LUN_OUTCOME_RESERVATION_CONFLICT);
}
END_TEST

START_TEST (test_the_flag_of_a_dead_process_of_the_same_port_is_inherited)
{
  TWO_HOSTS (1);

  ck_assert_int_eq (register_key (&a, 0, a_flag (3)), LUN_OUTCOME_GOOD);
  assert_swaps (&a, 0, 1);
  ck_assert_int_eq (register_key (&a, 0, 5), LUN_OUTCOME_GOOD); /* nothing is left */
  ck_assert_int_eq (register_key (&a, 5, 0), LUN_OUTCOME_GOOD);
  assert_swaps (&b, 1, 2);
}
END_TEST

static LunResvState
state_of (Host *host)
{
  return lun_reservation_state (host->reservation);
}

static unsigned
n_keys (Host *host)
{
  LunResvView view;

  ck_assert (lun_reservation_read (host->reservation, &view, NULL));
  unsigned n = view.keys->len;
  lun_resv_view_clear (&view);
  return n;
}

/* The key of the host with NAME beside a reservation. */
static uint64_t
key_of (const char *name)
{
  return lun_resv_key (VOLUME, (uint32_t) name[0], 1);
}

START_TEST (test_beside_fencing_nobody_takes_a_flag_for_a_lost_registration)
{
  g_auto (FileLun) lun = file_lun_new (1 << 20, 512);
  LunPrType type =
    _i % 2 ? LUN_PR_WRITE_EXCLUSIVE_ALL : LUN_PR_WRITE_EXCLUSIVE_REGISTRANTS;
  int way = _i % 2 ? 3 : 4;
  g_auto (Host) a = host_new (&lun, "a", way, "");
  g_auto (Host) b = host_new (&lun, "b", way, "");

  assert_swaps (&b, 0, 1);
  ck_assert_int_eq (register_key (&a, key_of ("a"), lun_flag_of (key_of ("a"), 9)),
                    LUN_OUTCOME_GOOD); /* as by another process of host a */
  for (int i = 0; i < 5; i++) {
    ck_assert (lun_reservation_check (a.reservation, NULL));
    ck_assert (lun_reservation_check (b.reservation, NULL));
    ck_assert_int_ne (state_of (&a), LUN_RESV_FENCED);
    ck_assert_int_ne (state_of (&b), LUN_RESV_FENCED);
    ck_assert_uint_eq (n_keys (&a), 4);
  }
  LunResvView view;
  ck_assert (lun_reservation_read (b.reservation, &view, NULL));
  ck_assert_int_eq (view.type, type);
  lun_resv_view_clear (&view);
}
END_TEST

START_TEST (test_a_host_that_is_fenced_with_its_flag_set_leaves_nothing)
{
  TWO_HOSTS (3 + _i % 2);
  uint64_t flag = lun_flag_of (key_of ("a"), 9);

  ck_assert_int_eq (register_key (&a, key_of ("a"), flag), LUN_OUTCOME_GOOD);
  ck_assert (lun_reservation_fence (b.reservation, key_of ("a"), NULL));
  ck_assert_uint_eq (n_keys (&b), 2);
  ck_assert_int_eq (register_key (&a, flag, flag), LUN_OUTCOME_RESERVATION_CONFLICT);
  assert_swaps (&b, 0, 1);
}
END_TEST

START_TEST (test_a_live_process_takes_back_the_flag_of_a_dead_one_of_its_host)
{
  TWO_HOSTS (3 + _i % 2);
  uint64_t flag = lun_flag_of (key_of ("a"), 9);
  int64_t until_us = g_get_monotonic_time () + 30 * G_USEC_PER_SEC;

  ck_assert_int_eq (register_key (&a, key_of ("a"), flag), LUN_OUTCOME_GOOD);
  while (register_key (&a, key_of ("a"), key_of ("a")) != LUN_OUTCOME_GOOD) {
    ck_assert_int_lt (g_get_monotonic_time (), until_us);
    g_usleep (10000);
  }
  ck_assert_int_ne (state_of (&a), LUN_RESV_FENCED);
  assert_swaps (&b, 0, 1);
  assert_swaps (&a, 1, 2);
}
END_TEST

START_TEST (test_a_second_process_of_a_host_finds_its_key_also_as_a_flag)
{
  TWO_HOSTS (3 + _i % 2);
  uint64_t candidates[] = { key_of ("b"), key_of ("a") }, found;

  ck_assert_int_eq (register_key (&a, key_of ("a"), lun_flag_of (key_of ("a"), 9)),
                    LUN_OUTCOME_GOOD);
  ck_assert (lun_reservation_find_own_key (a.reservation, candidates, 2, &found, NULL));
  ck_assert (found == key_of ("a"));
}
END_TEST

START_TEST (test_a_strangers_key_on_the_path_is_told)
{
  TWO_HOSTS (1);
  g_autoptr (GError) error = NULL;

  ck_assert_int_eq (register_key (&a, 0, 0xfeed), LUN_OUTCOME_GOOD);
  ck_assert_int_eq (swap (&a, 0, 1, &error), LUN_CAW_ERROR);
  ck_assert (g_error_matches (error, LUN_ERROR, LUN_ERROR_UNSUPPORTED));
  ck_assert_ptr_nonnull (strstr (error->message, "another program of this host"));
}
END_TEST

START_TEST (test_a_scsi2_reservation_that_nobody_gives_back_is_broken)
{
  TWO_HOSTS (2);

  ck_assert_int_eq (send_over (&b, lun_cdb_reserve_6 (), LUN_DIR_NONE, NULL, 0),
                    LUN_OUTCOME_GOOD);
  int64_t begin_us = g_get_monotonic_time ();
  assert_swaps (&a, 0, 1);
  ck_assert_int_ge (g_get_monotonic_time () - begin_us, STALE_MS * 1000);
}
END_TEST

START_TEST (test_beside_registrations_scsi2_is_refused)
{
  g_auto (FileLun) lun = file_lun_new (1 << 20, 512);
  g_auto (Host) a = host_new (&lun, "a", 2, "");
  g_autoptr (GError) error = NULL;

  ck_assert_int_eq (register_key (&a, 0, 0xfeed), LUN_OUTCOME_GOOD);
  ck_assert (!lun_swap_try (a.swap, LBA, &error));
  ck_assert_ptr_nonnull (strstr (error->message, "registrations"));
}
END_TEST

/* ---- the others meanwhile ---- */

START_TEST (test_who_is_shut_out_for_a_moment_does_not_notice)
{
  TWO_HOSTS (2);
  uint8_t block[512] = { 0 };
  pid_t pid = fork ();

  if (pid == 0) {
    for (int i = 0; i < 200; i++)
      if (swap (&b, i, i + 1, NULL) != LUN_CAW_DONE)
        _exit (1);
    _exit (0);
  }
  int status;
  while (waitpid (pid, &status, WNOHANG) == 0) {
    g_autoptr (GError) error = NULL;
    bool ok =
      lun_device_write (a.device, 40, block, sizeof block, LUN_PRIO_BULK, &error) &&
      lun_device_read (a.device, 41, block, sizeof block, LUN_PRIO_BULK, &error);
    ck_assert_msg (ok, "%s", error ? error->message : "");
  }
  ck_assert_int_eq (status, 0);
}
END_TEST

START_TEST (test_patience_with_a_reservation_ends)
{
  TWO_HOSTS (2);
  g_autoptr (GError) error = NULL;
  uint8_t block[512];

  ck_assert_int_eq (send_over (&b, lun_cdb_reserve_6 (), LUN_DIR_NONE, NULL, 0),
                    LUN_OUTCOME_GOOD);
  lun_device_set_patience (a.device, 50);
  ck_assert (
    !lun_device_read (a.device, LBA, block, sizeof block, LUN_PRIO_BULK, &error));
  ck_assert (g_error_matches (error, LUN_ERROR, LUN_ERROR_RESERVED));
}
END_TEST

int
main (void)
{
  const TTest *const loops[] = {
    test_what_is_expected_is_replaced_and_nothing_else,
    test_a_swap_costs_a_handful_of_commands,
    test_the_trial_is_good_and_leaves_the_block_alone,
    test_no_swap_of_several_processes_is_lost,
    test_beside_fencing_nobody_takes_a_flag_for_a_lost_registration,
    test_a_host_that_is_fenced_with_its_flag_set_leaves_nothing,
    test_a_live_process_takes_back_the_flag_of_a_dead_one_of_its_host,
    test_a_second_process_of_a_host_finds_its_key_also_as_a_flag,
  };
  const TTest *const tests[] = {
    test_the_trial_tells_what_the_device_lacks,
    test_the_flag_of_a_dead_host_is_removed_when_it_has_stood_still,
    test_the_flag_of_a_dead_process_of_the_same_port_is_inherited,
    test_a_strangers_key_on_the_path_is_told,
    test_a_scsi2_reservation_that_nobody_gives_back_is_broken,
    test_beside_registrations_scsi2_is_refused,
    test_who_is_shut_out_for_a_moment_does_not_notice,
    test_patience_with_a_reservation_ends,
  };

  return lun_suite_run_loops ("lunpath/swap", loops, (int) G_N_ELEMENTS (loops), N_WAYS,
                              tests, (int) G_N_ELEMENTS (tests));
}
