#include "volume/identity.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#define MACHINE_ID "/etc/machine-id"
#define BOOT_ID    "/proc/sys/kernel/random/boot_id"
#define PID_NS     "/proc/self/ns/pid"

static void
fill_random (void *out, size_t len)
{
  uint8_t *p = out;

  while (len > 0) {
    ssize_t n = getrandom (p, len, 0);
    g_assert (n > 0 || errno == EINTR);
    if (n > 0) {
      p += n;
      len -= (size_t) n;
    }
  }
}

uint64_t
fts_identity_random (void)
{
  uint64_t x = 0;

  while (x == 0)
    fill_random (&x, sizeof x);
  return x;
}

/* The first LEN (at most 32) bytes of SHA-256 of WHAT and TEXT. */
static void
hash (const char *what, const char *text, uint8_t *out, size_t len)
{
  g_autoptr (GChecksum) sum = g_checksum_new (G_CHECKSUM_SHA256);
  uint8_t digest[32];
  gsize n = sizeof digest;

  g_checksum_update (sum, (const guchar *) what, -1);
  g_checksum_update (sum, (const guchar *) text, -1);
  g_checksum_get_digest (sum, digest, &n);
  memcpy (out, digest, len);
}

static void
fill_host_uuid (uint8_t out[FTS_UUID_LEN])
{
  g_autofree char *id = NULL;

  if (g_file_get_contents (MACHINE_ID, &id, NULL, NULL) && id[0] != '\0')
    hash ("ftsfs host", id, out, FTS_UUID_LEN);
  else
    fill_random (out, FTS_UUID_LEN);
}

static uint64_t
  pid_space; /* constant after the first use; 0 where the system does not tell */
static pthread_once_t pid_space_once = PTHREAD_ONCE_INIT;

static void
find_pid_space (void)
{
  g_autofree char *boot = NULL;
  g_autofree char *both = NULL;
  struct stat ns;

  if (!g_file_get_contents (BOOT_ID, &boot, NULL, NULL) || stat (PID_NS, &ns) != 0)
    return;
  both = g_strdup_printf ("%s %lu", boot, (unsigned long) ns.st_ino);
  hash ("ftsfs pids", both, (uint8_t *) &pid_space, sizeof pid_space);
}

static uint64_t
get_pid_space (void)
{
  pthread_once (&pid_space_once, find_pid_space);
  return pid_space;
}

void
fts_identity_fill (FtsHost *host)
{
  fill_host_uuid (host->host_uuid);
  host->generation = fts_identity_random ();
  fill_random (host->nonce, sizeof host->nonce);
  host->pid = (uint32_t) getpid ();
  host->pid_space = get_pid_space ();
  host->os_type = FTS_OS_UNIX;
}

void
fts_identity_host_name (char out[FTS_NAME_LEN])
{
  const char *name = g_get_host_name ();
  size_t len = strcspn (name, ".");

  memset (out, 0, FTS_NAME_LEN);
  memcpy (out, name, MIN (len, FTS_NAME_LEN - 1));
}

bool
fts_identity_is_gone (const FtsHost *host)
{
  return host->state != FTS_HOST_FREE && host->pid != 0 && host->pid <= INT32_MAX &&
         host->pid_space != 0 && host->pid_space == get_pid_space () &&
         kill ((pid_t) host->pid, 0) != 0 && errno == ESRCH;
}
