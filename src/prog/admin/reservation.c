#include "prog/admin/reservation.h"

#include "base/error.h"
#include "volume/config.h"
#include "volume/device_spec.h"
#include "volume/identity.h"

#include <stdio.h>
#include <string.h>

void
fts_resv_clear (FtsResv *resv)
{
  lun_reservation_free (resv->reservation);
  lun_device_close (resv->device);
  g_free (resv->host);
  g_free (resv->key_text);
}

bool
fts_resv_parse_key (const char *text, uint64_t *out, GError **error)
{
  char *end;

  *out = g_ascii_strtoull (text, &end, 0);
  if (*out != 0 && *end == '\0' && text[0] != '-')
    return true;
  g_set_error (error, FTS_ERROR, FTS_ERROR_CONFIG,
               "key \"%s\": must be a number from 1 to 0xffffffffffffffff", text);
  return false;
}

/* ---- opening ---- */

static char **
find_paths (const FtsAdmin *admin, GError **error)
{
  const FtsVolumeOptions *where = &admin->where;
  FtsVolumeSpec spec = { .volume = where->volume };

  if (where->devices != NULL && where->devices[0] != NULL)
    return fts_device_spec_paths (where->devices[0], error);
  if (where->volume == NULL) {
    g_set_error (error, FTS_ERROR, FTS_ERROR_CONFIG,
                 "no device given; name it with --device");
    return NULL;
  }
  g_autoptr (FtsVolumeConfig) config = fts_volume_config_load (&spec, error);
  return config == NULL ? NULL : g_strdupv (g_ptr_array_index (config->devices, 0));
}

static bool
is_no_orphan (uint64_t key, void *user_data)
{
  return false;
}

static uint64_t
number_of (const char *text)
{
  g_autofree char *sum = g_compute_checksum_for_string (G_CHECKSUM_SHA256, text, -1);

  sum[16] = '\0';
  return g_ascii_strtoull (sum, NULL, 16);
}

/* The host's part of a key is short: two hosts may share it, so nothing is concluded from it. */
static uint64_t
key_of_host (const LunDevice *device, const char *host)
{
  uint64_t number = number_of (host);

  return lun_resv_key (number_of (lun_device_facts (device)->identity),
                       (uint32_t) number, number);
}

static bool
choose_key (FtsResv *resv, GError **error)
{
  char name[FTS_NAME_LEN];

  if (resv->key_text != NULL)
    return fts_resv_parse_key (resv->key_text, &resv->key, error);
  fts_identity_host_name (name);
  resv->key = key_of_host (resv->device, resv->host != NULL ? resv->host : name);
  return true;
}

static bool
check_type (const FtsResv *resv, GError **error)
{
  if (resv->type == 0 || resv->type == 1 || resv->type == 3 ||
      (resv->type >= 5 && resv->type <= 8))
    return true;
  g_set_error (error, FTS_ERROR, FTS_ERROR_CONFIG,
               "--type %d: must be 1, 3, 5, 6, 7 or 8", resv->type);
  return false;
}

LunDevice *
fts_admin_open_device (const FtsAdmin *admin, GError **error)
{
  g_auto (GStrv) paths = find_paths (admin, error);
  LunDeviceConfig config = { .paths = (const char *const *) paths,
                             .may_lack_size = true,
                             .conflict_ms =
                               1000 /* a volume lock by SCSI-2 RESERVE */ };

  return paths == NULL ? NULL : lun_device_open (&config, error);
}

static GArray *
all_entries (FtsResv *resv, const GOptionEntry *more)
{
  const GOptionEntry own[] = { { "host", 'H', 0, G_OPTION_ARG_STRING, &resv->host,
                                 "Use this host's key (this machine's)", "NAME" },
                               { "key", 'k', 0, G_OPTION_ARG_STRING, &resv->key_text,
                                 "Use this key", "KEY" },
                               { "persist", 'p', 0, G_OPTION_ARG_NONE, &resv->persist,
                                 "Registrations outlive a power loss (APTPL)", NULL },
                               { "type", 't', 0, G_OPTION_ARG_INT, &resv->type,
                                 "Type of the reservation (6)", "N" } };
  GArray *all = g_array_new (TRUE, TRUE, sizeof (GOptionEntry));

  g_array_append_vals (all, own, G_N_ELEMENTS (own));
  for (; more != NULL && more->long_name != NULL; more++)
    g_array_append_vals (all, more, 1);
  return all;
}

bool
fts_resv_open (FtsResv *resv, FtsAdmin *admin, const FtsCommand *command,
               const GOptionEntry *entries, int max_args, int *argc, char ***argv,
               GError **error)
{
  g_autoptr (GArray) all = all_entries (resv, entries);
  LunReservationConfig config = { .is_orphan = is_no_orphan, .has_flags = true };

  if (!fts_admin_parse (admin, command, (const GOptionEntry *) all->data, max_args,
                        argc, argv, error) ||
      !check_type (resv, error) ||
      (resv->device = fts_admin_open_device (admin, error)) == NULL ||
      !choose_key (resv, error))
    return false;
  config.key = resv->key;
  config.type = (LunPrType) resv->type;
  config.survives_power_loss = resv->persist;
  resv->reservation = lun_reservation_new (resv->device, &config);
  return true;
}

/* ---- showing ---- */

static char *
key_text (uint64_t key)
{
  return g_strdup_printf ("0x%016" G_GINT64_MODIFIER "x", key);
}

static bool
is_first (const GArray *keys, guint i)
{
  for (guint j = 0; j < i; j++)
    if (g_array_index (keys, uint64_t, j) == g_array_index (keys, uint64_t, i))
      return false;
  return true;
}

static unsigned
count_of (const GArray *keys, uint64_t key)
{
  unsigned n = 0;

  for (guint i = 0; i < keys->len; i++)
    n += g_array_index (keys, uint64_t, i) == key;
  return n;
}

static void
print_key (const FtsResv *resv, const LunResvView *view, uint64_t key)
{
  unsigned n = count_of (view->keys, key);

  printf (
    "key 0x%016" G_GINT64_MODIFIER "x  %u %s%s%s\n", key, n, n == 1 ? "path" : "paths",
    view->is_reserved && (view->holder_key == key || view->holder_key == 0) ? ", holder"
                                                                            : "",
    key == resv->key ? ", this host" : "");
}

static void
print_view (const FtsResv *resv, const LunResvView *view)
{
  if (view->is_reserved)
    printf ("reserved: type %u (%s)\n", view->type, lun_pr_type_name (view->type));
  else
    printf ("not reserved\n");
  for (guint i = 0; i < view->keys->len; i++)
    if (is_first (view->keys, i))
      print_key (resv, view, g_array_index (view->keys, uint64_t, i));
  for (guint i = 0; view->registrations != NULL && i < view->registrations->len; i++) {
    const LunResvRegistration *one =
      &g_array_index (view->registrations, LunResvRegistration, i);
    printf ("path 0x%016" G_GINT64_MODIFIER "x  %s%s\n", one->key, one->port,
            one->is_holder ? ", holder" : "");
  }
}

static void
add_key (JsonBuilder *json, const char *name, uint64_t key)
{
  g_autofree char *text = key_text (key);

  fts_json_text (json, name, text);
}

static void
add_keys (JsonBuilder *json, const LunResvView *view)
{
  json_builder_set_member_name (json, "keys");
  json_builder_begin_array (json);
  for (guint i = 0; i < view->keys->len; i++) {
    uint64_t key = g_array_index (view->keys, uint64_t, i);
    if (!is_first (view->keys, i))
      continue;
    json_builder_begin_object (json);
    add_key (json, "key", key);
    fts_json_number (json, "paths", count_of (view->keys, key));
    fts_json_bool (json, "holder",
                   view->is_reserved &&
                     (view->holder_key == key || view->holder_key == 0));
    json_builder_end_object (json);
  }
  json_builder_end_array (json);
}

static void
add_registrations (JsonBuilder *json, const GArray *registrations)
{
  json_builder_set_member_name (json, "registrations");
  json_builder_begin_array (json);
  for (guint i = 0; i < registrations->len; i++) {
    const LunResvRegistration *one =
      &g_array_index (registrations, LunResvRegistration, i);
    json_builder_begin_object (json);
    add_key (json, "key", one->key);
    fts_json_text (json, "port", one->port);
    fts_json_number (json, "target_port", one->relative_port);
    fts_json_bool (json, "holder", one->is_holder);
    json_builder_end_object (json);
  }
  json_builder_end_array (json);
}

static void
print_json (const FtsResv *resv, const LunResvView *view)
{
  g_autoptr (JsonBuilder) json = json_builder_new ();

  json_builder_begin_object (json);
  fts_json_text (json, "device", lun_device_name (resv->device));
  fts_json_text (json, "identity", lun_device_facts (resv->device)->identity);
  add_key (json, "own_key", resv->key);
  fts_json_number (json, "generation", view->generation);
  fts_json_bool (json, "reserved", view->is_reserved);
  if (view->is_reserved) {
    fts_json_number (json, "type", view->type);
    add_key (json, "holder_key", view->holder_key);
  }
  add_keys (json, view);
  if (view->registrations != NULL)
    add_registrations (json, view->registrations);
  json_builder_end_object (json);
  fts_json_print (json);
}

bool
fts_resv_show (FtsResv *resv, const FtsAdmin *admin, GError **error)
{
  LunResvView view;

  if (lun_reservation_state (resv->reservation) == LUN_RESV_COMPAT)
    return true; /* there is nothing to read; the message has been given */
  if (!lun_reservation_read (resv->reservation, &view, error))
    return false;
  if (admin->json)
    print_json (resv, &view);
  else
    print_view (resv, &view);
  lun_resv_view_clear (&view);
  return true;
}

FtsExit
fts_resv_run (FtsAdmin *admin, const FtsCommand *command, int argc, char **argv,
              bool (*act) (FtsResv *resv, GError **error))
{
  g_auto (FtsResv) resv = { 0 };
  g_autoptr (GError) error = NULL;

  if (!fts_resv_open (&resv, admin, command, NULL, 0, &argc, &argv, &error) ||
      !act (&resv, &error) || !fts_resv_show (&resv, admin, &error))
    return fts_admin_fail (error);
  return FTS_EXIT_OK;
}
