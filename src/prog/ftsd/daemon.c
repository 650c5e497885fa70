#include "prog/ftsd/daemon.h"

#include "channel/door.h"
#include "fts/server.h"
#include "prog/common/control.h"
#include "prog/common/run_dir.h"
#include "prog/ftsd/notify.h"
#include "prog/ftsd/stats.h"
#include "volume/text.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#define DEFAULT_WORKERS  16u
#define MOST_DESCRIPTORS 65536u

typedef struct {
  FtsdOptions *options;
  FtsExports *exports;
  FtsServer *server;
  FtsVolume *volume;
  FtsMember *member;
  pthread_mutex_t lock; /* protects `door`: a peer's death may come before it is open */
  FtsDoor *door;
  sigset_t signals;
  FtsControl *control;
  bool wrote_pid_file;
} Daemon;

/* ---- start ---- */

static FtsExports *
load_exports (const FtsdOptions *options, GError **error)
{
  g_autoptr (FtsExports) exports = fts_exports_new ();

  if (options->config != NULL && !fts_exports_load (exports, options->config, error))
    return NULL;
  for (char **spec = options->exports; spec != NULL && *spec != NULL; spec++)
    if (!fts_exports_add (exports, *spec, error))
      return NULL;
  if (options->secrets != NULL &&
      !fts_exports_load_secrets (exports, options->secrets, error))
    return NULL;
  return g_steal_pointer (&exports);
}

bool
ftsd_daemon_check_config (const FtsdOptions *options, GError **error)
{
  g_autoptr (FtsExports) exports = load_exports (options, error);

  if (exports == NULL)
    return false;
  for (unsigned i = 0; i < fts_exports_count (exports); i++) {
    g_autofree char *line = fts_export_describe (fts_exports_get (exports, i));
    puts (line);
  }
  return true;
}

/* Each open file of each client is a descriptor. */
static void
raise_descriptor_limit (void)
{
  struct rlimit limit;

  if (getrlimit (RLIMIT_NOFILE, &limit) != 0)
    return;
  limit.rlim_cur = MAX (limit.rlim_cur, MIN (limit.rlim_max, MOST_DESCRIPTORS));
  setrlimit (RLIMIT_NOFILE, &limit);
}

static void
on_peer_dead (uint32_t index, uint64_t generation, void *user_data)
{
  Daemon *daemon = user_data;

  pthread_mutex_lock (&daemon->lock);
  if (daemon->door != NULL)
    fts_door_peer_dead (daemon->door, index, generation);
  pthread_mutex_unlock (&daemon->lock);
  fts_server_peer_dead (daemon->server, index, generation);
}

/* Mounts that were here before us may hold locks of an earlier server. */
static void
expect_mounts (Daemon *daemon)
{
  g_autofree FtsHost *mounts = g_new (FtsHost, FTS_MAX_HOSTS);
  unsigned n = fts_member_list (daemon->member, FTS_ROLE_MOUNT, mounts);

  for (unsigned i = 0; i < n; i++)
    fts_server_expect (daemon->server, mounts[i].index, mounts[i].generation);
}

/* All sessions have ended, and their locks with them. */
static void
on_return (void *user_data)
{
  expect_mounts (user_data);
}

static bool
join_volume (Daemon *daemon, GError **error)
{
  FtsVolumeOptions *volume = &daemon->options->volume;
  FtsMemberConfig config = { .role = FTS_ROLE_SERVER,
                             .program = "ftsd " FTS_VERSION,
                             .rejoins = true,
                             .on_peer_dead = on_peer_dead,
                             .on_return = on_return,
                             .user_data = daemon };

  daemon->volume = fts_volume_options_open (volume, false, error);
  if (daemon->volume == NULL)
    return false;
  config.name = volume->name;
  daemon->member = fts_member_join (daemon->volume, &config, error);
  return daemon->member != NULL;
}

static void
start_control (Daemon *daemon)
{
  const FtsVolumeOptions *volume = &daemon->options->volume;

  daemon->control = fts_control_start (
    &(FtsControlConfig){ .program = "ftsd",
                         .what = fts_member_self (daemon->member)->name,
                         .volume = daemon->volume,
                         .spec = fts_volume_options_spec (volume) });
}

static bool
open_door (Daemon *daemon, GError **error)
{
  int workers = daemon->options->workers;
  FtsDoorConfig config = {
    .service = FTS_SERVICE_FILES,
    .max_workers = workers > 0 ? (unsigned) workers : DEFAULT_WORKERS,
    .secret_of = fts_server_secret_of,
    .on_open = fts_server_on_open,
    .serve = fts_server_serve,
    .summoned = fts_server_summoned,
    .on_close = fts_server_on_close,
    .user_data = daemon->server,
  };
  expect_mounts (daemon);
  FtsDoor *door = fts_door_start (daemon->member, &config, error);

  if (door != NULL)
    fts_server_set_door (daemon->server, door);
  pthread_mutex_lock (&daemon->lock);
  daemon->door = door;
  pthread_mutex_unlock (&daemon->lock);
  return door != NULL;
}

/* What was answered outlives this process beside the key of handles, or where programs that run
 * leave their traces.  One member of a volume is one process. */
static void
remember_answers (Daemon *daemon)
{
  g_autofree char *run_dir = fts_run_dir ();
  const char *state_dir = daemon->options->state_dir;
  const char *dir = state_dir ? state_dir : run_dir;
  g_autofree char *uuid = fts_text_uuid (fts_volume_mcb (daemon->volume)->volume_uuid);
  g_autofree char *name =
    g_strdup_printf ("answers-%s-%s", uuid, fts_member_self (daemon->member)->name);
  g_autofree char *file = g_build_filename (dir, g_strdelimit (name, "/", '_'), NULL);
  g_autoptr (GError) error = NULL;

  if ((state_dir == NULL && !fts_run_dir_make (dir, &error)) ||
      !fts_server_remember (daemon->server, file, &error))
    g_warning ("%s: requests that a restart of this server interrupts may fail",
               error->message);
}

static bool
start (Daemon *daemon, GError **error)
{
  const FtsServerConfig config = {
    .state_dir = daemon->options->state_dir,
    .most_watches = (unsigned) daemon->options->watches,
  };

  raise_descriptor_limit ();
  daemon->exports = load_exports (daemon->options, error);
  if (daemon->exports == NULL)
    return false;
  daemon->server = fts_server_new_with (daemon->exports, &config, error);
  if (daemon->server == NULL || !join_volume (daemon, error))
    return false;
  remember_answers (daemon);
  if (!open_door (daemon, error))
    return false;
  start_control (daemon);
  return true;
}

/* ---- ready ---- */

static bool
write_pid_file (Daemon *daemon, GError **error)
{
  const char *file = daemon->options->pid_file;
  g_autofree char *text = g_strdup_printf ("%d\n", getpid ());

  if (file == NULL)
    return true;
  daemon->wrote_pid_file = g_file_set_contents (file, text, -1, error);
  return daemon->wrote_pid_file;
}

static bool
tell_ready (Daemon *daemon, FtsdBackground *background, GError **error)
{
  static const char text[] = "READY\n";
  int fd = daemon->options->ready_fd;

  if (!write_pid_file (daemon, error))
    return false;
  if (fd >= 0) {
    if (write (fd, text, strlen (text)) < 0)
      return fts_set_errno (error, errno, "--ready-fd %d", fd);
    close (fd);
  }
  if (daemon->options->foreground)
    fprintf (stderr, "ftsd: ready\n");
  g_message (
    "member %s of volume %s serves %u exports", fts_member_self (daemon->member)->name,
    fts_volume_mcb (daemon->volume)->volume_name, fts_exports_count (daemon->exports));
  ftsd_notify ("READY=1");
  ftsd_background_ready (background);
  return true;
}

/* ---- serving ---- */

static void
write_stats (Daemon *daemon)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *text =
    ftsd_stats_format (daemon->server, daemon->door, daemon->member);

  if (daemon->options->stats_file == NULL)
    g_message ("%s", text);
  else if (!g_file_set_contents (daemon->options->stats_file, text, -1, &error))
    g_warning ("counters: %s", error->message);
}

static bool
load_exports_again (Daemon *daemon, GError **error)
{
  g_autoptr (FtsExports) exports = load_exports (daemon->options, error);

  if (exports == NULL || !fts_server_set_exports (daemon->server, exports, error))
    return false;
  FtsExports *old = daemon->exports;
  daemon->exports = g_steal_pointer (&exports);
  fts_exports_free (old);
  return true;
}

static void
reload (Daemon *daemon)
{
  g_autoptr (GError) error = NULL;

  ftsd_notify_reloading ();
  fts_control_reload (daemon->control);
  if (load_exports_again (daemon, &error))
    g_message ("the configuration was read again: %u exports",
               fts_exports_count (daemon->exports));
  else
    g_warning ("the configuration stays as it was: %s", error->message);
  ftsd_notify ("READY=1");
}

static bool
is_end (const Daemon *daemon, int signum)
{
  return signum == SIGTERM || signum == SIGINT ||
         (signum == SIGHUP && daemon->options->foreground && isatty (STDIN_FILENO));
}

static bool
serve (Daemon *daemon, GError **error)
{
  const struct timespec second = { 1, 0 };

  for (;;) {
    int signum = sigtimedwait (&daemon->signals, NULL, &second);
    if (signum > 0 && is_end (daemon, signum))
      return true;
    if (signum == SIGUSR1)
      write_stats (daemon);
    if (signum == SIGHUP)
      reload (daemon);
    if (fts_member_standing (daemon->member) == FTS_STANDING_SHUT_OUT)
      return fts_member_check (daemon->member, error);
    fts_server_tick (daemon->server);
  }
}

/* ---- end ---- */

static void
stop (Daemon *daemon)
{
  ftsd_notify ("STOPPING=1");
  pthread_mutex_lock (&daemon->lock);
  FtsDoor *door = g_steal_pointer (&daemon->door);
  pthread_mutex_unlock (&daemon->lock);
  if (daemon->member != NULL)
    fts_member_hurry (daemon->member);
  if (door != NULL)
    fts_door_stop (door);
  fts_control_stop (daemon->control);
  fts_member_leave (daemon->member);
  if (daemon->volume != NULL)
    fts_volume_close (daemon->volume);
  fts_server_free (daemon->server);
  fts_exports_free (daemon->exports);
  if (daemon->wrote_pid_file)
    unlink (daemon->options->pid_file);
}

/* Signals are blocked before any thread starts, so that this thread alone takes them. */
static void
block_signals (sigset_t *signals)
{
  sigemptyset (signals);
  sigaddset (signals, SIGTERM);
  sigaddset (signals, SIGINT);
  sigaddset (signals, SIGHUP);
  sigaddset (signals, SIGUSR1);
  pthread_sigmask (SIG_BLOCK, signals, NULL);
  signal (SIGPIPE, SIG_IGN);
  signal (SIGXFSZ, SIG_IGN);
}

bool
ftsd_daemon_run (FtsdOptions *options, FtsdBackground *background, GError **error)
{
  Daemon daemon = { .options = options };

  pthread_mutex_init (&daemon.lock, NULL);
  block_signals (&daemon.signals);
  bool done = start (&daemon, error) && tell_ready (&daemon, background, error) &&
              serve (&daemon, error);
  stop (&daemon);
  pthread_mutex_destroy (&daemon.lock);
  return done;
}
