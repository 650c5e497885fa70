#include "prog/ftsfs/options.h"

#include "base/error.h"

#include <stddef.h>
#include <string.h>
#include <unistd.h>

const char fts_mount_usage[] =
  "usage: ftsfs PEER:/EXPORT DIRECTORY -o volume=SPEC[,OPTION...] [-f] [-d] [-s]\n"
  "\n"
  "Mounts a directory that the host PEER exports through a shared LUN.\n"
  "\n"
  "  -o OPTION,...        mount options, see below\n"
  "  -f                   stay in the foreground\n"
  "  -d                   print every request of the kernel; implies -f\n"
  "  -s                   one thread\n"
  "  -v                   say what happens\n"
  "      --fake           do everything but mount\n"
  "  -h, --help           this text\n"
  "  -V, --version        version\n"
  "\n"
  "Options:\n"
  "  volume=SPEC          the volume's master device, or a configuration name\n"
  "  device=SPEC          a secondary device; may be repeated\n"
  "  name=NAME            own name on the volume (default: the host's)\n"
  "  secret=FILE          file with the secret shared with PEER\n"
  "  wait=SECONDS         how long to wait for PEER (default 10)\n"
  "  retry=MINUTES        try again so long when PEER or volume cannot be reached (0)\n"
  "  bg, fg               let the caller go on meanwhile, for 10000 minutes unless\n"
  "                       retry= says otherwise; or not (default)\n"
  "  soft | hard          give up after a time (default), or wait for PEER for ever\n"
  "  grace=SECONDS        how long to wait for PEER when it went away (default 30)\n"
  "  timeo=N, retrans=N   a request ends after N tenths of a second (600), N times (3)\n"
  "  max_connections=N    connections at most (default 8)\n"
  "  attr_timeout=S, entry_timeout=S, negative_timeout=S, actimeo=S, noac\n"
  "                       how long the kernel may trust attributes, names and the\n"
  "                       absence of names (default 1 each)\n"
  "  watch_timeout=S      the same for what PEER watches, as it tells of changes at\n"
  "                       once (default 300; 0 = it need not tell)\n"
  "  readahead=KIB        kernel readahead (root only; 0 = the kernel's; default 4096)\n"
  "  writebehind=KIB      bytes written in the background at most; errors show at\n"
  "                       fsync and close; 0 = every write waits (default 16384)\n"
  "  threads=N            requests served at once (default 10)\n"
  "  stats=FILE           SIGUSR1 writes counters as JSON to FILE\n"
  "  source=PEER:/EXPORT  instead of the first argument\n"
  "  idmap=none|user|file|squash\n"
  "                       users there: the same numbers; the mount's user is the owner\n"
  "                       of the export; by files; everybody is one (default none)\n"
  "  uidfile=FILE, gidfile=FILE, nomap=nobody|ignore\n"
  "                       for idmap=file: lines NAME:NUMBER, and what of the others\n"
  "  anonuid=N, anongid=N for idmap=squash: as whom to work there\n"
  "  uid=N, gid=N         owner and group that are shown; the mount's user\n"
  "  umask=M, fmask=M, dmask=M\n"
  "                       permissions shown lack these; of files, of directories\n"
  "  remount              change ro, rw, nosuid and their like of a live mount\n"
  "  ro, rw, nosuid, nodev, noexec, noatime, allow_other, max_read=N, auto_unmount, ...\n"
  "                       as for every FUSE mount\n";

typedef enum {
  TAKE_STRING,
  TAKE_LIST,
  TAKE_MS,      /* seconds, kept as milliseconds */
  TAKE_SECONDS, /* seconds, kept as a double */
  TAKE_COUNT,
  TAKE_ID,    /* a user's or group's number */
  TAKE_OCTAL, /* permission bits */
  TAKE_IDMAP,
  TAKE_NOMAP,
  TAKE_ALL_TIMEOUTS,
  TAKE_NO_TIMEOUTS,
  TAKE_HARD,
  TAKE_SOFT,
  TAKE_READ_ONLY,
  TAKE_READ_WRITE,
  TAKE_FOREGROUND,
  TAKE_BG,
  TAKE_FG,
  TAKE_RETRY,
  TAKE_REMOUNT,
  TAKE_DEFAULT_PERMISSIONS,
  PASS_ON,
  DROP,
} Treatment;

typedef struct {
  const char *name; /* a trailing '=' asks for a value, a trailing '*' takes any rest */
  Treatment treatment;
  size_t field;
} Rule;

#define NAME_MOST \
  32u /* bytes of an option's name that misspellings are looked for in */
#define MOST_RETRY  5000000u /* minutes: ten years */
#define BG_RETRY    10000u   /* as nfs(5) */

#define FIELD(name) offsetof (FtsMountOptions, name)

static const Rule rules[] = {
  { "volume=", TAKE_STRING, FIELD (volume) },
  { "device=", TAKE_LIST, FIELD (devices) },
  { "name=", TAKE_STRING, FIELD (name) },
  { "secret=", TAKE_STRING, FIELD (secret_file) },
  { "source=", TAKE_STRING, FIELD (source) },
  { "stats=", TAKE_STRING, FIELD (stats_file) },
  { "wait=", TAKE_MS, FIELD (wait_ms) },
  { "hard", TAKE_HARD, 0 },
  { "soft", TAKE_SOFT, 0 },
  { "timeo=", TAKE_COUNT, FIELD (timeo) },
  { "retrans=", TAKE_COUNT, FIELD (retrans) },
  { "grace=", TAKE_MS, FIELD (grace_ms) },
  { "max_connections=", TAKE_COUNT, FIELD (max_connections) },
  { "readahead=", TAKE_COUNT, FIELD (readahead_kb) },
  { "writebehind=", TAKE_COUNT, FIELD (behind_kb) },
  { "threads=", TAKE_COUNT, FIELD (threads) },
  { "attr_timeout=", TAKE_SECONDS, FIELD (attr_timeout) },
  { "entry_timeout=", TAKE_SECONDS, FIELD (entry_timeout) },
  { "negative_timeout=", TAKE_SECONDS, FIELD (negative_timeout) },
  { "watch_timeout=", TAKE_SECONDS, FIELD (watch_timeout) },
  { "actimeo=", TAKE_ALL_TIMEOUTS, 0 },
  { "noac", TAKE_NO_TIMEOUTS, 0 },
  { "ro", TAKE_READ_ONLY, 0 },
  { "rw", TAKE_READ_WRITE, 0 },
  { "foreground", TAKE_FOREGROUND, 0 },
  { "default_permissions", TAKE_DEFAULT_PERMISSIONS, 0 },
  { "remount", TAKE_REMOUNT, 0 },
  { "retry=", TAKE_RETRY, FIELD (retry_minutes) },
  { "bg", TAKE_BG, 0 },
  { "fg", TAKE_FG, 0 },
  { "idmap=", TAKE_IDMAP, 0 },
  { "uidfile=", TAKE_STRING, FIELD (uid_file) },
  { "gidfile=", TAKE_STRING, FIELD (gid_file) },
  { "nomap=", TAKE_NOMAP, 0 },
  { "anonuid=", TAKE_ID, FIELD (anon_uid) },
  { "anongid=", TAKE_ID, FIELD (anon_gid) },
  { "uid=", TAKE_ID, FIELD (uid) },
  { "gid=", TAKE_ID, FIELD (gid) },
  { "umask=", TAKE_OCTAL, FIELD (umask) },
  { "fmask=", TAKE_OCTAL, FIELD (fmask) },
  { "dmask=", TAKE_OCTAL, FIELD (dmask) },
  /* the kernel's and libfuse's own */
  { "nosuid", PASS_ON, 0 },
  { "suid", PASS_ON, 0 },
  { "nodev", PASS_ON, 0 },
  { "dev", PASS_ON, 0 },
  { "noexec", PASS_ON, 0 },
  { "exec", PASS_ON, 0 },
  { "noatime", PASS_ON, 0 },
  { "nodiratime", PASS_ON, 0 },
  { "sync", PASS_ON, 0 },
  { "async", PASS_ON, 0 },
  { "dirsync", PASS_ON, 0 },
  { "allow_other", PASS_ON, 0 },
  { "allow_root", PASS_ON, 0 },
  { "max_read=", PASS_ON, 0 },
  { "auto_unmount", PASS_ON, 0 },
  { "context=", PASS_ON, 0 },
  { "fscontext=", PASS_ON, 0 },
  { "defcontext=", PASS_ON, 0 },
  { "rootcontext=", PASS_ON, 0 },
  /* always so here, or read by mount(8), fstab(5) and systemd only */
  { "defaults", DROP, 0 },
  { "atime", DROP, 0 },
  { "diratime", DROP, 0 },
  { "relatime", DROP, 0 },
  { "strictatime", DROP, 0 },
  { "lazytime", DROP, 0 },
  { "silent", DROP, 0 },
  { "loud", DROP, 0 },
  { "auto", DROP, 0 },
  { "noauto", DROP, 0 },
  { "nofail", DROP, 0 },
  { "_netdev", DROP, 0 },
  { "user", DROP, 0 },
  { "nouser", DROP, 0 },
  { "users", DROP, 0 },
  { "user=", DROP, 0 },
  { "owner", DROP, 0 },
  { "group", DROP, 0 },
  { "fsname=", DROP, 0 },
  { "subtype=", DROP, 0 },
  { "comment=", DROP, 0 },
  { "x-*", DROP, 0 },
  { "X-*", DROP, 0 },
};

static const Rule *
find_rule (const char *option)
{
  for (size_t i = 0; i < G_N_ELEMENTS (rules); i++) {
    const char *name = rules[i].name;
    size_t len = strlen (name);
    bool prefix = name[len - 1] == '=' || name[len - 1] == '*';
    size_t fixed = name[len - 1] == '*' ? len - 1 : len;

    if (prefix ? strncmp (option, name, fixed) == 0 : strcmp (option, name) == 0)
      return &rules[i];
  }
  return NULL;
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
  if (end == value || *end != '\0' || !(*out >= 0 && *out < 4e6))
    return wrong_value (option, "a number of seconds", error);
  return true;
}

static bool
parse_count (const char *option, const char *value, unsigned *out, GError **error)
{
  guint64 number = 0;

  if (!g_ascii_string_to_unsigned (value, 10, 0, G_MAXINT32, &number, NULL))
    return wrong_value (option, "a whole number", error);
  *out = (unsigned) number;
  return true;
}

static bool
parse_number (const char *option, const char *value, unsigned base, uint32_t most,
              const char *wanted, uint32_t *out, GError **error)
{
  guint64 number = 0;

  if (!g_ascii_string_to_unsigned (value, base, 0, most, &number, NULL))
    return wrong_value (option, wanted, error);
  *out = (uint32_t) number;
  return true;
}

static bool
parse_word (const char *option, const char *value, const char *const *words,
            const char *wanted, unsigned *out, GError **error)
{
  for (*out = 0; words[*out] != NULL; (*out)++)
    if (strcmp (words[*out], value) == 0)
      return true;
  return wrong_value (option, wanted, error);
}

static const char *const idmaps[] = { "none", "user", "file", "squash", NULL };
static const char *const nomaps[] = { "nobody", "ignore", NULL };

static void
pass_on (FtsMountOptions *out, const char *option)
{
  g_autofree char *old = out->kernel_options;

  out->kernel_options = *old ? g_strconcat (old, ",", option, NULL) : g_strdup (option);
}

static void
set_timeouts (FtsMountOptions *out, double seconds)
{
  out->attr_timeout = out->entry_timeout = out->negative_timeout = seconds;
}

static bool
take_value (FtsMountOptions *out, const Rule *rule, const char *option, GError **error)
{
  const char *equals = strchr (option, '=');
  const char *value = equals ? equals + 1 : "";
  void *field = (char *) out + rule->field;
  unsigned word = 0;
  double seconds;

  switch (rule->treatment) {
  case TAKE_STRING:
    if (*value == '\0')
      return wrong_value (option, "a value", error);
    g_free (*(char **) field);
    *(char **) field = g_strdup (value);
    return true;
  case TAKE_LIST:
    if (*value == '\0')
      return wrong_value (option, "a value", error);
    g_ptr_array_add (*(GPtrArray **) field, g_strdup (value));
    return true;
  case TAKE_MS:
    if (!parse_seconds (option, value, &seconds, error))
      return false;
    *(uint32_t *) field = (uint32_t) (seconds * 1000);
    return true;
  case TAKE_SECONDS:
    return parse_seconds (option, value, field, error);
  case TAKE_RETRY:
    out->has_retry = true;
    return parse_number (option, value, 10, MOST_RETRY, "a number of minutes", field,
                         error);
  case TAKE_COUNT:
    return parse_count (option, value, field, error);
  case TAKE_ID:
    return parse_number (option, value, 10, FTS_NO_ID - 1, "a user's or group's number",
                         field, error);
  case TAKE_OCTAL:
    return parse_number (option, value, 8, 0777, "an octal number up to 777", field,
                         error);
  case TAKE_IDMAP:
    if (!parse_word (option, value, idmaps, "none, user, file or squash", &word, error))
      return false;
    out->idmap = (FtsMountIdmap) word;
    return true;
  case TAKE_NOMAP:
    if (!parse_word (option, value, nomaps, "nobody or ignore", &word, error))
      return false;
    out->nomap_ignore = word == 1;
    return true;
  case TAKE_ALL_TIMEOUTS:
    if (!parse_seconds (option, value, &seconds, error))
      return false;
    set_timeouts (out, seconds);
    return true;
  default:
    g_assert_not_reached ();
  }
}

/* ---- misspelt names ---- */

/* Edits (insert, delete, replace, swap neighbours) from A to B. */
static unsigned
count_edits (const char *a, size_t a_len, const char *b, size_t b_len)
{
  unsigned rows[3][NAME_MOST + 1];
  unsigned *before = rows[0], *above = rows[1], *row = rows[2];

  for (size_t j = 0; j <= b_len; j++)
    above[j] = (unsigned) j;
  for (size_t i = 1; i <= a_len; i++) {
    row[0] = (unsigned) i;
    for (size_t j = 1; j <= b_len; j++) {
      row[j] =
        MIN (MIN (above[j], row[j - 1]) + 1, above[j - 1] + (a[i - 1] != b[j - 1]));
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
        row[j] = MIN (row[j], before[j - 2] + 1);
    }
    unsigned *spare = before;
    before = above;
    above = row;
    row = spare;
  }
  return above[b_len];
}

/* The known name that OPTION was perhaps to be, or NULL. */
static const char *
find_nearest (const char *option)
{
  size_t len = strcspn (option, "=");
  const char *nearest = NULL;
  unsigned fewest = (unsigned) MIN (len / 2, 2) + 1;

  for (size_t i = 0; len <= NAME_MOST && i < G_N_ELEMENTS (rules); i++) {
    size_t rule_len = strcspn (rules[i].name, "=*");
    unsigned edits = rule_len <= NAME_MOST
                       ? count_edits (option, len, rules[i].name, rule_len)
                       : fewest;
    if (edits >= fewest)
      continue;
    fewest = edits;
    nearest = rules[i].name;
  }
  return nearest;
}

static bool
unknown_option (const char *option, GError **error)
{
  const char *nearest = find_nearest (option);

  g_set_error (error, FTS_ERROR, FTS_ERROR_CONFIG, "unknown mount option \"%s\"%s%s%s",
               option, nearest ? " (did you mean \"" : "", nearest ? nearest : "",
               nearest ? "\"?)" : "");
  return false;
}

static bool
take_option (FtsMountOptions *out, const char *option, bool sloppy, GError **error)
{
  const Rule *rule = find_rule (option);

  if (rule == NULL) {
    return sloppy || unknown_option (option, error);
  }
  switch (rule->treatment) {
  case DROP:
    return true;
  case PASS_ON:
    pass_on (out, option);
    return true;
  case TAKE_HARD:
    out->is_hard = true;
    return true;
  case TAKE_SOFT:
    out->is_hard = false;
    return true;
  case TAKE_READ_ONLY:
    out->read_only = true;
    return true;
  case TAKE_READ_WRITE:
    out->read_only = false;
    return true;
  case TAKE_DEFAULT_PERMISSIONS:
    out->default_permissions = true;
    return true;
  case TAKE_REMOUNT:
    out->remount = true;
    return true;
  case TAKE_BG:
    out->background = true;
    return true;
  case TAKE_FG:
    out->background = false;
    return true;
  case TAKE_FOREGROUND:
    out->foreground = true;
    return true;
  case TAKE_NO_TIMEOUTS:
    set_timeouts (out, 0);
    return true;
  default:
    return take_value (out, rule, option, error);
  }
}

/* "\\," is a comma of the value and "\\\\" a backslash. */
GPtrArray *
fts_mount_options_split (const char *list)
{
  GPtrArray *options = g_ptr_array_new_with_free_func (g_free);
  g_autoptr (GString) option = g_string_new (NULL);

  for (const char *p = list;; p++) {
    if (*p == '\\' && (p[1] == ',' || p[1] == '\\')) {
      g_string_append_c (option, *++p);
      continue;
    }
    if (*p != ',' && *p != '\0') {
      g_string_append_c (option, *p);
      continue;
    }
    if (option->len > 0)
      g_ptr_array_add (options, g_strdup (option->str));
    g_string_truncate (option, 0);
    if (*p == '\0')
      return options;
  }
}

void
fts_mount_options_join (GString *list, const char *option)
{
  if (list->len > 0)
    g_string_append_c (list, ',');
  for (const char *p = option; *p; p++) {
    if (*p == ',' || *p == '\\')
      g_string_append_c (list, '\\');
    g_string_append_c (list, *p);
  }
}

bool
fts_mount_option_is_for_start (const char *option)
{
  const Rule *rule = find_rule (option);

  if (rule == NULL)
    return false;
  switch (rule->treatment) {
  case TAKE_FOREGROUND:
  case TAKE_BG:
  case TAKE_FG:
  case TAKE_RETRY:
  case TAKE_REMOUNT:
  case DROP:
    return true;
  default:
    return rule->field == FIELD (wait_ms);
  }
}

static bool
take_options (FtsMountOptions *out, const char *list, bool sloppy, GError **error)
{
  g_autoptr (GPtrArray) options = fts_mount_options_split (list);

  for (guint i = 0; i < options->len; i++) {
    const char *option = options->pdata[i];
    if (!take_option (out, option, sloppy, error))
      return false;
    g_ptr_array_add (out->given, g_strdup (option));
  }
  return true;
}

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
    if (!take_options (out, args->opt_args->pdata[i], args->sloppy, error))
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
    .grace_ms = 30000,
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
  set_timeouts (out, 1.0);
  out->watch_timeout = 300;
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
