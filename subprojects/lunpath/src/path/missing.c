#include "path/missing.h"

#include "base/lock.h"

#define RETRY_US (2 * G_USEC_PER_SEC)

typedef struct {
  char *name;
  char *why;
  int64_t since_us;
} Missing;

static void
missing_free (gpointer data)
{
  Missing *missing = data;

  g_free (missing->name);
  g_free (missing->why);
  g_free (missing);
}

/* ---- under the lock ---- */

static void
note_locked (LunDevice *device, const char *name, const GError *why)
{
  Missing *missing = g_new0 (Missing, 1);

  missing->name = lun_path_name_mask (name);
  missing->why = g_strdup (why->message);
  missing->since_us = g_get_monotonic_time ();
  if (!device->missing) {
    device->missing = g_ptr_array_new_with_free_func (missing_free);
    device->missing_names = g_ptr_array_new_with_free_func (g_free);
  }
  g_ptr_array_add (device->missing, missing);
  g_ptr_array_add (device->missing_names, g_strdup (name));
  g_warning ("path %s cannot be opened (%s); it is tried again", missing->name,
             missing->why);
}

static void
remove_locked (LunDevice *device, unsigned i)
{
  g_ptr_array_remove_index (device->missing, i);
  g_ptr_array_remove_index (device->missing_names, i);
}

/* By its name with or without the secret. */
static int
index_of_locked (const LunDevice *device, const char *name)
{
  g_autofree char *masked = lun_path_name_mask (name);

  for (unsigned i = 0; i < device->missing->len; i++)
    if (g_str_equal (((Missing *) g_ptr_array_index (device->missing, i))->name,
                     masked))
      return (int) i;
  return -1;
}

void
lun_missing_note (LunDevice *device, const char *name, const GError *why)
{
  LUN_LOCKED (&device->missing_lock);
  note_locked (device, name, why);
}

bool
lun_missing_any (LunDevice *device)
{
  LUN_LOCKED (&device->missing_lock);
  return device->missing && device->missing->len > 0;
}

bool
lun_missing_forget (LunDevice *device, const char *name)
{
  LUN_LOCKED (&device->missing_lock);
  int index = device->missing ? index_of_locked (device, name) : -1;

  if (index >= 0)
    remove_locked (device, (unsigned) index);
  return index >= 0;
}

unsigned
lun_missing_list (LunDevice *device, LunPathInfo *infos, unsigned max)
{
  LUN_LOCKED (&device->missing_lock);
  unsigned n = device->missing ? MIN (device->missing->len, max) : 0;

  for (unsigned i = 0; i < n; i++) {
    const Missing *missing = g_ptr_array_index (device->missing, i);
    infos[i] = (LunPathInfo){ .name = g_strdup (missing->name),
                              .state = LUN_PATH_DOWN,
                              .reason = g_strdup (missing->why),
                              .since_us = missing->since_us };
  }
  return n;
}

/* ---- trying ---- */

static char *
name_at (LunDevice *device, unsigned i)
{
  LUN_LOCKED (&device->missing_lock);
  return i < device->missing_names->len
           ? g_strdup (g_ptr_array_index (device->missing_names, i))
           : NULL;
}

/* True when it is not missing any more: it was added, or leads elsewhere. */
static bool
try_to_add (LunDevice *device, const char *name)
{
  g_autoptr (GError) error = NULL;

  if (lun_device_add_path (device, name, &error)) {
    lun_missing_forget (device, name);
    return true;
  }
  if (!g_error_matches (error, LUN_ERROR, LUN_ERROR_IDENTITY) &&
      !g_error_matches (error, LUN_ERROR, LUN_ERROR_UNSUPPORTED))
    return false;
  g_warning ("%s; it is not used", error->message);
  lun_missing_forget (device, name);
  return true;
}

static void
try_all (LunDevice *device)
{
  for (unsigned i = 0;;) {
    g_autofree char *name = name_at (device, i);
    if (!name)
      return;
    if (!try_to_add (device, name))
      i++;
  }
}

static bool
sleep_unless_stopped (LunDevice *device)
{
  int64_t until_us = g_get_monotonic_time () + RETRY_US;

  LUN_LOCKED (&device->missing_lock);
  while (!device->finder_stop && g_get_monotonic_time () < until_us)
    lun_cond_wait_until (&device->finder_wakes, &device->missing_lock, until_us);
  return !device->finder_stop;
}

/* Who notes another path after this starts another finder. */
static bool
is_over (LunDevice *device)
{
  LUN_LOCKED (&device->missing_lock);
  device->finder_ends = device->missing->len == 0 || device->finder_stop;
  return device->finder_ends;
}

static void *
run (void *data)
{
  LunDevice *device = data;

  while (!is_over (device))
    if (sleep_unless_stopped (device))
      try_all (device);
  return NULL;
}

bool
lun_missing_start (LunDevice *device, GError **error)
{
  if (!lun_missing_any (device))
    return true;
  device->finder_ends = false;
  int rc = pthread_create (&device->finder, NULL, run, device);
  device->has_finder = rc == 0;
  if (rc == 0)
    return true;
  g_set_error (error, LUN_ERROR, LUN_ERROR_IO, "%s: no thread for missing paths: %s",
               device->name, g_strerror (rc));
  return false;
}

/* True when a finder is there that will look at what has been noted. */
static bool
note_for_finder (LunDevice *device, const char *name, const GError *why)
{
  LUN_LOCKED (&device->missing_lock);
  note_locked (device, name, why);
  return device->has_finder && !device->finder_ends;
}

bool
lun_device_expect_path (LunDevice *device, const char *name, const GError *why,
                        GError **error)
{
  LUN_LOCKED (&device->admin_lock);
  if (note_for_finder (device, name, why))
    return true;
  if (device->has_finder)
    pthread_join (device->finder, NULL);
  device->has_finder = false;
  return lun_missing_start (device, error);
}

void
lun_missing_stop (LunDevice *device)
{
  if (device->has_finder) {
    {
      LUN_LOCKED (&device->missing_lock);
      device->finder_stop = true;
      pthread_cond_signal (&device->finder_wakes);
    }
    pthread_join (device->finder, NULL);
  }
  device->has_finder = false;
  g_clear_pointer (&device->missing, g_ptr_array_unref);
  g_clear_pointer (&device->missing_names, g_ptr_array_unref);
}
