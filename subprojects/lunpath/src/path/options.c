#include "path/options.h"

#include <lunpath/transport.h>

#include <string.h>

typedef struct {
  const char *name;
  size_t offset; /* of a uint32_t in LunDeviceConfig */
  uint32_t max;
} Number;

#define HOUR_MS 3600000

static const Number numbers[] = {
  { "try-ms", offsetof (LunDeviceConfig, try_ms), HOUR_MS },
  { "no-path-wait-ms", offsetof (LunDeviceConfig, no_path_wait_ms), HOUR_MS },
  { "failback-ms", offsetof (LunDeviceConfig, failback_ms), 24 * HOUR_MS },
  { "check-ms", offsetof (LunDeviceConfig, check_ms), HOUR_MS },
  { "check-max-ms", offsetof (LunDeviceConfig, check_max_ms), HOUR_MS },
  { "check-timeout-ms", offsetof (LunDeviceConfig, check_timeout_ms), HOUR_MS },
  { "flaps", offsetof (LunDeviceConfig, flaps), 16 },
  { "flap-ms", offsetof (LunDeviceConfig, flap_ms), 24 * HOUR_MS },
};

static bool
complain (const char *key, const char *value, const char *wants, GError **error)
{
  g_set_error (error, LUN_ERROR, LUN_ERROR_CONFIG, "device option \"%s=%s\": %s", key,
               value, wants);
  return false;
}

static bool
read_number (LunOptions *options, const Number *number, const char *value,
             GError **error)
{
  guint64 parsed;

  if (!g_ascii_string_to_unsigned (value, 10, 1, number->max, &parsed, NULL)) {
    g_autofree char *wants = g_strdup_printf ("wants 1 to %u", number->max);
    return complain (number->name, value, wants, error);
  }
  *(uint32_t *) (void *) ((char *) &options->config + number->offset) =
    (uint32_t) parsed;
  return true;
}

static bool
read_weights (LunOptions *options, const char *value, GError **error)
{
  g_auto (GStrv) parts = g_strsplit (value, ":", -1);
  guint64 weight;

  for (unsigned i = 0; parts[i]; i++) {
    if (i == LUN_PATHS_MAX ||
        !g_ascii_string_to_unsigned (parts[i], 10, 1, 1000, &weight, NULL))
      return complain ("weights", value, "wants numbers from 1 to 1000, as 3:1", error);
    options->weights[i] = (uint32_t) weight;
  }
  return true;
}

static bool
read_one (LunOptions *options, const char *key, const char *value, GError **error)
{
  if (g_str_equal (key, "policy")) {
    g_free (options->policy);
    options->config.policy = options->policy = g_strdup (value);
    return true;
  }
  if (g_str_equal (key, "weights"))
    return read_weights (options, value, error);
  for (unsigned i = 0; i < G_N_ELEMENTS (numbers); i++)
    if (g_str_equal (key, numbers[i].name))
      return read_number (options, &numbers[i], value, error);
  return complain (key, value, "there is no such option", error);
}

static bool
read_all (LunOptions *options, const char *text, GError **error)
{
  g_auto (GStrv) pairs = g_strsplit (text, "&", -1);

  for (unsigned i = 0; pairs[i]; i++) {
    char *value = strchr (pairs[i], '=');
    if (!value) {
      g_set_error (error, LUN_ERROR, LUN_ERROR_CONFIG,
                   "device option \"%s\": wants NAME=VALUE", pairs[i]);
      return false;
    }
    *value = '\0';
    if (!read_one (options, pairs[i], value + 1, error))
      return false;
  }
  return true;
}

bool
lun_options_is (const char *name)
{
  return name[0] == '?';
}

bool
lun_options_read (LunOptions *options, const char *names, GError **error)
{
  g_auto (GStrv) all = lun_path_name_split (names);

  for (unsigned i = 0; all[i]; i++)
    if (lun_options_is (all[i]) && !read_all (options, all[i] + 1, error))
      return false;
  return true;
}

void
lun_options_clear (LunOptions *options)
{
  g_free (options->policy);
}
