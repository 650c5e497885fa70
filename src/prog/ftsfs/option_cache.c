#include "prog/ftsfs/option_cache.h"

#include "base/error.h"

#include <string.h>

#define DEFAULT_S       1.0
#define DEFAULT_WATCH_S 300
#define MOST_S          4e6

typedef enum {
  SET_ATTR, /* files' and directories' attributes, least and most */
  SET_FILE_MIN,
  SET_FILE_MAX,
  SET_DIR_MIN,
  SET_DIR_MAX,
  SET_ENTRY,
  SET_NEGATIVE,
  SET_WATCH,
  SET_ALL,
  WORD_LOOKUPS,
  WORD_CACHE,
  ALL_DEFAULTS,
  ALL_NOTHING,
  DATA_AUTO,
  DATA_KEEP,
  DATA_DIRECT,
} Action;

static const struct {
  const char *name;
  Action action;
} table[] = {
  { "attr_timeout", SET_ATTR },   { "acregmin", SET_FILE_MIN },
  { "acregmax", SET_FILE_MAX },   { "acdirmin", SET_DIR_MIN },
  { "acdirmax", SET_DIR_MAX },    { "entry_timeout", SET_ENTRY },
  { "watch_timeout", SET_WATCH }, { "negative_timeout", SET_NEGATIVE },
  { "actimeo", SET_ALL },         { "cache_timeout", SET_ALL },
  { "dcache_timeout", SET_ALL },  { "lookupcache", WORD_LOOKUPS },
  { "cache", WORD_CACHE },        { "dir_cache", WORD_CACHE },
  { "ac", ALL_DEFAULTS },         { "noac", ALL_NOTHING },
  { "auto_cache", DATA_AUTO },    { "kernel_cache", DATA_KEEP },
  { "direct_io", DATA_DIRECT },
};

static void
set_attr (FtsMountOptions *out, double seconds)
{
  out->file_attr_min = out->file_attr_max = seconds;
  out->dir_attr_min = out->dir_attr_max = seconds;
}

static void
set_all (FtsMountOptions *out, double seconds)
{
  set_attr (out, seconds);
  out->entry_timeout = out->negative_timeout = seconds;
}

void
fts_option_cache_set_defaults (FtsMountOptions *out)
{
  set_all (out, DEFAULT_S);
  out->watch_timeout = DEFAULT_WATCH_S;
  out->data_cache = FTS_DATA_CACHE_AUTO;
}

static bool
wrong_value (const char *option, const char *wanted, GError **error)
{
  g_set_error (error, FTS_ERROR, FTS_ERROR_CONFIG, "option %s: %s is needed", option,
               wanted);
  return false;
}

static bool
parse_seconds (const char *option, const char *value, double *out, GError **error)
{
  char *end = NULL;

  *out = g_ascii_strtod (value, &end);
  if (end == value || *end != '\0' || !(*out >= 0 && *out < MOST_S))
    return wrong_value (option, "a number of seconds", error);
  return true;
}

/* A least time above the most, or the other way round, moves the other with it. */
static void
set_seconds (FtsMountOptions *out, Action action, double seconds)
{
  switch (action) {
  case SET_ATTR:
    set_attr (out, seconds);
    return;
  case SET_FILE_MIN:
    out->file_attr_min = seconds;
    out->file_attr_max = MAX (out->file_attr_max, seconds);
    return;
  case SET_FILE_MAX:
    out->file_attr_max = seconds;
    out->file_attr_min = MIN (out->file_attr_min, seconds);
    return;
  case SET_DIR_MIN:
    out->dir_attr_min = seconds;
    out->dir_attr_max = MAX (out->dir_attr_max, seconds);
    return;
  case SET_DIR_MAX:
    out->dir_attr_max = seconds;
    out->dir_attr_min = MIN (out->dir_attr_min, seconds);
    return;
  case SET_ENTRY:
    out->entry_timeout = seconds;
    return;
  case SET_NEGATIVE:
    out->negative_timeout = seconds;
    return;
  case SET_WATCH:
    out->watch_timeout = seconds;
    return;
  default:
    set_all (out, seconds);
    return;
  }
}

static bool
set_lookups (FtsMountOptions *out, const char *option, const char *value,
             GError **error)
{
  if (strcmp (value, "none") == 0)
    out->entry_timeout = out->negative_timeout = 0;
  else if (strcmp (value, "pos") == 0 || strcmp (value, "positive") == 0)
    out->negative_timeout = 0;
  else if (strcmp (value, "all") != 0)
    return wrong_value (option, "all, pos, positive or none", error);
  return true;
}

static bool
set_cache (FtsMountOptions *out, const char *option, const char *value, GError **error)
{
  if (strcmp (value, "no") == 0)
    set_all (out, 0);
  else if (strcmp (value, "yes") != 0)
    return wrong_value (option, "yes or no", error);
  return true;
}

static bool
carry_out (FtsMountOptions *out, Action action, const char *option, const char *value,
           GError **error)
{
  double seconds;

  switch (action) {
  case WORD_LOOKUPS:
    return set_lookups (out, option, value, error);
  case WORD_CACHE:
    return set_cache (out, option, value, error);
  case ALL_DEFAULTS:
    set_all (out, DEFAULT_S);
    return true;
  case ALL_NOTHING:
    set_all (out, 0);
    return true;
  case DATA_AUTO:
    out->data_cache = FTS_DATA_CACHE_AUTO;
    return true;
  case DATA_KEEP:
    out->data_cache = FTS_DATA_CACHE_KEEP;
    return true;
  case DATA_DIRECT:
    out->data_cache = FTS_DATA_CACHE_NONE;
    return true;
  default:
    if (!parse_seconds (option, value, &seconds, error))
      return false;
    set_seconds (out, action, seconds);
    return true;
  }
}

bool
fts_option_cache_take (FtsMountOptions *out, const char *option, GError **error)
{
  size_t len = strcspn (option, "=");
  const char *value = option[len] == '=' ? option + len + 1 : "";

  for (size_t i = 0; i < G_N_ELEMENTS (table); i++)
    if (strlen (table[i].name) == len && strncmp (table[i].name, option, len) == 0)
      return carry_out (out, table[i].action, option, value, error);
  g_assert_not_reached (); /* a row of option_rules.c that the table lacks */
}

double
fts_option_cache_seconds (const FtsMountOptions *options, bool directory, double age_s)
{
  double min = directory ? options->dir_attr_min : options->file_attr_min;
  double max = directory ? options->dir_attr_max : options->file_attr_max;

  return CLAMP (age_s / 10, min, max);
}
