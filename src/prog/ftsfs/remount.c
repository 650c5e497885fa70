/* remount.c - see remount.h. */
#include "prog/ftsfs/remount.h"

#include "base/error.h"
#include "prog/ftsfs/option_text.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/vfs.h>
#include <unistd.h>

typedef struct {
  const char *name;
  unsigned long set, clear;
} Flag;

#define ATIME_FLAGS (MS_NOATIME | MS_NODIRATIME | MS_RELATIME | MS_STRICTATIME)

/* What the kernel changes on a live mount. */
static const Flag flags[] = {
  { "ro", MS_RDONLY, 0 },
  { "rw", 0, MS_RDONLY },
  { "nosuid", MS_NOSUID, 0 },
  { "suid", 0, MS_NOSUID },
  { "nodev", MS_NODEV, 0 },
  { "dev", 0, MS_NODEV },
  { "noexec", MS_NOEXEC, 0 },
  { "exec", 0, MS_NOEXEC },
  { "sync", MS_SYNCHRONOUS, 0 },
  { "async", 0, MS_SYNCHRONOUS },
  { "dirsync", MS_DIRSYNC, 0 },
  { "noatime", MS_NOATIME, ATIME_FLAGS & ~(unsigned long) MS_NODIRATIME },
  { "atime", 0, MS_NOATIME },
  { "nodiratime", MS_NODIRATIME, 0 },
  { "diratime", 0, MS_NODIRATIME },
  { "relatime", MS_RELATIME, MS_NOATIME | MS_STRICTATIME },
  { "strictatime", MS_STRICTATIME, MS_NOATIME | MS_RELATIME },
  { "lazytime", MS_LAZYTIME, 0 },
  { "defaults", 0, MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC | MS_SYNCHRONOUS },
};

static const Flag *
find_flag (const char *option)
{
  for (size_t i = 0; i < G_N_ELEMENTS (flags); i++)
    if (strcmp (flags[i].name, option) == 0)
      return &flags[i];
  return NULL;
}

static bool
was_given (const FtsMountOptions *options, const char *option)
{
  return g_ptr_array_find_with_equal_func (options->given, option, g_str_equal, NULL);
}

/* ---- the daemon ---- */

void
fts_remount_judge (const FtsMountOptions *running, FtsRemountAsk *ask)
{
  ask->text[sizeof ask->text - 1] = '\0';
  g_autoptr (GPtrArray) options = fts_option_text_split (ask->text);

  memset (ask->text, 0, sizeof ask->text);
  for (guint i = 0; i < options->len; i++) {
    const char *option = options->pdata[i];
    if (find_flag (option) != NULL || fts_mount_option_is_for_start (option) ||
        was_given (running, option))
      continue;
    g_snprintf (
      ask->text, sizeof ask->text,
      "option \"%s\" cannot change while the mount lives (ro, rw, nosuid, nodev, "
      "noexec, noatime and their opposites can): unmount it and mount it again",
      option);
    return;
  }
}

/* ---- the helper ---- */

static bool
refuse (GError **error, const FtsMountOptions *options, const char *why)
{
  g_set_error (error, FTS_ERROR, FTS_ERROR_CONFIG, "remount of %s: %s",
               options->mountpoint, why);
  return false;
}

static bool
ask_daemon (const FtsMountOptions *options, int fd, GError **error)
{
  g_autoptr (GString) text = g_string_new (NULL);
  g_autofree FtsRemountAsk *ask = g_new0 (FtsRemountAsk, 1);
  struct statfs fs;

  for (guint i = 0; i < options->given->len; i++)
    fts_option_text_join (text, options->given->pdata[i]);
  if (text->len >= sizeof ask->text)
    return refuse (error, options, "the options are too long");
  memcpy (ask->text, text->str, text->len);
  if (fstatfs (fd, &fs) != 0 || fs.f_type != FUSE_SUPER_MAGIC ||
      ioctl (fd, FTS_REMOUNT_ASK, ask) != 0)
    return refuse (error, options, "no mount of ftsfs answers there");
  ask->text[sizeof ask->text - 1] = '\0';
  return ask->text[0] == '\0' || refuse (error, options, ask->text);
}

static unsigned long
collect_flags (const FtsMountOptions *options)
{
  unsigned long all = MS_REMOUNT;

  for (guint i = 0; i < options->given->len; i++) {
    const Flag *flag = find_flag (options->given->pdata[i]);
    if (flag != NULL)
      all = (all & ~flag->clear) | flag->set;
  }
  return all;
}

bool
fts_remount (const FtsMountOptions *options, GError **error)
{
  int fd = open (options->mountpoint, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

  if (fd < 0)
    return refuse (error, options, g_strerror (errno));
  bool well = ask_daemon (options, fd, error);
  close (fd);
  if (!well)
    return false;
  if (mount (NULL, options->mountpoint, NULL, collect_flags (options), NULL) != 0)
    return fts_set_errno (error, errno, "remount of %s", options->mountpoint);
  return true;
}
