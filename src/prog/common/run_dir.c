#include "prog/common/run_dir.h"

#include "base/error.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

char *
fts_run_dir (void)
{
  const char *given = g_getenv ("FTSFS_RUN_DIR");

  if (given != NULL && given[0] != '\0')
    return g_strdup (given);
  return geteuid () == 0 ? g_strdup ("/run/ftsfs")
                         : g_build_filename (g_get_user_runtime_dir (), "ftsfs", NULL);
}

bool
fts_run_dir_make (const char *dir, GError **error)
{
  struct stat st;

  if (mkdir (dir, 0700) != 0 && errno != EEXIST)
    return fts_set_errno (error, errno, "%s", dir);
  if (lstat (dir, &st) != 0)
    return fts_set_errno (error, errno, "%s", dir);
  if (S_ISDIR (st.st_mode) && st.st_uid == geteuid () &&
      (st.st_mode & (S_IWGRP | S_IWOTH)) == 0)
    return true;
  g_set_error (error, FTS_ERROR, FTS_ERROR_CONFIG,
               "%s: is no directory that is only ours to write", dir);
  return false;
}

bool
fts_run_dir_address (const char *dir, const char *name, struct sockaddr_un *out,
                     GError **error)
{
  *out = (struct sockaddr_un){ .sun_family = AF_UNIX };
  int len = g_snprintf (out->sun_path, sizeof out->sun_path, "%s/%s", dir, name);
  if (len < (int) sizeof out->sun_path)
    return true;
  g_set_error (error, FTS_ERROR, FTS_ERROR_CONFIG,
               "%s/%s: too long for a socket's name", dir, name);
  return false;
}
