#include "prog/ftsfs/life.h"

#include "prog/common/control.h"
#include "prog/common/program.h"
#include "prog/ftsfs/file.h"
#include "prog/ftsfs/fs.h"
#include "prog/ftsfs/keeper.h"
#include "prog/ftsfs/locking.h"
#include "prog/ftsfs/loop.h"
#include "prog/ftsfs/opening.h"
#include "prog/ftsfs/option_text.h"
#include "prog/ftsfs/push.h"
#include "prog/ftsfs/remount.h"
#include "prog/ftsfs/stats.h"
#include "volume/config.h"
#include "volume/membership.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

#define N_BUFFERS          24
#define BEHIND_THREADS     3
#define MOST_ABSENT_HASHES (1u << 20)
#define MOST_PAUSE_S       30u /* between attempts of retry= */

typedef struct {
  FtsMountOptions *options;
  FtsFs fs;
  FtsVolume *volume;
  FtsMember *member;
  FtsControl *control;
  char *secret;
  char *host; /* own name by the configuration, or NULL */
  int
    report_fd; /* the parent waits at its other end; -1 in the foreground or afterwards */
  bool mounted;
  bool is_again; /* one before died: its dead mount is in the way */
  pthread_t attendant;
  bool has_attendant;
  pthread_mutex_t lock; /* the two below */
  pthread_cond_t changed;
  bool init_seen, ending;
  bool in_background; /* bg: the caller has been told to go on */
  bool failed;        /* mounted, but not live: the attendant's, read after its end */
} Mount;

/* ---- telling the caller ---- */

/* The terminal goes when the mount is live: libfuse says there why mount(2) failed, and who reads
 * the caller's output to its end must not wait for us.
 *
 * Nor may its process group be left before: an automounter lets only its own group come to the
 * directory while the mount is being made, everybody else waits for that, and so would we for
 * ourselves. */
static void
leave_terminal (void)
{
  int null = open ("/dev/null", O_RDWR | O_CLOEXEC);

  setsid ();
  fts_program_use_syslog ();
  (void) !chdir ("/");
  for (int fd = STDIN_FILENO; null >= 0 && fd <= STDERR_FILENO; fd++)
    dup2 (null, fd);
  if (null > STDERR_FILENO)
    close (null);
}

/* One byte of status, then the message. */
static void
report (Mount *mount, FtsExit status, const char *message)
{
  uint8_t byte = (uint8_t) status;

  if (status != FTS_EXIT_OK && mount->in_background)
    g_warning ("%s: %s", mount->options->source, message);
  else if (status != FTS_EXIT_OK && mount->report_fd < 0)
    fprintf (stderr, "ftsfs: %s\n", message);
  if (mount->report_fd < 0)
    return;
  leave_terminal ();
  if (write (mount->report_fd, &byte, 1) == 1 && message)
    (void) !write (mount->report_fd, message, strlen (message));
  close (mount->report_fd);
  mount->report_fd = -1;
}

/* The parent's side: what the child says, or that it died. */
static FtsExit
await_report (int fd, pid_t child, const FtsMountOptions *options)
{
  uint8_t status;
  char message[1024];

  if (TEMP_FAILURE_RETRY (read (fd, &status, 1)) != 1) {
    int how = 0;
    waitpid (child, &how, 0);
    fprintf (stderr, "ftsfs: ended before the mount was live (status 0x%x)\n", how);
    return FTS_EXIT_FAILURE;
  }
  ssize_t len = TEMP_FAILURE_RETRY (read (fd, message, sizeof message - 1));
  if (len > 0)
    fprintf (stderr, "ftsfs: %.*s\n", (int) len, message);
  if (len <= 0 && status == FTS_EXIT_OK && options->verbose)
    printf ("ftsfs: %s is mounted on %s, served by process %d\n", options->source,
            options->mountpoint, (int) child);
  return status;
}

/* ---- steps to a live mount ---- */

/* What the volume's configuration says and the command line does not. */
static bool
take_configuration (Mount *mount, const FtsVolumeSpec *spec, GError **error)
{
  FtsMountOptions *options = mount->options;
  g_autoptr (FtsVolumeConfig) config = fts_volume_config_load (spec, error);

  if (config == NULL)
    return false;
  mount->host = g_steal_pointer (&config->host);
  if (options->secret_file == NULL)
    options->secret_file = g_steal_pointer (&config->secret_file);
  return true;
}

static bool
load_secret (Mount *mount, GError **error)
{
  const char *file = mount->options->secret_file;
  struct stat st;

  if (file == NULL)
    return true;
  if (stat (file, &st) == 0 && (st.st_mode & 0077) != 0) {
    g_set_error (error, FTS_ERROR, FTS_ERROR_CONFIG,
                 "secret file %s can be read by others; chmod 600 it", file);
    return false;
  }
  g_autoptr (GError) cause = NULL;
  if (!g_file_get_contents (file, &mount->secret, NULL, &cause)) {
    g_set_error (error, FTS_ERROR, FTS_ERROR_CONFIG, "secret file: %s", cause->message);
    return false;
  }
  g_strstrip (mount->secret);
  return true;
}

/* Several mounts of one host are several members: the volume numbers their names. */
static bool
join (Mount *mount, GError **error)
{
  const char *name = mount->options->name ? mount->options->name : mount->host;
  FtsMemberConfig config = {
    .name = name, .role = FTS_ROLE_MOUNT, .program = "ftsfs", .rejoins = true
  };

  mount->member = fts_member_join (mount->volume, &config, error);
  return mount->member != NULL;
}

static uint32_t
deadline_ms (const FtsMountOptions *options)
{
  uint64_t ms = UINT64_C (100) * MAX (options->timeo, 1) * MAX (options->retrans, 1);
  return (uint32_t) MIN (ms, G_MAXINT32);
}

static bool
connect_to_peer (Mount *mount, GError **error)
{
  FtsMountOptions *options = mount->options;
  FtsVolumeSpec spec = { .volume = options->volume,
                         .devices = (char **) options->devices->pdata };
  FtsClientConfig config = {
    .peer = options->peer,
    .export_name = options->export_name,
    .max_connections = options->max_connections,
    .wait_ms = options->wait_ms,
    .timeout_ms = options->is_hard ? 0 : deadline_ms (options),
    .grace_ms = options->is_hard ? FTS_GRACE_FOREVER : options->grace_ms,
    .no_xattr = options->no_xattr,
  };

  if (!take_configuration (mount, &spec, error) || !load_secret (mount, error))
    return false;
  mount->volume = fts_volume_open (&spec, error);
  if (mount->volume == NULL || !join (mount, error))
    return false;
  config.secret = mount->secret;
  mount->fs.client = fts_client_new (mount->member, &config, error);
  return mount->fs.client != NULL;
}

/* Whoever waits for us has ended: nobody wants the mount any more. */
static bool
caller_is_gone (const Mount *mount)
{
  struct pollfd pipe = { .fd = mount->report_fd };

  return mount->report_fd >= 0 && poll (&pipe, 1, 0) == 1 && pipe.revents & POLLERR;
}

static void
leave_peer (Mount *mount)
{
  g_clear_pointer (&mount->fs.client, fts_client_free);
  fts_member_leave (mount->member);
  mount->member = NULL;
  g_clear_pointer (&mount->volume, fts_volume_close);
  g_clear_pointer (&mount->secret, g_free);
  g_clear_pointer (&mount->host, g_free);
}

/* We were to mount anew, but the dead mount has been taken away: nobody wants it. */
static bool
is_replaced (const Mount *mount)
{
  return mount->is_again && !fts_keeper_is_dead_mount (mount->options->mountpoint);
}

/* False when a signal or the caller's end says to stop. */
static bool
pause_between_attempts (const Mount *mount, unsigned seconds)
{
  const struct timespec second = { 1, 0 };
  sigset_t ends;

  sigemptyset (&ends);
  sigaddset (&ends, SIGINT);
  sigaddset (&ends, SIGTERM);
  sigaddset (&ends, SIGHUP);
  for (unsigned i = 0; i < seconds; i++)
    if (is_replaced (mount) || sigtimedwait (&ends, NULL, &second) > 0 ||
        caller_is_gone (mount))
      return false;
  return true;
}

/* With bg, the caller goes on after the first attempt. */
static void
go_to_background (Mount *mount, const GError *why)
{
  g_autofree char *message =
    g_strdup_printf ("%s; trying on in the background", why->message);

  if (!mount->options->background || mount->report_fd < 0)
    return;
  mount->in_background = true;
  report (mount, FTS_EXIT_OK, message);
}

/* What cannot be reached now is tried again for as long as retry= says. */
static bool
reach_peer (Mount *mount, GError **error)
{
  int64_t end = g_get_monotonic_time () +
                (int64_t) mount->options->retry_minutes * 60 * G_USEC_PER_SEC;

  for (unsigned pause = 1;; pause = MIN (2 * pause, MOST_PAUSE_S)) {
    g_autoptr (GError) failed = NULL;
    if (connect_to_peer (mount, &failed))
      return true;
    bool again = fts_error_to_exit (failed) == FTS_EXIT_UNAVAILABLE &&
                 (mount->is_again || g_get_monotonic_time () < end);
    if (again)
      go_to_background (mount, failed);
    if (!again || !pause_between_attempts (mount, pause)) {
      g_propagate_error (error, g_steal_pointer (&failed));
      return false;
    }
    leave_peer (mount);
  }
}

static bool
load_people (Mount *mount, GError **error)
{
  FtsFs *fs = &mount->fs;
  const FtsCaller nobody = { 0 };
  FtsAttr root;

  return fts_client_getattr (fs->client, &nobody, fts_client_root (fs->client), 0,
                             &root, error) &&
         fts_people_init (&fs->people, mount->options, &root, error);
}

static void
close_file (uint64_t open_id, void *client)
{
  fts_client_close_file (client, open_id);
}

static void
prepare_fs (Mount *mount)
{
  FtsFs *fs = &mount->fs;
  FtsBehindConfig behind = {
    .limit = mount->options->behind_kb * (size_t) 1024,
    .threads = BEHIND_THREADS,
    .send = fts_file_send,
    .user_data = fs,
  };

  fs->options = mount->options;
  fts_known_init (&fs->known);
  fs->inodes = fts_inodes_new (fts_client_root (fs->client));
  fs->absent = fts_absent_new (MOST_ABSENT_HASHES);
  fs->ahead = fts_ahead_new (close_file, fs->client);
  fs->openings = fts_openings_new (fs);
  fs->lister = fts_meanwhile_new ();
  fs->locking = fts_locking_new (fs);
  fs->buffers = behind.buffers = fts_buffers_new (N_BUFFERS);
  if (behind.limit > 0)
    fs->behind = fts_behind_new (&behind);
}

static void
append_value (GString *into, const char *key, const char *value)
{
  g_autofree char *option = g_strconcat (key, "=", value, NULL);
  fts_option_text_join (into, option);
}

static struct fuse_session *
new_session (Mount *mount)
{
  FtsMountOptions *options = mount->options;
  g_autoptr (GString) text = g_string_new (NULL);
  struct fuse_args args = FUSE_ARGS_INIT (0, NULL);

  if (options->idmap != FTS_MOUNT_IDMAP_SQUASH || options->default_permissions)
    fts_option_text_join (text, "default_permissions");
  append_value (text, "fsname", options->source);
  append_value (text, "subtype", "ftsfs");
  if (options->read_only || fts_client_is_read_only (mount->fs.client))
    g_string_append (text, ",ro");
  if (geteuid () == 0 && strstr (options->kernel_options, "allow_") == NULL)
    g_string_append (text, ",allow_other");
  if (*options->kernel_options)
    g_string_append_printf (text, ",%s", options->kernel_options);
  fuse_opt_add_arg (&args, "ftsfs");
  fuse_opt_add_arg (&args, "-o");
  fuse_opt_add_arg (&args, text->str);
  if (options->debug)
    fuse_opt_add_arg (&args, "-d");
  struct fuse_session *session =
    fuse_session_new (&args, &fts_fs_ops, sizeof fts_fs_ops, &mount->fs);
  fuse_opt_free_args (&args);
  return session;
}

static bool
mount_session (Mount *mount, GError **error)
{
  const char *where = mount->options->mountpoint;

  mount->fs.session = new_session (mount);
  if (mount->fs.session == NULL) {
    g_set_error (error, FTS_ERROR, FTS_ERROR_CONFIG,
                 "libfuse refuses the options \"%s\"", mount->options->kernel_options);
    return false;
  }
  if (is_replaced (mount)) {
    g_set_error (error, FTS_ERROR, FTS_ERROR_CONFIG,
                 "%s was taken away meanwhile: not mounted anew", where);
    return false;
  }
  if (mount->is_again)
    fts_keeper_take_away (where);
  if (fuse_session_mount (mount->fs.session, where) != 0) {
    g_set_error (error, FTS_ERROR, FTS_ERROR_SYSTEM,
                 "cannot mount on %s (FUSE's reason stands above)", where);
    return false;
  }
  mount->mounted = true;
  return true;
}

/* ---- the attendant ---- */
static void
on_init (void *user_data)
{
  Mount *mount = user_data;

  pthread_mutex_lock (&mount->lock);
  mount->init_seen = true;
  pthread_cond_broadcast (&mount->changed);
  pthread_mutex_unlock (&mount->lock);
}

/* False when the mount ended before it began. */
static bool
await_init (Mount *mount)
{
  pthread_mutex_lock (&mount->lock);
  while (!mount->init_seen && !mount->ending)
    pthread_cond_wait (&mount->changed, &mount->lock);
  bool seen = mount->init_seen;
  pthread_mutex_unlock (&mount->lock);
  return seen;
}

/* The kernel caps readahead at 128 KiB until the device's own setting is raised; root may. */
static void
raise_readahead (const Mount *mount, const struct stat *root)
{
  g_autofree char *file = g_strdup_printf ("/sys/class/bdi/%u:%u/read_ahead_kb",
                                           major (root->st_dev), minor (root->st_dev));
  g_autofree char *text = g_strdup_printf ("%u\n", mount->options->readahead_kb);

  if (mount->options->readahead_kb == 0)
    return;
  int fd = open (file, O_WRONLY | O_CLOEXEC);
  if (fd < 0)
    return;
  (void) !write (fd, text, strlen (text));
  close (fd);
}

/* Asks for the root through the mount: what answers is live. */
static void
announce (Mount *mount)
{
  struct stat root;

  if (caller_is_gone (mount)) {
    mount->failed = true;
    fuse_session_exit (mount->fs.session);
    return;
  }
  if (stat (mount->options->mountpoint, &root) != 0) {
    g_autofree char *message =
      g_strdup_printf ("%s: the root of %s: %s", mount->options->mountpoint,
                       mount->options->source, g_strerror (errno));
    report (mount, FTS_EXIT_FAILURE, message);
    mount->failed = true;
    fuse_session_exit (mount->fs.session);
    return;
  }
  raise_readahead (mount, &root);
  fts_keeper_set_live ();
  statvfs (mount->options->mountpoint, &(struct statvfs){ 0 }); /* known from here on */
  fts_push_await_begin (mount->fs.push);
  report (mount, FTS_EXIT_OK, NULL);
}

static void
write_stats (Mount *mount)
{
  g_autoptr (GError) error = NULL;

  if (mount->options->stats_file &&
      !fts_mount_stats_write (&mount->fs, mount->volume, mount->options->stats_file,
                              &error))
    g_warning ("statistics: %s", error->message);
}

/* Somebody sits at the terminal that hung up. */
static bool
hang_up_ends (const Mount *mount)
{
  return mount->options->foreground && isatty (STDIN_FILENO);
}

static void *
attend (void *user_data)
{
  Mount *mount = user_data;
  sigset_t signals;
  int signal_number;

  if (!await_init (mount))
    return NULL;
  announce (mount);
  sigemptyset (&signals);
  sigaddset (&signals, SIGUSR1);
  if (!hang_up_ends (mount))
    sigaddset (&signals, SIGHUP);
  for (;;) {
    sigwait (&signals, &signal_number);
    pthread_mutex_lock (&mount->lock);
    bool ending = mount->ending;
    pthread_mutex_unlock (&mount->lock);
    if (ending)
      return NULL;
    if (signal_number == SIGHUP)
      fts_control_reload (mount->control);
    else
      write_stats (mount);
  }
}

static void
end_attendant (Mount *mount)
{
  if (!mount->has_attendant)
    return;
  pthread_mutex_lock (&mount->lock);
  mount->ending = true;
  pthread_cond_broadcast (&mount->changed);
  pthread_mutex_unlock (&mount->lock);
  pthread_kill (mount->attendant, SIGUSR1);
  pthread_join (mount->attendant, NULL);
}

/* ---- serving ---- */
/* SIGHUP stays blocked where it does not end the mount: the attendant takes it. */
static void
block_signals (const Mount *mount, bool block)
{
  sigset_t ends;

  sigemptyset (&ends);
  sigaddset (&ends, SIGINT);
  sigaddset (&ends, SIGTERM);
  if (block || hang_up_ends (mount))
    sigaddset (&ends, SIGHUP);
  if (block)
    sigaddset (&ends, SIGUSR1);
  pthread_sigmask (block ? SIG_BLOCK : SIG_UNBLOCK, &ends, NULL);
}

/* The mount is gone, or about to: a peer that is away must not keep us. */
static void
on_ending (void *user_data)
{
  Mount *mount = user_data;
  fts_client_hurry (mount->fs.client);
  fts_member_hurry (mount->member);
}

static void
serve (Mount *mount)
{
  mount->fs.on_init = on_init;
  mount->fs.on_init_data = mount;
  if (mount->options->watch_timeout > 0)
    mount->fs.push = fts_push_start (&mount->fs);
  if (fuse_set_signal_handlers (mount->fs.session) == 0)
    block_signals (mount, false);
  mount->has_attendant = pthread_create (&mount->attendant, NULL, attend, mount) == 0;
  fts_loop_run (&mount->fs, mount->options->single_thread ? 1 : mount->options->threads,
                on_ending, mount);
  block_signals (mount, true);
  fuse_remove_signal_handlers (mount->fs.session);
}

static void
start_control (Mount *mount)
{
  const FtsMountOptions *options = mount->options;

  mount->control = fts_control_start (
    &(FtsControlConfig){ .program = "ftsfs",
                         .what = options->mountpoint,
                         .volume = mount->volume,
                         .spec = { .volume = options->volume,
                                   .devices = (char **) options->devices->pdata } });
}

static void
tear_down (Mount *mount)
{
  FtsFs *fs = &mount->fs;

  fts_control_stop (mount->control);
  fts_push_hush (fs->push);
  if (mount->mounted)
    fuse_session_unmount (fs->session);
  end_attendant (mount);
  fts_push_stop (fs->push);
  fts_locking_free (fs->locking);
  if (fs->session)
    fuse_session_destroy (fs->session);
  fts_behind_free (fs->behind);
  fts_openings_free (fs->openings);
  fts_meanwhile_free (fs->lister);
  fts_ahead_free (fs->ahead);
  leave_peer (mount);
  fts_people_clear (&fs->people);
  fts_absent_free (fs->absent);
  fts_inodes_free (fs->inodes);
  fts_known_clear (&fs->known);
  fts_buffers_free (fs->buffers);
  pthread_cond_destroy (&mount->changed);
  pthread_mutex_destroy (&mount->lock);
}

static FtsExit
run (FtsMountOptions *options, int report_fd, bool is_again)
{
  Mount mount = { .options = options,
                  .report_fd = report_fd,
                  .is_again = is_again,
                  .in_background = is_again };
  g_autoptr (GError) error = NULL;

  pthread_mutex_init (&mount.lock, NULL);
  pthread_cond_init (&mount.changed, NULL);
  block_signals (&mount, true);
  bool well = reach_peer (&mount, &error) && load_people (&mount, &error);
  if (well) {
    start_control (&mount);
    prepare_fs (&mount);
    well = options->fake || mount_session (&mount, &error);
  }
  if (well && options->fake)
    report (&mount, FTS_EXIT_OK, NULL);
  else if (well)
    serve (&mount);
  else
    report (&mount, fts_error_to_exit (error), error->message);
  tear_down (&mount);
  return mount.failed ? FTS_EXIT_FAILURE : fts_error_to_exit (error);
}

/* ---- the processes: who called, who keeps, who serves ---- */
typedef struct {
  FtsMountOptions *options;
  int report_fd;
} Service;

static FtsExit
run_service (bool again, void *user_data)
{
  Service *service = user_data;

  if (again) {
    fts_program_use_syslog ();
    g_warning ("%s: who served %s died; mounting anew", service->options->source,
               service->options->mountpoint);
  }
  return run (service->options, again ? -1 : service->report_fd, again);
}

static FtsExit
run_in_background (FtsMountOptions *options)
{
  int fds[2];

  if (pipe2 (fds, O_CLOEXEC) != 0) {
    fprintf (stderr, "ftsfs: pipe: %s\n", g_strerror (errno));
    return FTS_EXIT_FAILURE;
  }
  fflush (NULL);
  pid_t child = fork ();
  if (child < 0) {
    fprintf (stderr, "ftsfs: fork: %s\n", g_strerror (errno));
    return FTS_EXIT_FAILURE;
  }
  if (child > 0) {
    close (fds[1]);
    return await_report (fds[0], child, options);
  }
  /* What the caller had open is not ours to keep: it might be a file of the mount itself. */
  close_range (STDERR_FILENO + 1, (unsigned) fds[1] - 1, 0);
  close_range ((unsigned) fds[1] + 1, ~0U, 0);
  Service service = { options, fds[1] };
  const FtsKeeperConfig config = { options->mountpoint, run_service, &service };
  return options->fake ? run (options, fds[1], false) : fts_keeper_run (&config);
}

static bool
resolve_paths (FtsMountOptions *options)
{
  struct stat st;
  char *stats = options->stats_file;
  char *real = realpath (options->mountpoint, NULL);

  if (real == NULL || stat (real, &st) != 0) {
    fprintf (stderr, "ftsfs: mount point %s: %s%s\n", options->mountpoint,
             g_strerror (errno),
             errno == ENOTCONN ? " (a dead mount is in the way: umount it)" : "");
    free (real);
    return false;
  }
  g_free (options->mountpoint);
  options->mountpoint = g_strdup (real);
  free (real);
  if (stats) {
    options->stats_file = g_canonicalize_filename (stats, NULL);
    g_free (stats);
  }
  return true;
}

FtsExit
fts_mount_run (FtsMountOptions *options)
{
  g_autoptr (GError) error = NULL;

  if (!resolve_paths (options))
    return FTS_EXIT_USAGE;
  if (options->remount)
    return fts_remount (options, &error) ? FTS_EXIT_OK : fts_program_fail (error);
  return options->foreground ? run (options, -1, false) : run_in_background (options);
}
