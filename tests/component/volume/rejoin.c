/* A member that had no path for too long joins again, unless others ended it. */
#include "fixture.h"

#include "base/error.h"
#include "volume/membership.h"

#include <lunpath/reservation.h>

#include <stdatomic.h>
#include <string.h>
#include <unistd.h>

#define MIB (UINT64_C (1) << 20)

#define wait_for(condition)                                              \
  do {                                                                   \
    int64_t limit = g_get_monotonic_time () + 20 * G_USEC_PER_SEC;       \
    while (!(condition)) {                                               \
      ck_assert_msg (g_get_monotonic_time () < limit, "%s", #condition); \
      g_usleep (2000);                                                   \
    }                                                                    \
  } while (0)

typedef struct {
  Lab lab;
  FtsVolume *a_volume;
  FtsMember *a; /* sees everything */
  atomic_int deaths;
  FtsVolume *volume;
  FtsMember *member; /* its paths can be cut */
  char *cut;
  atomic_int returns;
} Rejoin;

static void
count_return (void *user_data)
{
  atomic_fetch_add (&((Rejoin *) user_data)->returns, 1);
}

static void
count_death (uint32_t index, uint64_t generation, void *user_data)
{
  atomic_fetch_add (&((Rejoin *) user_data)->deaths, 1);
}

static void
start_a (Rejoin *r)
{
  FtsMemberConfig config = {
    .name = "a", .role = FTS_ROLE_SERVER, .on_peer_dead = count_death, .user_data = r
  };
  g_autoptr (GError) error = NULL;

  r->a_volume = lab_open (&r->lab, "a", &error);
  lab_assert_ok (error);
  r->a = fts_member_join (r->a_volume, &config, &error);
  lab_assert_ok (error);
}

static void
end_a (Rejoin *r)
{
  fts_member_leave (r->a);
  fts_volume_close (r->a_volume);
}

static void
rejoin_start (Rejoin *r, FtsFenceMode fence)
{
  FtsMemberConfig config = { .name = "b",
                             .role = FTS_ROLE_MOUNT,
                             .rejoins = true,
                             .on_return = count_return,
                             .user_data = r };
  g_autoptr (GError) error = NULL;

  g_log_set_fatal_mask (NULL, G_LOG_LEVEL_ERROR);
  lab_init (&r->lab, 1, 2 * MIB, 512);
  r->lab.wish.fence_mode = fence;
  r->lab.wish.heartbeat_ms =
    300; /* what lies between its silence and its death, on a busy machine */
  r->lab.wish.dead_ms = 1800;
  r->lab.wish.io_timeout_ms = 30000;
  lab_format (&r->lab);
  atomic_store (&r->deaths, 0);
  start_a (r);
  r->cut = g_build_filename (r->lab.dir, "cut", NULL);
  atomic_store (&r->returns, 0);
  g_autofree char *path =
    g_strdup_printf ("fault(down=while:%s)+file:%s?host=b|?check-ms=20&check-max-ms=50",
                     r->cut, r->lab.paths[0]);
  FtsVolumeSpec spec = { .volume = path };
  r->volume = fts_volume_open (&spec, &error);
  lab_assert_ok (error);
  r->member = fts_member_join (r->volume, &config, &error);
  lab_assert_ok (error);
}

static void
rejoin_end (Rejoin *r)
{
  fts_member_leave (r->member);
  fts_volume_close (r->volume);
  end_a (r);
  g_free (r->cut);
  lab_clear (&r->lab);
}

static void
cut_paths (Rejoin *r)
{
  ck_assert (g_file_set_contents (r->cut, "", 0, NULL));
}

static void
mend_paths (Rejoin *r)
{
  unlink (r->cut);
}

static FtsHost
self_of (Rejoin *r)
{
  ck_assert (fts_member_hold (r->member, NULL));
  FtsHost self = *fts_member_self (r->member);
  fts_member_let_go (r->member);
  return self;
}

static FtsStanding
standing (Rejoin *r)
{
  return fts_member_standing (r->member);
}

START_TEST (test_a_silent_member_joins_again_as_another_incarnation)
{
  g_autoptr (GError) error = NULL;
  Rejoin r;

  rejoin_start (&r, FTS_FENCE_OFF);
  FtsHost was = self_of (&r);
  cut_paths (&r);
  wait_for (standing (&r) == FTS_STANDING_AWAY);
  ck_assert (fts_member_is_alive (r.a, was.index, was.generation));
  ck_assert (!fts_member_lock (r.member, &error));
  lab_assert_error (error, LUN_ERROR, LUN_ERROR_NO_PATH);
  wait_for (atomic_load (&r.deaths) == 1);
  mend_paths (&r);
  wait_for (standing (&r) == FTS_STANDING_GOOD);
  ck_assert_int_eq (atomic_load (&r.returns), 1);
  FtsHost is = self_of (&r);
  ck_assert_uint_ne (is.generation, was.generation);
  ck_assert_int_ne (memcmp (is.nonce, was.nonce, sizeof is.nonce), 0);
  ck_assert_str_eq (is.name, "b");
  ck_assert_uint_eq (is.index, was.index);
  wait_for (fts_member_find (r.a, "b", FTS_ROLE_MOUNT, true, &was) &&
            was.generation == is.generation);
  ck_assert (fts_member_lock (r.member, NULL));
  fts_member_unlock (r.member);
  rejoin_end (&r);
}
END_TEST

START_TEST (test_nobody_has_to_have_found_it_dead)
{
  Rejoin r;

  rejoin_start (&r, FTS_FENCE_OFF);
  FtsHost was = self_of (&r);
  cut_paths (&r);
  wait_for (standing (&r) == FTS_STANDING_AWAY);
  mend_paths (&r);
  wait_for (standing (&r) == FTS_STANDING_GOOD);
  wait_for (atomic_load (&r.deaths) == 1);
  ck_assert (!fts_member_is_alive (r.a, was.index, was.generation));
  ck_assert_uint_eq (self_of (&r).index, was.index);
  rejoin_end (&r);
}
END_TEST

START_TEST (test_an_incarnation_lasts_as_long_as_somebody_holds_it)
{
  Rejoin r;

  rejoin_start (&r, FTS_FENCE_OFF);
  ck_assert (fts_member_hold (r.member, NULL));
  uint64_t generation = fts_member_self (r.member)->generation;
  cut_paths (&r);
  wait_for (standing (&r) == FTS_STANDING_AWAY);
  ck_assert (!fts_member_hold (r.member, NULL));
  mend_paths (&r);
  g_usleep (1500 * 1000); /* five periods */
  ck_assert_int_eq (standing (&r), FTS_STANDING_AWAY);
  ck_assert_uint_eq (fts_member_self (r.member)->generation, generation);
  fts_member_let_go (r.member);
  wait_for (standing (&r) == FTS_STANDING_GOOD);
  ck_assert (fts_member_hold (r.member, NULL));
  fts_member_let_go (r.member);
  rejoin_end (&r);
}
END_TEST

/* Does the master device of R have KEY? */
static bool
has_key (Rejoin *r, uint64_t key)
{
  g_autoptr (LunDevice) device = lab_device (&r->lab, 0, "observer");
  LunReservationConfig config = { .key = 1 };
  g_autoptr (LunReservation) probe = lun_reservation_new (device, &config);
  LunResvView view;
  bool found = false;

  ck_assert (lun_reservation_read (probe, &view, NULL));
  for (guint i = 0; i < view.keys->len; i++)
    found |= g_array_index (view.keys, uint64_t, i) == key;
  lun_resv_view_clear (&view);
  return found;
}

START_TEST (test_its_key_is_another_one_and_the_old_one_is_gone)
{
  Rejoin r;

  rejoin_start (&r, FTS_FENCE_ALL_REGISTRANTS);
  uint64_t key = self_of (&r).pr_key;
  ck_assert (has_key (&r, key));
  for (int round = 1; round <= 2; round++) {
    cut_paths (&r);
    wait_for (standing (&r) == FTS_STANDING_AWAY);
    mend_paths (&r);
    wait_for (standing (&r) == FTS_STANDING_GOOD);
    ck_assert_uint_ne (self_of (&r).pr_key, key);
    ck_assert (!has_key (&r, key));
    key = self_of (&r).pr_key;
    ck_assert (has_key (&r, key));
  }
  rejoin_end (&r);
}
END_TEST

/* As a peer does, after the dead time; but this one may as well be early. */
static void
preempt (Rejoin *r, uint64_t key)
{
  g_autoptr (LunDevice) device = lab_device (&r->lab, 0, "observer");
  LunReservationConfig config = { .key = 2, .type = LUN_PR_WRITE_EXCLUSIVE_ALL };
  g_autoptr (LunReservation) other = lun_reservation_new (device, &config);
  g_autoptr (GError) error = NULL;

  ck_assert (lun_reservation_register (other, &error));
  lun_reservation_fence (other, key, &error);
  lab_assert_ok (error);
  lun_reservation_close (other, NULL);
}

START_TEST (test_who_was_preempted_in_silence_joins_again_who_was_not_silent_does_not)
{
  Rejoin r;

  rejoin_start (&r, FTS_FENCE_ALL_REGISTRANTS);
  uint64_t key = self_of (&r).pr_key;
  cut_paths (&r);
  wait_for (standing (&r) == FTS_STANDING_AWAY);
  preempt (&r, key);
  mend_paths (&r);
  wait_for (standing (&r) == FTS_STANDING_GOOD);
  key = self_of (&r).pr_key;
  preempt (&r, key);
  wait_for (standing (&r) == FTS_STANDING_SHUT_OUT);
  g_usleep (2500 * 1000); /* beyond the dead time */
  ck_assert_int_eq (standing (&r), FTS_STANDING_SHUT_OUT);
  ck_assert (!has_key (&r, key));
  ck_assert_int_eq (atomic_load (&r.returns), 1);
  rejoin_end (&r);
}
END_TEST

START_TEST (test_a_stranger_in_the_entry_ends_it_for_good)
{
  Rejoin r;

  rejoin_start (&r, FTS_FENCE_OFF);
  FtsHost other = self_of (&r);
  other.generation++;
  other.heartbeat = 1000000;
  wait_for ((fts_hosttab_store (r.a_volume, &other, NULL),
             standing (&r) == FTS_STANDING_SHUT_OUT));
  g_usleep (2500 * 1000);
  ck_assert_int_eq (standing (&r), FTS_STANDING_SHUT_OUT);
  rejoin_end (&r);
}
END_TEST

START_TEST (test_a_volume_that_was_formatted_meanwhile_is_not_joined)
{
  Rejoin r;

  rejoin_start (&r, FTS_FENCE_OFF);
  cut_paths (&r);
  wait_for (standing (&r) == FTS_STANDING_AWAY);
  end_a (&r);
  r.lab.wish.volume_uuid[0]++;
  lab_format (&r.lab);
  start_a (&r);
  mend_paths (&r);
  wait_for (standing (&r) == FTS_STANDING_SHUT_OUT);
  ck_assert (!fts_member_find (r.a, "b", FTS_ROLE_MOUNT, true, &(FtsHost){ 0 }));
  rejoin_end (&r);
}
END_TEST

static void
leave_without_a_path (bool is_away)
{
  Rejoin r;

  rejoin_start (&r, FTS_FENCE_OFF);
  cut_paths (&r);
  if (is_away)
    wait_for (standing (&r) == FTS_STANDING_AWAY);
  int64_t begin_us = g_get_monotonic_time ();
  fts_member_leave (r.member);
  /* the I/O time-out is 30 s */
  ck_assert_int_lt (g_get_monotonic_time () - begin_us, 10 * G_USEC_PER_SEC);
  r.member = NULL;
  rejoin_end (&r);
}

START_TEST (test_leaving_without_a_path_takes_a_moment)
{
  leave_without_a_path (false);
  leave_without_a_path (true);
}
END_TEST

FTS_SUITE ("volume/rejoin", test_a_silent_member_joins_again_as_another_incarnation,
           test_nobody_has_to_have_found_it_dead,
           test_an_incarnation_lasts_as_long_as_somebody_holds_it,
           test_its_key_is_another_one_and_the_old_one_is_gone,
           test_who_was_preempted_in_silence_joins_again_who_was_not_silent_does_not,
           test_a_stranger_in_the_entry_ends_it_for_good,
           test_a_volume_that_was_formatted_meanwhile_is_not_joined,
           test_leaving_without_a_path_takes_a_moment)
