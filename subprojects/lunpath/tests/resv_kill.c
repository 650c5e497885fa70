/* resv_kill.c - trouble at each step of each reservation procedure: a process that is killed, an
 * answer that is lost.
 *
 * For each procedure, path and N, a process carries the procedure out with a fault rule on that path:
 *   - SIGKILL before, or after, its Nth command;
 *   - the Nth command is executed and its answer lost, or is lost itself: the procedure must do its
 *     work all the same, data must go over both paths, and releasing must leave nothing.
 * Then, in processes of their own:
 *   1. the survivor: the same host with a new key, with the same one, or with other initiator ports
 *      (so that the old registrations are orphans); or another host.  It must get the LUN by its normal rules: without force unless another host was let in before, and
 *      writes over both of its paths.
 *   2. the host that was killed, again: it gets the LUN without force, writes, and leaves nothing.
 * A procedure has been through when it ended before its Nth command.
 *
 * On the emulation all of that.  With device names in LUNPATH_KILL (two paths each, blanks between:
 * hosts a, b, c, and a with other ports) on what is there; LUNPATH_KILL_EVERY=K takes every Kth step
 * only, one of the survivors in turn, and for K above 1 one path and rule for each procedure.
 *
 * This program opens no device itself: all that does is forked off, from a single thread.
 */
#include "lun.h"

#include "base/pr.h"
#include "path/device.h"
#include "path/io.h"
#include "reservation/reservation.h"

#include <lunpath/paths.h>
#include <lunpath/reservation.h>

#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#define VOLUME     78
#define STEPS_MAX  80
#define TIMEOUT_MS 20000
#define THROUGH    3 /* status of a process to which nothing happened */

/* In a child: says what went wrong, and ends it. */
#define MUST(condition, ...)                                           \
  do {                                                                 \
    if (!(condition)) {                                                \
      fprintf (stderr, "%s:%d: %s: ", __FILE__, __LINE__, #condition); \
      fprintf (stderr, __VA_ARGS__);                                   \
      fputc ('\n', stderr);                                            \
      _exit (9);                                                       \
    }                                                                  \
  } while (0)

static const char *text_of (const GError *error);

/* ---- hosts ---- */

typedef struct {
  char *names[4];   /* devices of host a, b, c, and a with other ports */
  char *armed;      /* the rule is awake while this file exists */
  char *image;      /* of the emulation; NULL on a target */
  unsigned every;   /* 0 = exhaustive */
  unsigned n_steps; /* at which something happened */
} Lab;

typedef struct {
  LunDevice *device;
  LunReservation *r;
  char **paths;
} Host;

static const char *
text_of (const GError *error)
{
  return error ? error->message : "no error";
}

static uint64_t
key_of (char host, uint32_t generation)
{
  return lun_resv_key (VOLUME, (uint32_t) host, generation);
}

static bool
is_no_orphan (uint64_t key, void *user_data)
{
  return false;
}

/* DEVICE is a name. */
static Host
host_open (const char *device, uint64_t key, LunPrType type, bool has_orphans)
{
  const char *const paths[] = { device, NULL };
  LunReservationConfig config = { .key = key,
                                  .type = type,
                                  .is_orphan = has_orphans ? NULL : is_no_orphan };
  g_autoptr (GError) error = NULL;
  Host host = { .paths = lun_path_name_split (device) };

  host.device = lun_device_open (&(LunDeviceConfig){ .paths = paths,
                                                     .timeout_ms = TIMEOUT_MS,
                                                     .may_lack_size = true },
                                 &error);
  MUST (host.device, "%s", text_of (error));
  host.r = lun_reservation_new (host.device, &config);
  return host;
}

static void
host_close (Host *host)
{
  lun_reservation_free (host->r);
  lun_device_close (host->device);
  g_strfreev (host->paths);
}

static void
must_open (Host *host, LunResvOption option)
{
  g_autoptr (GError) error = NULL;
  bool ok = lun_reservation_open (host->r, option, &error);

  MUST (ok, "%s", text_of (error));
}

static void
must_write (Host *host)
{
  uint8_t *block = g_malloc0 (4096);
  size_t len = lun_device_facts (host->device)->block_size;

  for (unsigned i = 0; i < 2; i++) {
    struct iovec iov = { block, len };
    LunIo io = { .op = LUN_OP_WRITE,
                 .lba = 3,
                 .blocks = 1,
                 .iov = &iov,
                 .n_iov = 1,
                 .via_path = host->device->paths[i].name };
    g_autoptr (GError) error = NULL;
    lun_io_run (host->device, &io, false);
    bool ok = lun_device_check (host->device, &io, &error);
    MUST (ok, "over path %u: %s", i, text_of (error));
  }
  g_free (block);
}

static void
must_close (Host *host)
{
  g_autoptr (GError) error = NULL;
  bool ok = lun_reservation_close (host->r, &error);

  MUST (ok, "%s", text_of (error));
}

static bool
is_registered (Host *host, uint64_t key)
{
  g_autoptr (GError) error = NULL;
  LunResvView view;
  bool found = false;

  MUST (lun_reservation_read (host->r, &view, &error), "%s", text_of (error));
  for (guint i = 0; i < view.keys->len; i++)
    found |= key == 0 || g_array_index (view.keys, uint64_t, i) == key;
  lun_resv_view_clear (&view);
  return found;
}

/* ---- procedures ---- */

typedef enum {
  BEFORE_FREE,
  BEFORE_STRANGER, /* host c holds the LUN alone */
  BEFORE_MEMBER,   /* host c is a member */
  BEFORE_RETAINED, /* host a retained its reservation */
} Before;

typedef struct {
  const char *name;
  LunPrType type; /* 7, 5: shared */
  Before before;
  void (*prepare) (Lab *lab, Host *a); /* or NULL */
  void (*run) (Lab *lab, Host *a);
  unsigned n_paths; /* of the device when it is opened; 0 = both */
  bool by_emulation_only;
} Procedure;

static void
open_default (Lab *lab, Host *a)
{
  must_open (a, LUN_RESV_DEFAULT);
}

static void
open_refused (Lab *lab, Host *a)
{
  g_autoptr (GError) error = NULL;
  bool ok = lun_reservation_open (a->r, LUN_RESV_DEFAULT, &error);

  MUST (!ok && g_error_matches (error, LUN_ERROR, LUN_ERROR_RESERVED), "%s",
        text_of (error));
}

static void
open_forced (Lab *lab, Host *a)
{
  must_open (a, LUN_RESV_FORCED);
}

static void
open_retain (Lab *lab, Host *a)
{
  must_open (a, LUN_RESV_RETAIN);
}

static void
open_no_reserve (Lab *lab, Host *a)
{
  must_open (a, LUN_RESV_NO_RESERVE);
}

static void
open_single (Lab *lab, Host *a)
{
  must_open (a, LUN_RESV_SINGLE);
}

static void
open_shared (Lab *lab, Host *a)
{
  must_open (a, LUN_RESV_SHARED);
}

static void
register_only (Lab *lab, Host *a)
{
  g_autoptr (GError) error = NULL;
  bool ok = lun_reservation_register (a->r, &error);

  MUST (ok, "%s", text_of (error));
}

static void
run_takeover (Lab *lab, Host *a)
{
  g_autoptr (GError) error = NULL;
  bool ok = lun_reservation_takeover (a->r, &error);

  MUST (ok, "%s", text_of (error));
}

static void
run_fence (Lab *lab, Host *a)
{
  g_autoptr (GError) error = NULL;
  bool ok = lun_reservation_fence (a->r, key_of ('c', 1), &error);

  MUST (ok, "%s", text_of (error));
}

static void
run_close (Lab *lab, Host *a)
{
  must_close (a);
}

static void
run_remove (Lab *lab, Host *a)
{
  g_autoptr (GError) error = NULL;
  bool ok = lun_reservation_remove (a->r, &error);

  MUST (ok, "%s", text_of (error));
}

static void
run_clear (Lab *lab, Host *a)
{
  g_autoptr (GError) error = NULL;
  bool ok = lun_reservation_clear (a->r, &error);

  MUST (ok, "%s", text_of (error));
}

/* Paths in memory are checked when somebody wants them. */
static void
use (Host *a)
{
  uint8_t block[4096];

  lun_device_read (a->device, 0, block, lun_device_facts (a->device)->block_size,
                   LUN_PRIO_BULK, NULL);
  g_usleep (1000);
}

static void
run_add_path (Lab *lab, Host *a)
{
  g_autoptr (GError) error = NULL;
  bool ok = lun_device_add_path (a->device, a->paths[1], &error);

  MUST (ok, "%s", text_of (error));
  while (!lun_path_is_usable (&a->device->paths[1])) /* or the alarm */
    use (a);
}

static void
remove_path (Host *a, unsigned path)
{
  g_autoptr (GError) error = NULL;
  const char *name = a->device->paths[path].name;

  /* the only other path may have just failed */
  while (!lun_reservation_remove_path (a->r, name, &error)) {
    MUST (g_error_matches (error, LUN_ERROR, LUN_ERROR_NO_PATH), "%s", text_of (error));
    g_clear_error (&error);
    use (a);
  }
}

static void
run_remove_holders_path (Lab *lab, Host *a)
{
  remove_path (a, 0);
}

static void
run_remove_other_path (Lab *lab, Host *a)
{
  remove_path (a, 1);
}

/* The holder's path dies: PREEMPT with our own key. */
static void
run_move (Lab *lab, Host *a)
{
  g_autoptr (GError) error = NULL;
  bool ok = lun_reservation_path_down (a->r, a->device->paths[0].name, &error);

  MUST (ok, "%s", text_of (error));
}

static void
run_rejoin (Lab *lab, Host *a)
{
  const char *path = a->device->paths[1].name;
  g_autoptr (GError) error = NULL;
  bool ok = lun_reservation_path_down (a->r, path, &error) &&
            lun_reservation_path_up (a->r, path, &error);

  MUST (ok, "%s", text_of (error));
}

/* Each path registers again: some targets take registrations away at a reset. */
static void
run_check_after_reset (Lab *lab, Host *a)
{
  g_autoptr (GError) error = NULL;
  bool ok = lun_transport_reset (a->device->paths[0].transport, &error);

  MUST (ok || g_error_matches (error, LUN_ERROR, LUN_ERROR_UNSUPPORTED) ||
          g_error_matches (error, LUN_ERROR, LUN_ERROR_IO),
        "%s", text_of (error));
  g_clear_error (&error);
  pthread_mutex_lock (&a->r->lock);
  a->r->saw_reset = true;
  pthread_mutex_unlock (&a->r->lock);
  ok = lun_reservation_check (a->r, &error);
  MUST (ok, "%s", text_of (error));
}

static void
run_check_after_power_loss (Lab *lab, Host *a)
{
  g_autoptr (GError) error = NULL;
  LunEmul *emul = lun_emul_open (lab->image, false, &error);

  MUST (emul, "%s", text_of (error));
  lun_emul_power_cycle (emul);
  lun_emul_close (emul);
  bool ok = lun_reservation_check (a->r, &error);
  MUST (ok, "%s", text_of (error));
}

static const Procedure procedures[] = {
  { "default open", 0, BEFORE_FREE, NULL, open_default, 0, false },
  { "default open, refused", 0, BEFORE_STRANGER, NULL, open_refused, 0, false },
  { "forced open", 0, BEFORE_STRANGER, NULL, open_forced, 0, false },
  { "forced open, members", 0, BEFORE_MEMBER, NULL, open_forced, 0, false },
  { "forced open, free", 0, BEFORE_FREE, NULL, open_forced, 0, false },
  { "retain", 0, BEFORE_FREE, NULL, open_retain, 0, false },
  { "retain, again", 0, BEFORE_RETAINED, NULL, open_retain, 0, false },
  { "no reserve", 0, BEFORE_RETAINED, NULL, open_no_reserve, 0, false },
  { "single", 0, BEFORE_FREE, NULL, open_single, 0, false },
  { "close", 0, BEFORE_FREE, open_default, run_close, 0, false },
  { "remove", 0, BEFORE_RETAINED, NULL, run_remove, 0, false },
  { "clear", 0, BEFORE_FREE, open_default, run_clear, 0, false },
  { "add a path", 0, BEFORE_FREE, open_default, run_add_path, 1, false },
  { "remove the holder's path", 0, BEFORE_FREE, open_default, run_remove_holders_path,
    0, false },
  { "remove another path", 0, BEFORE_FREE, open_default, run_remove_other_path, 0,
    false },
  { "holder's path dies", 0, BEFORE_FREE, open_default, run_move, 0, false },
  { "rejoin", 0, BEFORE_FREE, open_default, run_rejoin, 0, false },
  { "reset", 0, BEFORE_FREE, open_default, run_check_after_reset, 0, false },
  { "power loss", 0, BEFORE_FREE, open_default, run_check_after_power_loss, 0, true },
  { "takeover when the holder left", 5, BEFORE_FREE, register_only, run_takeover, 0,
    false },
  { "join, type 7, first", 7, BEFORE_FREE, NULL, open_shared, 0, false },
  { "join, type 7", 7, BEFORE_MEMBER, NULL, open_shared, 0, false },
  { "join, type 5", 5, BEFORE_MEMBER, NULL, open_shared, 0, false },
  { "leave, type 7", 7, BEFORE_MEMBER, open_shared, run_close, 0, false },
  { "leave, type 5", 5, BEFORE_FREE, open_shared, run_close, 0, false },
  { "fence, type 7", 7, BEFORE_MEMBER, open_shared, run_fence, 0, false },
  { "fence, type 5", 5, BEFORE_MEMBER, open_shared, run_fence, 0, false },
  { "reset, type 7", 7, BEFORE_MEMBER, open_shared, run_check_after_reset, 0, false },
  { "power loss, type 7", 7, BEFORE_FREE, open_shared, run_check_after_power_loss, 0,
    true },
};

/* ---- children ---- */

typedef enum {
  SURVIVOR_SAME,      /* host a, new key */
  SURVIVOR_SAME_KEY,  /* host a, the same key, as commands of fts-admin have it */
  SURVIVOR_NEW_PORTS, /* host a, a new key, other initiator ports */
  SURVIVOR_OTHER,     /* host b */
  N_SURVIVORS,
} Survivor;

typedef struct {
  Lab *lab;
  const Procedure *procedure;
  unsigned path; /* that has the rule */
  const char *rule;
  unsigned step;
  Survivor survivor;
} Case;

static int
in_child (void (*work) (const Case *), const Case *one)
{
  int status;
  pid_t pid = fork ();

  ck_assert_int_ge (pid, 0);
  if (pid == 0) {
    alarm (60);
    work (one);
    _exit (0);
  }
  ck_assert_int_eq (waitpid (pid, &status, 0), pid);
  return status;
}

/* Leaves an older key of host a, c's as a holder or member. */
static void
set_the_scene (const Case *one)
{
  const Procedure *p = one->procedure;
  bool is_ours = p->before == BEFORE_RETAINED, is_member = p->before == BEFORE_MEMBER;
  Host host =
    host_open (one->lab->names[is_ours ? 0 : 2], key_of (is_ours ? 'a' : 'c', 1),
               is_member && p->type == 0 ? LUN_PR_WRITE_EXCLUSIVE_ALL : p->type, true);

  must_open (&host, is_member ? LUN_RESV_SHARED : LUN_RESV_RETAIN);
  host_close (&host); /* of the object: nothing is given up */
}

static char *
name_with_rule (const Case *one)
{
  g_auto (GStrv) paths = lun_path_name_split (one->lab->names[0]);
  char *bad = g_strdup_printf ("fault(%s:after=%u:op=cdb/reset:while=%s)+%s", one->rule,
                               one->step, one->lab->armed, paths[one->path]);

  g_free (paths[one->path]);
  paths[one->path] = bad;
  return g_strjoinv ("|", paths);
}

static Host
do_procedure (const Case *one)
{
  const Procedure *p = one->procedure;
  g_autofree char *name = name_with_rule (one);
  g_auto (GStrv) paths = lun_path_name_split (name);
  Host a =
    host_open (p->n_paths == 1 ? paths[0] : name, key_of ('a', 1), p->type, true);

  g_strfreev (a.paths);
  a.paths = g_strdupv (paths);
  if (p->prepare)
    p->prepare (one->lab, &a);
  MUST (g_file_set_contents (one->lab->armed, "", 0, NULL), "%s", one->lab->armed);
  p->run (one->lab, &a);
  g_unlink (one->lab->armed);
  return a;
}

static void
die_on_the_way (const Case *one)
{
  do_procedure (one);
  _exit (THROUGH); /* without a word of farewell */
}

static void
count_fired (const char *path, const char *layer, const char *key, uint64_t value,
             void *user_data)
{
  if (g_str_equal (layer, "fault"))
    *(uint64_t *) user_data += value;
}

static void
go_on (const Case *one)
{
  const Procedure *p = one->procedure;
  Host a = do_procedure (one);
  g_autoptr (GError) error = NULL;
  uint64_t n_fired = 0;

  lun_device_visit_stats (a.device, count_fired, &n_fired);
  if (lun_reservation_state (a.r) != LUN_RESV_NONE) {
    if (p->run != run_remove_holders_path && p->run != run_remove_other_path)
      must_write (&a);
    MUST (lun_reservation_remove (a.r, &error), "%s", text_of (error));
  }
  if (p->run != open_retain)
    MUST (!is_registered (&a, key_of ('a', 1)), "our key is left");
  host_close (&a);
  _exit (n_fired > 0 ? 0 : THROUGH);
}

static bool
is_shared (const Procedure *p)
{
  return p->type == 5 || p->type == 7;
}

/* As a member does with a dead one. */
static void
shut_out (Host *host, uint64_t key)
{
  g_autoptr (GError) error = NULL;

  if (is_registered (host, key))
    MUST (lun_reservation_fence (host->r, key, &error), "%s", text_of (error));
  MUST (!is_registered (host, key), "a key is still there");
}

static bool
needs_force (const Case *one, const GError *error)
{
  return g_error_matches (error, LUN_ERROR, LUN_ERROR_RESERVED) &&
         (one->survivor == SURVIVOR_OTHER ||
          one->procedure->before == BEFORE_STRANGER ||
          one->procedure->before == BEFORE_MEMBER);
}

static void
open_alone (const Case *one, Host *host)
{
  g_autoptr (GError) error = NULL;

  if (lun_reservation_open (host->r, LUN_RESV_DEFAULT, &error))
    return;
  MUST (needs_force (one, error), "%s", text_of (error));
  must_open (host, LUN_RESV_FORCED);
}

static void
survive (const Case *one)
{
  const Procedure *p = one->procedure;
  static const unsigned names[N_SURVIVORS] = { 0, 0, 3, 1 };
  uint64_t key = one->survivor == SURVIVOR_OTHER
                   ? key_of ('b', 1)
                   : key_of ('a', one->survivor == SURVIVOR_SAME_KEY ? 1 : 2);
  Host host = host_open (one->lab->names[names[one->survivor]], key, p->type,
                         one->survivor != SURVIVOR_SAME_KEY);

  if (is_shared (p)) {
    must_open (&host, LUN_RESV_SHARED);
    must_write (&host);
    if (key != key_of ('a', 1))
      shut_out (&host, key_of ('a', 1));
    shut_out (&host, key_of ('c', 1));
  } else {
    open_alone (one, &host);
    shut_out (&host, key_of ('c', 1)); /* a member whose reservation is gone */
  }
  must_write (&host);
  must_close (&host);
  host_close (&host);
}

static void
come_back (const Case *one)
{
  Host host =
    host_open (one->lab->names[0], key_of ('a', 3), one->procedure->type, true);

  must_open (&host, is_shared (one->procedure) ? LUN_RESV_SHARED : LUN_RESV_DEFAULT);
  must_write (&host);
  must_close (&host);
  MUST (!is_registered (&host, 0), "a key is left");
  host_close (&host);
}

/* What a test before this one left behind. */
static void
clean (const Case *one)
{
  Host host = host_open (one->lab->names[1], key_of ('b', 9), 0, true);

  if (is_registered (&host, 0)) {
    register_only (one->lab, &host);
    run_clear (one->lab, &host);
  }
  host_close (&host);
}

/* ---- the loops ---- */

static void
must_end_well (int status, const Case *one, const char *who)
{
  ck_assert_msg (WIFEXITED (status) && WEXITSTATUS (status) == 0,
                 "%s, %s, step %u of path %u, survivor %d: %s: status %x",
                 one->procedure->name, one->rule, one->step, one->path, one->survivor,
                 who, (unsigned) status);
}

static bool
is_killed (int status)
{
  return WIFSIGNALED (status) && WTERMSIG (status) == SIGKILL;
}

/* True when there was no such step. */
static bool
try_step (const Case *one)
{
  if (one->procedure->before != BEFORE_FREE)
    must_end_well (in_child (set_the_scene, one), one, "the scene");
  bool kills = g_str_has_prefix (one->rule, "kill");
  int status = in_child (kills ? die_on_the_way : go_on, one);
  bool is_through = WIFEXITED (status) && WEXITSTATUS (status) == THROUGH;
  if (!is_through && (!kills || !is_killed (status)))
    must_end_well (status, one, "the procedure");
  g_unlink (one->lab->armed);
  must_end_well (in_child (survive, one), one, "the survivor");
  must_end_well (in_child (come_back, one), one, "the killed one, again");
  one->lab->n_steps += !is_through;
  return is_through;
}

static void
try_steps (Case *one, bool all_survivors)
{
  unsigned stride = MAX (one->lab->every, 1), n = 0;
  bool is_through = false;

  for (one->step = (unsigned) rand () % stride; !is_through; one->step += stride) {
    ck_assert_uint_lt (one->step, STEPS_MAX);
    for (int k = 0; k < (all_survivors ? N_SURVIVORS : 1); k++) {
      one->survivor = (Survivor) (((unsigned) k + n + one->path) % N_SURVIVORS);
      is_through = try_step (one);
    }
    n++;
  }
}

static Lab lab;

static char *
emulated_host (const FileLun *lun, char name, bool other_ports)
{
  int first = other_ports ? 3 : 1;

  return g_strdup_printf ("%s?path=%d&host=%c|%s?path=%d&host=%c", lun->name, first,
                          name, lun->name, first + 1, name);
}

static void
open_lab (FileLun *lun)
{
  const char *given = g_getenv ("LUNPATH_KILL");
  const char *every = g_getenv ("LUNPATH_KILL_EVERY");
  g_auto (GStrv) hosts = given ? g_strsplit (given, " ", -1) : NULL;

  *lun = file_lun_new (64 << 10, 512);
  lab = (Lab){ .armed = g_build_filename (lun->dir, "armed", NULL),
               .every = every ? (unsigned) atoi (every) : 0 };
  ck_assert (!hosts || g_strv_length (hosts) == 4);
  for (int i = 0; i < 4; i++)
    lab.names[i] = hosts ? g_strdup (hosts[i]) : emulated_host (lun, "abca"[i], i == 3);
  if (!hosts)
    lab.image = g_strdup (lun->image);
}

static void
close_lab (void)
{
  for (int i = 0; i < 4; i++)
    g_free (lab.names[i]);
  g_free (lab.armed);
  g_free (lab.image);
}

static bool
is_here (const Procedure *p)
{
  return lab.image || !p->by_emulation_only;
}

static void
try_rules (const Procedure *p, const char *const rules[2], bool all_survivors)
{
  g_auto (FileLun) lun = { 0 };

  open_lab (&lun);
  srand ((unsigned) (p - procedures));
  Case first = { .lab = &lab, .procedure = p, .rule = rules[0] };
  must_end_well (in_child (clean, &first), &first, "cleaning");
  for (unsigned k = 0; is_here (p) && k < 4; k++) {
    if (lab.every > 1 && k != (unsigned) (p - procedures) % 4)
      continue;
    Case one = { .lab = &lab, .procedure = p, .path = k / 2, .rule = rules[k % 2] };
    try_steps (&one, all_survivors && lab.every == 0);
  }
  fprintf (stderr, "# %s: trouble at %u steps\n", p->name, lab.n_steps);
  ck_assert (lab.n_steps > 0 || lab.every > 1 || !is_here (p));
  close_lab ();
}

START_TEST (test_killed_at_any_step_the_lun_stays_usable)
{
  static const char *const rules[] = { "kill:when=before", "kill:when=done" };

  try_rules (&procedures[_i], rules, true);
}
END_TEST

START_TEST (test_a_lost_answer_or_command_is_made_up_for_at_any_step)
{
  static const char *const rules[] = { "lose-answer:count=1",
                                       "fail:as=transport:count=1" };

  try_rules (&procedures[_i], rules, false);
}
END_TEST

int
main (void)
{
  const TTest *const loops[] = {
    test_killed_at_any_step_the_lun_stays_usable,
    test_a_lost_answer_or_command_is_made_up_for_at_any_step
  };

  return lun_suite_run_loops ("lunpath/resv_kill", loops, 2, G_N_ELEMENTS (procedures),
                              NULL, 0);
}
