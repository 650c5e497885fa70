/* Members of one volume: who is alive, who is dead, what is left of the dead. */
#include "fixture.h"

#include "base/error.h"
#include "volume/head.h"
#include "volume/membership.h"
#include "volume/pidtab.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/wait.h>

#define MIB (UINT64_C (1) << 20)

typedef struct {
  FtsVolume *volume;
  FtsMember *member;
  atomic_int deaths;
} Host;

static void
count_death (uint32_t index, uint64_t generation, void *user_data)
{
  atomic_fetch_add (&((Host *) user_data)->deaths, 1);
}

static bool
host_join (Host *host, const Lab *lab, const char *name, FtsHostRole role,
           GError **error)
{
  FtsMemberConfig config = { .name = name,
                             .role = role,
                             .program = "test",
                             .on_peer_dead = count_death,
                             .user_data = host };

  *host = (Host){ .volume = lab_open (lab, name, error) };
  if (host->volume == NULL)
    return false;
  host->member = fts_member_join (host->volume, &config, error);
  return host->member != NULL;
}

static void
host_leave (Host *host)
{
  fts_member_leave (host->member);
  fts_volume_close (host->volume);
}

static void
start (Host *host, const Lab *lab, const char *name, FtsHostRole role)
{
  g_autoptr (GError) error = NULL;

  host_join (host, lab, name, role, &error);
  lab_assert_ok (error);
}

#define wait_for(condition)                                              \
  do {                                                                   \
    int64_t limit = g_get_monotonic_time () + 10 * G_USEC_PER_SEC;       \
    while (!(condition)) {                                               \
      ck_assert_msg (g_get_monotonic_time () < limit, "%s", #condition); \
      g_usleep (2000);                                                   \
    }                                                                    \
  } while (0)

static void
allocate (Host *from, uint32_t slot, const FtsHost *peer, FtsConRc rc)
{
  FtsPid pid;
  const FtsHost *self = fts_member_self (from->member);

  ck_assert (fts_member_lock (from->member, NULL));
  ck_assert (fts_pidtab_load (from->volume, slot, &pid, NULL));
  pid.pro_flag_process = FTS_PRO_FLAG_ALLOCATED;
  pid.pro_con_rc = rc;
  pid.epoch++;
  pid.service = FTS_SERVICE_FILES;
  pid.requestor_index = self->index;
  pid.requestor_generation = self->generation;
  pid.requestee_index = peer->index;
  pid.requestee_generation = peer->generation;
  ck_assert (fts_pidtab_store (from->volume, &pid, NULL));
  fts_member_unlock (from->member);
}

/* A member in a process of its own, which has joined and has connection 1.  To be called
 * before this process has threads. */
static pid_t
fork_member (const Lab *lab, const char *name, FtsHostRole role)
{
  int pipe_fds[2];
  char byte;
  pid_t pid;

  ck_assert_int_eq (pipe (pipe_fds), 0);
  pid = fork ();
  ck_assert_int_ge (pid, 0);
  if (pid == 0) {
    Host host;
    if (!host_join (&host, lab, name, role, NULL))
      _exit (1);
    allocate (&host, 1, fts_member_self (host.member), FTS_CON_OK);
    if (write (pipe_fds[1], "j", 1) != 1)
      _exit (1);
    for (;;)
      pause ();
  }
  close (pipe_fds[1]);
  ck_assert_int_eq (read (pipe_fds[0], &byte, 1), 1);
  close (pipe_fds[0]);
  return pid;
}

static void
make_lab (Lab *lab, FtsLockMethod method)
{
  lab_init (lab, 1, 2 * MIB, 512);
  lab->wish.lock_method = method;
  lab_format (lab);
}

START_TEST (test_members_see_each_other)
{
  Lab lab;
  Host a, b;
  FtsHost found;

  make_lab (&lab, FTS_LOCK_CAW);
  start (&a, &lab, "a", FTS_ROLE_SERVER);
  start (&b, &lab, "b", FTS_ROLE_MOUNT);
  ck_assert (fts_member_find (b.member, "a", FTS_ROLE_SERVER, true, &found));
  ck_assert_uint_eq (found.generation, fts_member_self (a.member)->generation);
  ck_assert (fts_member_find (a.member, "b", FTS_ROLE_MOUNT, true, &found));
  ck_assert (!fts_member_find (a.member, "b", FTS_ROLE_SERVER, true, &found));
  host_leave (&a);
  host_leave (&b);
  lab_clear (&lab);
}
END_TEST

START_TEST (test_a_member_that_leaves_is_reported)
{
  Lab lab;
  Host a, b;

  make_lab (&lab, FTS_LOCK_CAW);
  start (&a, &lab, "a", FTS_ROLE_SERVER);
  start (&b, &lab, "b", FTS_ROLE_MOUNT);
  uint32_t index = fts_member_self (a.member)->index;
  uint64_t generation = fts_member_self (a.member)->generation;
  host_leave (&a);
  wait_for (atomic_load (&b.deaths) == 1);
  ck_assert (!fts_member_is_alive (b.member, index, generation));
  host_leave (&b);
  lab_clear (&lab);
}
END_TEST

START_TEST (test_a_live_servers_name_is_refused)
{
  Lab lab;
  Host a, b;
  g_autoptr (GError) error = NULL;

  make_lab (&lab, FTS_LOCK_CAW);
  start (&a, &lab, "a", FTS_ROLE_SERVER);
  ck_assert (!host_join (&b, &lab, "a", FTS_ROLE_SERVER, &error));
  lab_assert_error (error, FTS_ERROR, FTS_ERROR_BUSY);
  host_leave (&b);
  host_leave (&a);
  lab_clear (&lab);
}
END_TEST

START_TEST (test_mounts_of_one_name_are_numbered)
{
  Lab lab;
  Host a, b, c;

  make_lab (&lab, FTS_LOCK_CAW);
  start (&a, &lab, "a", FTS_ROLE_MOUNT);
  start (&b, &lab, "a", FTS_ROLE_MOUNT);
  start (&c, &lab, "a", FTS_ROLE_MOUNT);
  ck_assert_str_eq (fts_member_self (b.member)->name, "a.2");
  ck_assert_str_eq (fts_member_self (c.member)->name, "a.3");
  host_leave (&a);
  host_leave (&b);
  host_leave (&c);
  lab_clear (&lab);
}
END_TEST

START_TEST (test_a_full_table_refuses_the_next_one)
{
  Lab lab;
  Host hosts[3];
  g_autoptr (GError) error = NULL;

  lab_init (&lab, 1, 2 * MIB, 512);
  lab.wish.hosts = 2;
  lab_format (&lab);
  start (&hosts[0], &lab, "a", FTS_ROLE_SERVER);
  start (&hosts[1], &lab, "b", FTS_ROLE_SERVER);
  ck_assert (!host_join (&hosts[2], &lab, "c", FTS_ROLE_SERVER, &error));
  lab_assert_error (error, FTS_ERROR, FTS_ERROR_NO_SLOT);
  for (int i = 2; i >= 0; i--)
    host_leave (&hosts[i]);
  lab_clear (&lab);
}
END_TEST

START_TEST (test_a_killed_process_is_found_dead_and_its_entry_freed)
{
  Lab lab;
  Host a;
  FtsHost found;

  make_lab (&lab, FTS_LOCK_CAW);
  pid_t pid = fork_member (&lab, "b", FTS_ROLE_MOUNT);
  start (&a, &lab, "a", FTS_ROLE_SERVER);
  ck_assert (fts_member_find (a.member, "b", FTS_ROLE_MOUNT, true, &found));
  kill (pid, SIGKILL);
  waitpid (pid, NULL, 0);
  wait_for (atomic_load (&a.deaths) == 1);
  FtsHost table[FTS_MAX_HOSTS];
  uint32_t damaged;
  wait_for (fts_hosttab_load_all (a.volume, table, &damaged, NULL) &&
            table[found.index].state == FTS_HOST_FREE);
  host_leave (&a);
  lab_clear (&lab);
}
END_TEST

START_TEST (test_a_stopped_process_is_dead_after_the_dead_time_and_fences_itself)
{
  Lab lab;
  Host a;
  int pipe_fds[2];
  char verdict = 0;

  make_lab (&lab, FTS_LOCK_CAW);
  ck_assert_int_eq (pipe (pipe_fds), 0);
  pid_t pid = fork ();
  if (pid == 0) {
    Host b;
    g_log_set_default_handler (g_log_default_handler, NULL);
    start (&b, &lab, "b", FTS_ROLE_MOUNT);
    ck_assert_int_eq (write (pipe_fds[1], "j", 1), 1);
    wait_for (fts_member_is_fenced (b.member));
    ck_assert_int_eq (write (pipe_fds[1], "f", 1), 1);
    _exit (0);
  }
  ck_assert_int_eq (read (pipe_fds[0], &verdict, 1), 1);
  start (&a, &lab, "a", FTS_ROLE_SERVER);
  wait_for (fts_member_find (a.member, "b", FTS_ROLE_MOUNT, true, &(FtsHost){ 0 }));
  ck_assert_int_eq (kill (pid, SIGSTOP), 0);
  int64_t stopped_us = g_get_monotonic_time ();
  wait_for (atomic_load (&a.deaths) == 1);
  ck_assert_int_ge (g_get_monotonic_time () - stopped_us, 200 * 1000);
  kill (pid, SIGCONT);
  ck_assert_int_eq (read (pipe_fds[0], &verdict, 1), 1);
  ck_assert_int_eq (verdict, 'f');
  waitpid (pid, NULL, 0);
  host_leave (&a);
  lab_clear (&lab);
}
END_TEST

START_TEST (test_a_dead_servers_name_is_free_again)
{
  Lab lab;
  Host a, b;

  make_lab (&lab, FTS_LOCK_CAW);
  pid_t pid = fork_member (&lab, "a", FTS_ROLE_SERVER);
  start (&b, &lab, "b", FTS_ROLE_MOUNT);
  ck_assert (fts_member_find (b.member, "a", FTS_ROLE_SERVER, true, &(FtsHost){ 0 }));
  kill (pid, SIGKILL);
  waitpid (pid, NULL, 0);
  start (&a, &lab, "a", FTS_ROLE_SERVER);
  ck_assert_str_eq (fts_member_self (a.member)->name, "a");
  wait_for (atomic_load (&b.deaths) == 1);
  host_leave (&a);
  host_leave (&b);
  lab_clear (&lab);
}
END_TEST

static bool
is_free (Host *host, uint32_t slot)
{
  FtsPid pid;

  return fts_pidtab_load (host->volume, slot, &pid, NULL) && pid.pro_flag_process == 0;
}

START_TEST (test_slots_of_a_killed_initiator_are_freed)
{
  Lab lab;
  Host a, b;
  FtsPid pid;

  make_lab (&lab, FTS_LOCK_CAW);
  pid_t child = fork_member (&lab, "c", FTS_ROLE_SERVER);
  start (&a, &lab, "a", FTS_ROLE_SERVER);
  start (&b, &lab, "b", FTS_ROLE_MOUNT);
  allocate (&b, 2, fts_member_self (a.member), FTS_CON_OK);
  kill (child, SIGKILL);
  waitpid (child, NULL, 0);
  wait_for (is_free (&a, 1));
  ck_assert (fts_pidtab_load (a.volume, 1, &pid, NULL));
  ck_assert_uint_eq (pid.epoch, 1);
  ck_assert (!is_free (&a, 2));
  host_leave (&b);
  host_leave (&a);
  lab_clear (&lab);
}
END_TEST

START_TEST (test_a_live_initiator_keeps_its_slot_unless_it_left_it)
{
  Lab lab;
  Host a;
  FtsHost victim;

  make_lab (&lab, FTS_LOCK_CAW);
  pid_t child = fork_member (&lab, "c", FTS_ROLE_SERVER);
  start (&a, &lab, "a", FTS_ROLE_MOUNT);
  ck_assert (fts_member_find (a.member, "c", FTS_ROLE_SERVER, true, &victim));
  allocate (&a, 2, &victim, FTS_CON_SHUTDOWN);
  allocate (&a, 3, &victim, FTS_CON_OK);
  kill (child, SIGKILL);
  waitpid (child, NULL, 0);
  wait_for (is_free (&a, 2));
  ck_assert (!is_free (&a, 3));
  host_leave (&a);
  lab_clear (&lab);
}
END_TEST

START_TEST (test_a_live_connector_has_the_dead_time_to_learn_of_the_death)
{
  Lab lab;
  Host a;
  FtsPid pid;

  make_lab (&lab, FTS_LOCK_CAW);
  pid_t child = fork_member (&lab, "c", FTS_ROLE_MOUNT);
  start (&a, &lab, "a", FTS_ROLE_SERVER);
  ck_assert (fts_pidtab_load (a.volume, 1, &pid, NULL));
  pid.requestee_index = fts_member_self (a.member)->index;
  pid.requestee_generation = fts_member_self (a.member)->generation;
  ck_assert (fts_pidtab_store (a.volume, &pid, NULL));
  int64_t killed_us = g_get_monotonic_time ();
  kill (child, SIGKILL);
  waitpid (child, NULL, 0);
  wait_for (is_free (&a, 1));
  ck_assert_int_ge (g_get_monotonic_time () - killed_us, 300 * 1000);
  host_leave (&a);
  lab_clear (&lab);
}
END_TEST

START_TEST (test_slots_of_a_silent_process_are_freed_when_its_writes_have_landed)
{
  Lab lab;
  Host a;

  make_lab (&lab, FTS_LOCK_CAW);
  pid_t child = fork_member (&lab, "c", FTS_ROLE_SERVER);
  start (&a, &lab, "a", FTS_ROLE_SERVER);
  ck_assert_int_eq (kill (child, SIGSTOP), 0);
  int64_t stopped_us = g_get_monotonic_time ();
  wait_for (is_free (&a, 1));
  /* dead time 300 ms less the age of the last heartbeat, and I/O time-out 100 ms */
  ck_assert_int_ge (g_get_monotonic_time () - stopped_us, 300 * 1000);
  ck_assert_int_eq (atomic_load (&a.deaths), 1);
  kill (child, SIGKILL);
  waitpid (child, NULL, 0);
  host_leave (&a);
  lab_clear (&lab);
}
END_TEST

START_TEST (test_a_member_that_cannot_write_its_heartbeat_stops_before_it_is_dead)
{
  Lab lab;
  Host a, b = { 0 };
  FtsMemberConfig config = { .name = "b", .role = FTS_ROLE_MOUNT };
  g_autoptr (GError) error = NULL;

  g_log_set_fatal_mask (NULL, G_LOG_LEVEL_ERROR);
  lab_init (&lab, 1, 2 * MIB, 512);
  lab.wish.heartbeat_ms =
    300; /* what lies between its end and its death, on a busy machine */
  lab.wish.dead_ms = 1200;
  lab_format (&lab);
  start (&a, &lab, "a", FTS_ROLE_SERVER);
  uint64_t entry = fts_volume_mcb (a.volume)->host_table_ptr + 1;
  g_autofree char *path = g_strdup_printf ("fault(fail-write:lba=%" G_GUINT64_FORMAT
                                           "-%" G_GUINT64_FORMAT ":after=3)+file:%s",
                                           entry, entry, lab.paths[0]);
  FtsVolumeSpec spec = { .volume = path };
  b.volume = fts_volume_open (&spec, &error);
  lab_assert_ok (error);
  b.member = fts_member_join (b.volume, &config, &error);
  lab_assert_ok (error);
  ck_assert_uint_eq (fts_member_self (b.member)->index, 1);
  uint64_t generation = fts_member_self (b.member)->generation;
  wait_for (fts_member_is_fenced (b.member));
  ck_assert (fts_member_is_alive (a.member, 1, generation));
  ck_assert (!fts_member_lock (b.member, &error));
  lab_assert_error (error, FTS_ERROR, FTS_ERROR_FENCED);
  wait_for (atomic_load (&a.deaths) == 1);
  host_leave (&b);
  host_leave (&a);
  lab_clear (&lab);
}
END_TEST

START_TEST (test_a_heartbeat_that_fails_once_does_no_harm)
{
  Lab lab;
  Host a = { 0 };
  FtsMemberConfig config = { .name = "a", .role = FTS_ROLE_MOUNT };
  g_autoptr (GError) error = NULL;
  LunStats stats;

  g_log_set_fatal_mask (NULL, G_LOG_LEVEL_ERROR);
  make_lab (&lab, FTS_LOCK_CAW);
  g_autofree char *path =
    g_strdup_printf ("fault(fail-write=1/4)+file:%s", lab.paths[0]);
  FtsVolumeSpec spec = { .volume = path };
  a.volume = fts_volume_open (&spec, &error);
  a.member = fts_member_join (a.volume, &config, &error);
  lab_assert_ok (error);
  do {
    g_usleep (20000);
    lun_device_get_stats (fts_volume_master (a.volume), &stats);
  } while (stats.writes < 16);
  ck_assert (!fts_member_is_fenced (a.member));
  host_leave (&a);
  lab_clear (&lab);
}
END_TEST

START_TEST (test_a_stranger_in_the_own_entry_stops_the_younger)
{
  Lab lab;
  Host a;

  make_lab (&lab, FTS_LOCK_CAW);
  start (&a, &lab, "a", FTS_ROLE_SERVER);
  FtsHost other = *fts_member_self (a.member);
  other.generation++;
  other.heartbeat = 1000000;
  wait_for (
    (fts_hosttab_store (a.volume, &other, NULL), fts_member_is_fenced (a.member)));
  ck_assert (!fts_member_lock (a.member, NULL));
  host_leave (&a);
  lab_clear (&lab);
}
END_TEST

START_TEST (test_an_idle_member_costs_one_write_and_one_read_a_period)
{
  Lab lab;
  Host a;
  LunStats before, after;

  lab_init (&lab, 1, 2 * MIB, 512);
  lab.wish.heartbeat_ms = 20;
  lab.wish.dead_ms = 2000;
  lab_format (&lab);
  start (&a, &lab, "a", FTS_ROLE_SERVER);
  g_usleep (100000);
  lun_device_get_stats (fts_volume_master (a.volume), &before);
  do {
    g_usleep (20000);
    lun_device_get_stats (fts_volume_master (a.volume), &after);
  } while (after.writes - before.writes < 32);
  ck_assert_uint_le (after.reads - before.reads, after.writes - before.writes + 4);
  host_leave (&a);
  lab_clear (&lab);
}
END_TEST

FTS_SUITE ("volume/membership", test_members_see_each_other,
           test_a_member_that_leaves_is_reported, test_a_live_servers_name_is_refused,
           test_mounts_of_one_name_are_numbered, test_a_full_table_refuses_the_next_one,
           test_a_killed_process_is_found_dead_and_its_entry_freed,
           test_a_stopped_process_is_dead_after_the_dead_time_and_fences_itself,
           test_a_dead_servers_name_is_free_again,
           test_slots_of_a_killed_initiator_are_freed,
           test_a_live_initiator_keeps_its_slot_unless_it_left_it,
           test_a_live_connector_has_the_dead_time_to_learn_of_the_death,
           test_slots_of_a_silent_process_are_freed_when_its_writes_have_landed,
           test_a_member_that_cannot_write_its_heartbeat_stops_before_it_is_dead,
           test_a_heartbeat_that_fails_once_does_no_harm,
           test_a_stranger_in_the_own_entry_stops_the_younger,
           test_an_idle_member_costs_one_write_and_one_read_a_period)
