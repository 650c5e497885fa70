#include "prog/ftsfs/keeper.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/statvfs.h>
#include <sys/wait.h>
#include <unistd.h>

#define GOOD_LIFE_US (60 * G_USEC_PER_SEC)
#define GO_AWAY_MS   5000 /* the kernel ends a killed process's mount within it */

static atomic_bool *is_live; /* shared with who serves; NULL without a keeper */

void
fts_keeper_set_live (void)
{
  if (is_live != NULL)
    atomic_store (is_live, true);
}

/* ---- dead mounts ---- */

bool
fts_keeper_is_dead_mount (const char *mountpoint)
{
  struct statvfs st; /* attributes might be cached */
  return statvfs (mountpoint, &st) != 0 && errno == ENOTCONN;
}

/* For who is not root. */
static void
ask_fusermount (const char *mountpoint)
{
  const char *const argv[] = { "fusermount3", "-u", "-z", "-q", mountpoint, NULL };

  g_spawn_sync (NULL, (char **) argv, NULL,
                G_SPAWN_SEARCH_PATH | G_SPAWN_STDOUT_TO_DEV_NULL |
                  G_SPAWN_STDERR_TO_DEV_NULL,
                NULL, NULL, NULL, NULL, NULL, NULL);
}

void
fts_keeper_take_away (const char *mountpoint)
{
  if (!fts_keeper_is_dead_mount (mountpoint))
    return;
  if (umount2 (mountpoint, MNT_DETACH | UMOUNT_NOFOLLOW) != 0)
    ask_fusermount (mountpoint);
}

/* ---- the one that serves ---- */

static const int handed_on[] = { SIGTERM, SIGINT, SIGHUP, SIGUSR1 };

static void
fill_signals (sigset_t *signals)
{
  sigemptyset (signals);
  sigaddset (signals, SIGCHLD);
  for (size_t i = 0; i < G_N_ELEMENTS (handed_on); i++)
    sigaddset (signals, handed_on[i]);
}

static pid_t
start_serving (const FtsKeeperConfig *config, bool again)
{
  sigset_t signals;

  atomic_store (is_live, false);
  pid_t pid = fork ();
  if (pid != 0)
    return pid;
  fill_signals (&signals);
  sigprocmask (SIG_UNBLOCK, &signals, NULL);
  _exit (config->serve (again, config->user_data));
}

/* Waits for PID, and hands signals on to it.  *STOPPED: we were told to end. */
static int
await_end (pid_t pid, const sigset_t *signals, bool *stopped)
{
  int status = 0;

  for (;;) {
    if (waitpid (pid, &status, WNOHANG) == pid)
      return status;
    int signal_number = sigwaitinfo (signals, NULL);
    if (signal_number <= 0 || signal_number == SIGCHLD)
      continue;
    *stopped = *stopped || signal_number == SIGTERM || signal_number == SIGINT;
    kill (pid, signal_number);
  }
}

/* Before the next one, after N short lives.  False when we are told to end. */
static bool
pause_after (unsigned n, const sigset_t *signals)
{
  struct timespec second = { 1, 0 };

  if (n <= FTS_KEEPER_TRIES)
    return true;
  for (unsigned s = 1u << MIN (n - FTS_KEEPER_TRIES - 1, 5); s > 0; s--) {
    int signal_number = sigtimedwait (signals, NULL, &second);
    if (signal_number == SIGTERM || signal_number == SIGINT)
      return false;
  }
  return true;
}

static bool
await_dead_mount (const char *mountpoint)
{
  for (int ms = 0; ms < GO_AWAY_MS; ms += 20) {
    if (fts_keeper_is_dead_mount (mountpoint))
      return true;
    g_usleep (20000);
  }
  return false;
}

/* Nobody's output and nobody's group: the caller does not wait for the keeper. */
static void
stand_back (void)
{
  int null = open ("/dev/null", O_RDWR | O_CLOEXEC);

  setsid ();
  (void) !chdir ("/");
  close_range (STDERR_FILENO + 1, (unsigned) null - 1, 0);
  close_range ((unsigned) null + 1, ~0U, 0);
  for (int fd = STDIN_FILENO; null >= 0 && fd <= STDERR_FILENO; fd++)
    dup2 (null, fd);
  prctl (PR_SET_NAME, "ftsfs-keeper");
}

static bool
make_shared (void)
{
  is_live = mmap (NULL, sizeof *is_live, PROT_READ | PROT_WRITE,
                  MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (is_live == MAP_FAILED)
    is_live = NULL;
  return is_live != NULL;
}

static FtsExit
exit_of (int status)
{
  return WIFEXITED (status) ? (FtsExit) WEXITSTATUS (status) : FTS_EXIT_FAILURE;
}

/* A first one that fails before it is live has told its caller; one that ends by itself has done
 * what it was told. */
static bool
is_the_end (int status, bool was_live, bool again)
{
  return was_live ? !WIFSIGNALED (status) : !again;
}

FtsExit
fts_keeper_run (const FtsKeeperConfig *config)
{
  sigset_t signals;
  bool stopped = false, again = false;
  unsigned short_lives = 0;

  if (!make_shared ())
    return config->serve (false, config->user_data);
  fill_signals (&signals);
  sigprocmask (SIG_BLOCK, &signals, NULL);
  for (;;) {
    int64_t born_us = g_get_monotonic_time ();
    pid_t pid = start_serving (config, again);
    if (pid < 0)
      return FTS_EXIT_FAILURE;
    if (!again)
      stand_back ();
    int status = await_end (pid, &signals, &stopped);
    bool was_live = atomic_load (is_live);
    if (stopped || is_the_end (status, was_live, again) ||
        !await_dead_mount (config->mountpoint))
      return exit_of (status);
    bool was_short = g_get_monotonic_time () - born_us < GOOD_LIFE_US;
    short_lives = was_short ? short_lives + 1 : 0;
    if (!was_live)
      short_lives = MAX (short_lives, FTS_KEEPER_TRIES + 1);
    if (!pause_after (short_lives, &signals))
      break;
    again = true;
  }
  fts_keeper_take_away (config->mountpoint);
  return FTS_EXIT_FAILURE;
}
