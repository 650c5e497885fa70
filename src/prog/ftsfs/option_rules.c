/* option_rules.c - see option_rules.h. */
#include "prog/ftsfs/option_rules.h"

#include "base/error.h"
#include "prog/ftsfs/option_cache.h"
#include "prog/ftsfs/option_text.h"

#include <stddef.h>
#include <string.h>

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
  "  grace=SECONDS        how long to wait for PEER when it went away (default 60)\n"
  "  timeo=N, retrans=N   a request ends after N tenths of a second (600), N times (3)\n"
  "  max_connections=N    connections at most (default 8)\n"
  "  attr_timeout=S, entry_timeout=S, negative_timeout=S, actimeo=S, noac\n"
  "                       how long the kernel may trust attributes, names and the\n"
  "                       absence of names (default 1 each)\n"
  "  watch_timeout=S      the same for what PEER watches, as it tells of changes at\n"
  "                       once (default 300; 0 = it need not tell)\n"
  "  acregmin=S, acregmax=S, acdirmin=S, acdirmax=S, ac, lookupcache=WHAT\n"
  "                       the same as with NFS\n"
  "  cache=YESNO, dir_cache=YESNO, cache_timeout=S, dcache_timeout=S\n"
  "                       the same as with sshfs\n"
  "  auto_cache, kernel_cache, direct_io\n"
  "                       cached data at open: kept if unchanged, kept, never cached\n"
  "  noxattr              no extended attributes and no ACL; ls and its like ask each file\n"
  "                       for them otherwise\n"
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
  TAKE_MS, /* seconds, kept as milliseconds */
  TAKE_COUNT,
  TAKE_ID,    /* a user's or group's number */
  TAKE_OCTAL, /* permission bits */
  TAKE_IDMAP,
  TAKE_NOMAP,
  TAKE_CACHE,
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
  TAKE_NO_XATTR,
  PASS_ON,
  DROP,
} Treatment;

typedef struct {
  const char *name; /* a trailing '=' asks for a value, a trailing '*' takes any rest */
  Treatment treatment;
  size_t field;
} Rule;

#define MOST_RETRY  5000000u /* minutes: ten years */

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
  /* about caches: what each means is in option_cache.c */
  { "attr_timeout=", TAKE_CACHE, 0 },
  { "entry_timeout=", TAKE_CACHE, 0 },
  { "negative_timeout=", TAKE_CACHE, 0 },
  { "watch_timeout=", TAKE_CACHE, 0 },
  { "actimeo=", TAKE_CACHE, 0 },
  { "acregmin=", TAKE_CACHE, 0 },
  { "acregmax=", TAKE_CACHE, 0 },
  { "acdirmin=", TAKE_CACHE, 0 },
  { "acdirmax=", TAKE_CACHE, 0 },
  { "ac", TAKE_CACHE, 0 },
  { "noac", TAKE_CACHE, 0 },
  { "lookupcache=", TAKE_CACHE, 0 },
  { "cache=", TAKE_CACHE, 0 },
  { "cache_timeout=", TAKE_CACHE, 0 },
  { "dir_cache=", TAKE_CACHE, 0 },
  { "dcache_timeout=", TAKE_CACHE, 0 },
  { "auto_cache", TAKE_CACHE, 0 },
  { "kernel_cache", TAKE_CACHE, 0 },
  { "direct_io", TAKE_CACHE, 0 },
  { "ro", TAKE_READ_ONLY, 0 },
  { "rw", TAKE_READ_WRITE, 0 },
  { "foreground", TAKE_FOREGROUND, 0 },
  { "default_permissions", TAKE_DEFAULT_PERMISSIONS, 0 },
  { "noxattr", TAKE_NO_XATTR, 0 },
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
  default:
    g_assert_not_reached ();
  }
}

/* The known name that OPTION was perhaps to be, or NULL. */
static const char *
find_nearest (const char *option)
{
  size_t len = strcspn (option, "=");
  const char *nearest = NULL;
  unsigned fewest = (unsigned) MIN (len / 2, 2) + 1;

  for (size_t i = 0; len <= FTS_OPTION_NAME_MOST && i < G_N_ELEMENTS (rules); i++) {
    size_t rule_len = strcspn (rules[i].name, "=*");
    unsigned edits = rule_len <= FTS_OPTION_NAME_MOST
                       ? fts_option_text_edits (option, len, rules[i].name, rule_len)
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
  case TAKE_NO_XATTR:
    out->no_xattr = true;
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
  case TAKE_CACHE:
    return fts_option_cache_take (out, option, error);
  default:
    return take_value (out, rule, option, error);
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

bool
fts_option_rules_take (FtsMountOptions *out, const char *list, bool sloppy,
                       GError **error)
{
  g_autoptr (GPtrArray) options = fts_option_text_split (list);

  for (guint i = 0; i < options->len; i++) {
    const char *option = options->pdata[i];
    if (!take_option (out, option, sloppy, error))
      return false;
    g_ptr_array_add (out->given, g_strdup (option));
  }
  return true;
}
