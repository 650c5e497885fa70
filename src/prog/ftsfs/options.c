/* options.c - see options.h: the arguments, and what of the options belongs together. */
#include "prog/ftsfs/options.h"

#include "prog/ftsfs/option_cache.h"

#include "base/error.h"
#include "prog/ftsfs/option_rules.h"

#include <string.h>
#include <unistd.h>

#define BG_RETRY 10000u /* minutes, as nfs(5) */

/* ---- arguments ---- */
typedef struct {
  bool helper; /* called by mount(8) */
  bool sloppy;
  GPtrArray *words;    /* arguments that are no flags; not owned */
  GPtrArray *opt_args; /* arguments of -o; not owned */
} Arguments;

static bool
take_flag (FtsMountOptions *out, Arguments *args, char flag, GError **error)
{
  switch (flag) {
  case 'f':
    *(args->helper ? &out->fake : &out->foreground) = true;
    return true;
  case 's':
    *(args->helper ? &args->sloppy : &out->single_thread) = true;
    return true;
  case 'd':
    out->debug = out->foreground = true;
    return true;
  case 'v':
    out->verbose = true;
    return true;
  case 'r':
    out->read_only = true;
    return true;
  case 'n': /* no /etc/mtab: there is none any more */
  case 'w':
    return true;
  case 'h':
    out->help = true;
    return true;
  case 'V':
    out->version = true;
    return true;
  default:
    g_set_error (error, FTS_ERROR, FTS_ERROR_CONFIG, "unknown option -%c", flag);
    return false;
  }
}

static bool
take_long_flag (FtsMountOptions *out, const char *flag, GError **error)
{
  if (strcmp (flag, "--help") == 0)
    out->help = true;
  else if (strcmp (flag, "--version") == 0)
    out->version = true;
  else if (strcmp (flag, "--fake") == 0)
    out->fake = true;
  else {
    g_set_error (error, FTS_ERROR, FTS_ERROR_CONFIG, "unknown option %s", flag);
    return false;
  }
  return true;
}

/* One argument of flags, "-fd" or "-oro"; *NEXT is the argument after it, set to NULL when it
 * was used up as a value. */
static bool
take_flags (FtsMountOptions *out, Arguments *args, const char *arg, char **next,
            GError **error)
{
  for (const char *flag = arg + 1; *flag; flag++) {
    if (strchr ("otN", *flag) == NULL) {
      if (!take_flag (out, args, *flag, error))
        return false;
      continue;
    }
    const char *value = flag[1] ? flag + 1 : g_steal_pointer (next);
    if (value == NULL) {
      g_set_error (error, FTS_ERROR, FTS_ERROR_CONFIG, "option -%c needs a value",
                   *flag);
      return false;
    }
    if (*flag == 'o') /* -t TYPE and -N NAMESPACE are mount(8)'s business */
      g_ptr_array_add (args->opt_args, (char *) value);
    return true;
  }
  return true;
}

static bool
scan_arguments (int argc, char *const *argv, FtsMountOptions *out, Arguments *args,
                GError **error)
{
  bool only_words = false;

  for (int i = 1; i < argc; i++) {
    const char *arg = argv[i];
    char *next = i + 1 < argc ? argv[i + 1] : NULL;
    bool had_next = next != NULL;

    if (only_words || arg[0] != '-' || arg[1] == '\0')
      g_ptr_array_add (args->words, (char *) arg);
    else if (strcmp (arg, "--") == 0)
      only_words = true;
    else if (arg[1] == '-') {
      if (!take_long_flag (out, arg, error))
        return false;
    } else {
      if (!take_flags (out, args, arg, &next, error))
        return false;
      i += had_next && next == NULL;
    }
  }
  return true;
}

/* ---- what belongs together ---- */
static bool
wrong_usage (GError **error, const char *message)
{
  g_set_error (error, FTS_ERROR, FTS_ERROR_CONFIG, "%s", message);
  return false;
}

static bool
take_words (FtsMountOptions *out, const GPtrArray *words, GError **error)
{
  guint wanted = out->source && words->len == 1 ? 1 : 2;

  if (words->len != wanted)
    return wrong_usage (error, "what to mount (PEER:/EXPORT) and where is needed");
  if (out->source == NULL)
    out->source = g_strdup (words->pdata[0]);
  out->mountpoint = g_strdup (words->pdata[words->len - 1]);
  return true;
}

/* "PEER:/EXPORT"; libfuse may hand on "fuse.ftsfs#PEER:/EXPORT" unchanged, which is no peer. */
static bool
split_source (FtsMountOptions *out, GError **error)
{
  const char *colon = strchr (out->source, ':');
  const char *export_name = colon ? colon + 1 : "";

  while (*export_name == '/')
    export_name++;
  if (colon == NULL || colon == out->source || *export_name == '\0') {
    g_set_error (error, FTS_ERROR, FTS_ERROR_CONFIG, "\"%s\" is not PEER:/EXPORT",
                 out->source);
    return false;
  }
  out->peer = g_strndup (out->source, (gsize) (colon - out->source));
  out->export_name = g_strdup (export_name);
  return true;
}

static bool
check_people (const FtsMountOptions *out, GError **error)
{
  bool has_files = out->uid_file != NULL || out->gid_file != NULL;
  bool has_anonymous = out->anon_uid != FTS_NO_ID || out->anon_gid != FTS_NO_ID;

  if (out->idmap == FTS_MOUNT_IDMAP_FILE && !has_files)
    return wrong_usage (error, "idmap=file needs uidfile=FILE or gidfile=FILE");
  if (out->idmap != FTS_MOUNT_IDMAP_FILE && (has_files || out->nomap_ignore))
    return wrong_usage (error, "uidfile=, gidfile= and nomap= go with idmap=file");
  if (out->idmap != FTS_MOUNT_IDMAP_SQUASH && has_anonymous)
    return wrong_usage (error, "anonuid= and anongid= go with idmap=squash");
  return true;
}

static bool
finish (FtsMountOptions *out, const Arguments *args, GError **error)
{
  for (guint i = 0; i < args->opt_args->len; i++)
    if (!fts_option_rules_take (out, args->opt_args->pdata[i], args->sloppy, error))
      return false;
  g_ptr_array_add (out->devices, NULL);
  if (out->help || out->version)
    return true;
  if (!take_words (out, args->words, error))
    return false;
  if (out->remount)
    return true;
  if (!split_source (out, error))
    return false;
  /* libfuse forbids both unless told; mount(8) allows both unless told. */
  if (args->helper && geteuid () == 0) {
    g_autofree char *told = out->kernel_options;
    out->kernel_options = g_strconcat ("suid,dev", *told ? "," : "", told, NULL);
  }
  if (out->volume == NULL)
    return wrong_usage (error, "which volume? say -o volume=SPEC");
  if (!check_people (out, error))
    return false;
  if (out->background && !out->has_retry)
    out->retry_minutes = BG_RETRY;
  out->threads = CLAMP (out->threads, 1, 100);
  return true;
}

static void
set_defaults (FtsMountOptions *out)
{
  *out = (FtsMountOptions){
    .wait_ms = 10000,
    .timeo = 600,
    .retrans = 3,
    .grace_ms = 60000,
    .readahead_kb = 4096,
    .behind_kb = 16384,
    .threads = 10,
    .anon_uid = FTS_NO_ID,
    .anon_gid = FTS_NO_ID,
    .uid = FTS_NO_ID,
    .gid = FTS_NO_ID,
    .umask = FTS_NO_ID,
    .fmask = FTS_NO_ID,
    .dmask = FTS_NO_ID,
    .given = g_ptr_array_new_with_free_func (g_free),
    .devices = g_ptr_array_new_with_free_func (g_free),
    .kernel_options = g_strdup (""),
  };
  fts_option_cache_set_defaults (out);
}

bool
fts_mount_options_parse (int argc, char *const *argv, FtsMountOptions *out,
                         GError **error)
{
  g_autofree char *program = g_path_get_basename (argc > 0 ? argv[0] : "ftsfs");
  g_autoptr (GPtrArray) words = g_ptr_array_new ();
  g_autoptr (GPtrArray) opt_args = g_ptr_array_new ();
  Arguments args = { .helper = g_str_has_prefix (program, "mount."),
                     .words = words,
                     .opt_args = opt_args };

  set_defaults (out);
  out->is_helper = args.helper;
  return scan_arguments (argc, argv, out, &args, error) && finish (out, &args, error);
}

void
fts_mount_options_clear (FtsMountOptions *options)
{
  g_free (options->source);
  g_free (options->peer);
  g_free (options->export_name);
  g_free (options->mountpoint);
  g_free (options->volume);
  g_clear_pointer (&options->devices, g_ptr_array_unref);
  g_clear_pointer (&options->given, g_ptr_array_unref);
  g_free (options->name);
  g_free (options->secret_file);
  g_free (options->uid_file);
  g_free (options->gid_file);
  g_free (options->kernel_options);
  g_free (options->stats_file);
  *options = (FtsMountOptions){ 0 };
}
