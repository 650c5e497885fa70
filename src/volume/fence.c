#include "volume/fence.h"

#include "base/error.h"
#include "volume/identity.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

struct FtsFence {
  FtsVolume *volume;
  uint64_t generation; /* of the member */
  uint64_t key;
  bool is_shared_key; /* a live process of this host had it first */
  int lock_file;      /* held while joining and leaving, else -1 */
  unsigned n_devices;
  LunReservation **reservations; /* a device each; NULL = not made yet */
};

/* ---- the machine's lock ---- */

static char *
lock_name (const FtsVolume *volume)
{
  const char *dir =
    access ("/run/lock", W_OK) == 0 ? "/run/lock" : g_get_user_runtime_dir ();

  return g_strdup_printf ("%s/ftsfs-%016" G_GINT64_MODIFIER "x.lock", dir,
                          fts_volume_tag (volume));
}

static bool
enter (FtsFence *fence, GError **error)
{
  g_autofree char *name = lock_name (fence->volume);
  int fd = open (name, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);

  if (fd < 0)
    return fts_set_errno (error, errno, "%s", name);
  while (flock (fd, LOCK_EX) != 0)
    if (errno != EINTR) {
      fts_set_errno (error, errno, "%s", name);
      close (fd);
      return false;
    }
  fence->lock_file = fd;
  return true;
}

static void
leave (FtsFence *fence)
{
  if (fence->lock_file >= 0)
    close (fence->lock_file);
  fence->lock_file = -1;
}

/* ---- the key ---- */

static bool
is_among (const GArray *generations, uint64_t generation)
{
  for (guint i = 0; i < generations->len; i++)
    if (g_array_index (generations, uint64_t, i) == generation)
      return true;
  return false;
}

static unsigned
collect_keys (const FtsHost *table, uint32_t n, uint32_t damaged, const GArray *own,
              uint64_t *keys)
{
  unsigned n_keys = 0;

  for (uint32_t i = 0; i < n; i++)
    if (!(damaged & 1U << i) && table[i].state == FTS_HOST_ACTIVE &&
        table[i].pr_key != 0 && !fts_identity_is_gone (&table[i]) &&
        !is_among (own, table[i].generation))
      keys[n_keys++] = table[i].pr_key;
  return n_keys;
}

/* The host's part of the key: drawn from its UUID, for an entry is not chosen yet. */
static uint64_t
new_key (const FtsVolume *volume, const FtsHost *self)
{
  uint32_t host = 0;

  for (unsigned i = 0; i < FTS_UUID_LEN; i++)
    host = host * 31 + self->host_uuid[i];
  return lun_resv_key (fts_volume_tag (volume), host, self->generation);
}

/* The volume lock's, on the master. */
static bool
has_flags (const FtsVolume *volume)
{
  return fts_volume_mcb (volume)->lock_method == FTS_LOCK_PR;
}

static bool
choose_key (FtsFence *fence, const FtsHost *self, const GArray *own, GError **error)
{
  FtsHost table[FTS_MAX_HOSTS] = { 0 };
  uint64_t keys[FTS_MAX_HOSTS], found;
  uint32_t damaged = 0;
  LunReservationConfig config = { .key = new_key (fence->volume, self),
                                  .has_flags = has_flags (fence->volume) };

  if (!fts_hosttab_load_all (fence->volume, table, &damaged, error))
    return false;
  unsigned n =
    collect_keys (table, fts_volume_mcb (fence->volume)->max_hosts, damaged, own, keys);
  g_autoptr (LunReservation) probe =
    lun_reservation_new (fts_volume_master (fence->volume), &config);
  if (!lun_reservation_find_own_key (probe, keys, n, &found, error))
    return false;
  fence->key = found != 0 ? found : config.key;
  fence->is_shared_key = found != 0;
  return true;
}

uint64_t
fts_fence_key (const FtsFence *fence)
{
  return fence->key;
}

LunReservation *
fts_fence_reservation (FtsFence *fence)
{
  return fence->reservations[0];
}

/* ---- joining ---- */

/* Members of all hosts come and go; whose key may go is decided by the host table alone. */
static bool
is_no_orphan (uint64_t key, void *user_data)
{
  return false;
}

static bool
open_device (FtsFence *fence, unsigned index, GError **error)
{
  LunDevice *device = fts_volume_device (fence->volume, index);
  LunReservationConfig config = { .key = fence->key,
                                  .is_orphan = is_no_orphan,
                                  .is_shared_key = fence->is_shared_key,
                                  .has_flags =
                                    index == 0 && has_flags (fence->volume) };

  if (!lun_device_facts (device)->has_pr) {
    g_set_error (
      error, FTS_ERROR, FTS_ERROR_UNSUPPORTED,
      "%s: the volume shuts dead hosts out by persistent reservations, which "
      "this device does not have",
      lun_device_name (device));
    return false;
  }
  config.type = fts_volume_mcb (fence->volume)->fence_mode == FTS_FENCE_ALL_REGISTRANTS
                  ? LUN_PR_WRITE_EXCLUSIVE_ALL
                  : LUN_PR_WRITE_EXCLUSIVE_REGISTRANTS;
  fence->reservations[index] = lun_reservation_new (device, &config);
  return lun_reservation_open (fence->reservations[index], LUN_RESV_SHARED, error);
}

static bool
open_devices (FtsFence *fence, GError **error)
{
  for (unsigned i = 0; i < fence->n_devices; i++)
    if (!open_device (fence, i, error)) {
      for (unsigned k = 0; k < i; k++)
        lun_reservation_close (fence->reservations[k], NULL);
      return false;
    }
  return true;
}

FtsFence *
fts_fence_join (FtsVolume *volume, const FtsHost *self, const GArray *own,
                GError **error)
{
  FtsFence *fence = g_new0 (FtsFence, 1);

  fence->volume = volume;
  fence->generation = self->generation;
  fence->lock_file = -1;
  fence->n_devices = fts_volume_n_devices (volume);
  fence->reservations = g_new0 (LunReservation *, fence->n_devices);
  if (enter (fence, error) && choose_key (fence, self, own, error) &&
      open_devices (fence, error))
    return fence;
  fts_fence_free (fence);
  return NULL;
}

void
fts_fence_published (FtsFence *fence)
{
  leave (fence);
}

/* ---- shutting out ---- */

bool
fts_fence_shut_out (FtsFence *fence, uint64_t key, GError **error)
{
  for (unsigned i = 0; i < fence->n_devices; i++)
    if (!lun_reservation_fence (fence->reservations[i], key, error))
      return false;
  return true;
}

/* ---- leaving ---- */

static bool
is_shared (const FtsFence *fence)
{
  FtsHost table[FTS_MAX_HOSTS] = { 0 };
  uint32_t damaged = 0;

  if (!fts_hosttab_load_all (fence->volume, table, &damaged, NULL))
    return fence->is_shared_key; /* as far as is known */
  for (uint32_t i = 0; i < fts_volume_mcb (fence->volume)->max_hosts; i++)
    if (!(damaged & 1U << i) && table[i].state == FTS_HOST_ACTIVE &&
        table[i].pr_key == fence->key && table[i].generation != fence->generation &&
        !fts_identity_is_gone (&table[i]))
      return true;
  return false;
}

void
fts_fence_leave (FtsFence *fence)
{
  g_autoptr (GError) unlocked = NULL;

  if (fence->lock_file < 0 && !enter (fence, &unlocked))
    g_warning ("%s", unlocked->message);
  if (is_shared (fence))
    return;
  for (unsigned i = 0; i < fence->n_devices; i++) {
    g_autoptr (GError) error = NULL;
    if (!lun_reservation_close (fence->reservations[i], &error))
      g_warning ("%s", error->message);
  }
}

void
fts_fence_free (FtsFence *fence)
{
  if (fence == NULL)
    return;
  for (unsigned i = 0; i < fence->n_devices; i++)
    lun_reservation_free (fence->reservations[i]);
  leave (fence);
  g_free (fence->reservations);
  g_free (fence);
}
