#include "prog/common/volume_options.h"

#include "base/error.h"

void
fts_volume_options_add (FtsVolumeOptions *options, FtsVolumeOptionsKind kind,
                        GOptionContext *context)
{
  const GOptionEntry where[] = {
    { "volume", 'v', 0, G_OPTION_ARG_STRING, &options->volume,
      "The volume: master device (PATH[|PATH...]), configuration name or file",
      "SPEC" },
    { "device", 'd', 0, G_OPTION_ARG_STRING_ARRAY, &options->devices,
      "A secondary device of the volume (may be repeated)", "SPEC" },
    { 0 }
  };
  const GOptionEntry who[] = {
    { "name", 'n', 0, G_OPTION_ARG_STRING, &options->name,
      "Name of this member of the volume (default: the host's name)", "NAME" },
    { 0 }
  };

  g_option_context_add_main_entries (context, where, NULL);
  if (kind == FTS_VOLUME_OPTIONS_WITH_NAME)
    g_option_context_add_main_entries (context, who, NULL);
}

void
fts_volume_options_clear (FtsVolumeOptions *options)
{
  g_clear_pointer (&options->volume, g_free);
  g_clear_pointer (&options->devices, g_strfreev);
  g_clear_pointer (&options->name, g_free);
  g_clear_pointer (&options->secret_file, g_free);
}

FtsVolumeSpec
fts_volume_options_spec (const FtsVolumeOptions *options)
{
  return (FtsVolumeSpec){ .volume = options->volume, .devices = options->devices };
}

FtsVolume *
fts_volume_options_open (FtsVolumeOptions *options, bool read_only, GError **error)
{
  FtsVolumeSpec spec = { .volume = options->volume,
                         .devices = options->devices,
                         .read_only = read_only };
  g_autoptr (FtsVolumeConfig) config = NULL;

  if (options->volume == NULL) {
    g_set_error (error, FTS_ERROR, FTS_ERROR_CONFIG,
                 "no volume named; use --volume SPEC");
    return NULL;
  }
  config = fts_volume_config_load (&spec, error);
  if (config == NULL)
    return NULL;
  if (options->name == NULL)
    options->name = g_steal_pointer (&config->host);
  if (options->secret_file == NULL)
    options->secret_file = g_steal_pointer (&config->secret_file);
  return fts_volume_open (&spec, error);
}
