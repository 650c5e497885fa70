#include "prog/admin/found.h"

#include "base/error.h"
#include "volume/volume.h"

#include <lunpath/transport.h>

#include <string.h>

/* ---- searching ---- */

static void
free_path (void *data)
{
  FtsFoundPath *path = data;

  g_free (path->name);
  lun_path_facts_clear (&path->facts);
  g_free (path);
}

static void
free_found (void *data)
{
  FtsFound *found = data;

  g_ptr_array_unref (found->paths);
  g_free (found->trouble);
  g_free (found);
}

static void
free_skipped (void *data)
{
  FtsSkipped *skipped = data;

  g_free (skipped->name);
  g_free (skipped->reason);
  g_free (skipped);
}

const LunPathFacts *
fts_found_facts (const FtsFound *found)
{
  return &((const FtsFoundPath *) g_ptr_array_index (found->paths, 0))->facts;
}

static FtsFound *
device_of (FtsSearch *search, const LunPathFacts *facts)
{
  for (unsigned i = 0; i < search->devices->len; i++) {
    FtsFound *found = g_ptr_array_index (search->devices, i);
    if (strcmp (fts_found_facts (found)->identity, facts->identity) == 0)
      return found;
  }
  FtsFound *found = g_new0 (FtsFound, 1);
  found->paths = g_ptr_array_new_with_free_func (free_path);
  g_ptr_array_add (search->devices, found);
  return found;
}

static bool
is_known (const FtsSearch *search, const char *name)
{
  for (unsigned i = 0; i < search->devices->len; i++) {
    const FtsFound *found = g_ptr_array_index (search->devices, i);
    for (unsigned k = 0; k < found->paths->len; k++)
      if (strcmp (((FtsFoundPath *) g_ptr_array_index (found->paths, k))->name, name) ==
          0)
        return true;
  }
  return false;
}

static void
look_at_path (FtsSearch *search, const char *name)
{
  g_autoptr (GError) why = NULL;
  LunPathFacts facts;

  if (is_known (search, name))
    return;
  if (!lun_path_probe (name, &facts, &why)) {
    FtsSkipped *skipped = g_new0 (FtsSkipped, 1);
    skipped->name = lun_path_name_mask (name);
    skipped->reason = g_strdup (why->message);
    g_ptr_array_add (search->skipped, skipped);
    return;
  }
  FtsFoundPath *path = g_new0 (FtsFoundPath, 1);
  path->name = g_strdup (name);
  path->facts = facts;
  g_ptr_array_add (device_of (search, &facts)->paths, path);
}

static void
look_for_volume (FtsFound *found)
{
  g_autoptr (GPtrArray) names = g_ptr_array_new ();
  g_autoptr (GError) why = NULL;

  for (unsigned i = 0; i < found->paths->len; i++)
    g_ptr_array_add (names,
                     ((FtsFoundPath *) g_ptr_array_index (found->paths, i))->name);
  g_ptr_array_add (names, NULL);
  LunDeviceConfig config = { .paths = (const char *const *) names->pdata,
                             .read_only = true };
  g_autoptr (LunDevice) device = lun_device_open (&config, &why);
  found->has_volume = device != NULL && fts_volume_load_mcb (device, &found->mcb, &why);
  if (!found->has_volume && !g_error_matches (why, FTS_ERROR, FTS_ERROR_NOT_VOLUME))
    found->trouble = g_strdup (why->message);
}

void
fts_search_run (FtsSearch *search, const GPtrArray *names)
{
  search->devices = g_ptr_array_new_with_free_func (free_found);
  search->skipped = g_ptr_array_new_with_free_func (free_skipped);
  for (unsigned i = 0; i < names->len; i++)
    look_at_path (search, g_ptr_array_index (names, i));
  for (unsigned i = 0; i < search->devices->len; i++)
    look_for_volume (g_ptr_array_index (search->devices, i));
}

void
fts_search_clear (FtsSearch *search)
{
  g_clear_pointer (&search->devices, g_ptr_array_unref);
  g_clear_pointer (&search->skipped, g_ptr_array_unref);
}

/* ---- a volume's key file ---- */

static bool
is_called (const FtsFound *found, const char *volume)
{
  g_autofree char *uuid = fts_text_uuid (found->mcb.volume_uuid);

  return found->has_volume && (strcmp (found->mcb.volume_name, volume) == 0 ||
                               g_ascii_strcasecmp (uuid, volume) == 0);
}

static bool
is_same_volume (const FtsMcb *a, const FtsMcb *b)
{
  return memcmp (a->volume_uuid, b->volume_uuid, sizeof a->volume_uuid) == 0;
}

static bool
refuse (GError **error, const char *volume, const char *why)
{
  g_set_error (error, FTS_ERROR, FTS_ERROR_NOT_FOUND, "volume \"%s\": %s", volume, why);
  return false;
}

/* DEVICES: of const FtsFound, by their number in the volume from 0; NULL = not found. */
static bool
sort_devices (const FtsSearch *search, const char *volume, GPtrArray *devices,
              GError **error)
{
  const FtsFound *any = NULL;

  for (unsigned i = 0; i < search->devices->len; i++) {
    FtsFound *found = g_ptr_array_index (search->devices, i);
    if (!is_called (found, volume))
      continue;
    if (any != NULL && !is_same_volume (&any->mcb, &found->mcb))
      return refuse (error, volume,
                     "several volumes have this name; give the UUID instead");
    any = found;
    unsigned index = MAX (found->mcb.blk5_dev_id, 1) - 1;
    if (index >= devices->len)
      g_ptr_array_set_size (devices, (int) index + 1);
    if (g_ptr_array_index (devices, index) != NULL)
      return refuse (error, volume,
                     "two LUNs say that they are the same device of it: one is a copy");
    g_ptr_array_index (devices, index) = found;
  }
  return any != NULL ||
         refuse (error, volume, "no device of it is among those that were found");
}

static bool
check_complete (const char *volume, GPtrArray *devices, GError **error)
{
  const FtsFound *master = g_ptr_array_index (devices, 0);

  if (master == NULL || !master->mcb.is_master)
    return refuse (error, volume, "its master device was not found");
  if (devices->len < master->mcb.blk5_secondary_device_entrynum)
    g_ptr_array_set_size (devices, (int) master->mcb.blk5_secondary_device_entrynum);
  for (unsigned i = 0; i < devices->len; i++)
    if (g_ptr_array_index (devices, i) == NULL) {
      g_autofree char *why =
        g_strdup_printf ("its device %u was not found; show paths to it too", i + 1);
      return refuse (error, volume, why);
    }
  return true;
}

/* PATH as it goes into a file that others may read; FILE stands for a secret in it. */
static char *
without_secret (const char *path, const char *file, bool *had_secret)
{
  g_autoptr (LunPathName) name = lun_path_name_parse (path, NULL);
  g_autofree char *masked = lun_path_name_mask (path);

  if (name == NULL || name->secret == NULL)
    return g_strdup (path);
  char *hidden = strstr (masked, "%***@");
  if (hidden == NULL)
    return g_strdup (path);
  memmove (hidden, hidden + strlen ("%***"), strlen (hidden + strlen ("%***")) + 1);
  *had_secret = true;
  return g_strdup_printf ("%s%csecret-file=%s", masked, name->keys[0] ? '&' : '?',
                          file);
}

static void
add_group (GKeyFile *keys, unsigned number, const FtsFound *found, const char *file,
           bool *had_secret)
{
  const LunPathFacts *facts = fts_found_facts (found);
  g_autofree char *group = g_strdup_printf ("device %u", number);
  g_autofree char *comment = g_strdup_printf (" %s", facts->identity);
  g_autoptr (GPtrArray) paths = g_ptr_array_new_with_free_func (g_free);

  for (unsigned i = 0; i < found->paths->len; i++) {
    const FtsFoundPath *path = g_ptr_array_index (found->paths, i);
    g_ptr_array_add (paths, without_secret (path->name, file, had_secret));
  }
  g_key_file_set_string_list (keys, group, "paths", (const char *const *) paths->pdata,
                              paths->len);
  g_key_file_set_comment (keys, group, "paths", comment, NULL);
}

char *
fts_found_config (const FtsSearch *search, const char *volume, GError **error)
{
  g_autoptr (GPtrArray) devices = g_ptr_array_new ();
  g_autoptr (GKeyFile) keys = g_key_file_new ();
  bool had_secret = false;

  if (!sort_devices (search, volume, devices, error) ||
      !check_complete (volume, devices, error))
    return NULL;
  const FtsMcb *mcb = &((FtsFound *) g_ptr_array_index (devices, 0))->mcb;
  g_autofree char *file = g_strdup_printf ("/etc/ftsfs/%s.chap", mcb->volume_name);
  g_key_file_set_string (keys, "volume", "name", mcb->volume_name);
  for (unsigned i = 0; i < devices->len; i++)
    add_group (keys, i + 1, g_ptr_array_index (devices, i), file, &had_secret);
  g_autofree char *text = g_key_file_to_data (keys, NULL, NULL);
  return g_strdup_printf (
    "# /etc/ftsfs/volumes/%s.conf, see ftsfs-volume(5)\n%s%s%s\n%s", mcb->volume_name,
    had_secret ? "# Put the CHAP secret into " : "", had_secret ? file : "",
    had_secret ? " and let nobody but root read it (chmod 600)." : "", text);
}
