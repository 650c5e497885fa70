#include "base/error.h"

#include <lunpath/error.h>

#include <errno.h>

G_DEFINE_QUARK (fts_error_quark, fts_error)
G_DEFINE_QUARK (fts_errno_quark, fts_errno)

bool
fts_set_errno (GError **error, int errnum, const char *format, ...)
{
  g_autofree char *what = NULL;
  va_list args;

  va_start (args, format);
  what = g_strdup_vprintf (format, args);
  va_end (args);
  g_set_error (error, FTS_ERRNO, errnum, "%s: %s", what, g_strerror (errnum));
  return false;
}

static int
errno_of_code (FtsError code)
{
  switch (code) {
  case FTS_ERROR_BUSY:
    return EBUSY;
  case FTS_ERROR_NO_SLOT:
    return EUSERS;
  case FTS_ERROR_NOT_FOUND:
    return ENOENT;
  case FTS_ERROR_DENIED:
    return EACCES;
  case FTS_ERROR_REFUSED:
    return ECONNREFUSED;
  case FTS_ERROR_PEER_DEAD:
    return EHOSTDOWN;
  case FTS_ERROR_CLOSED:
    return ECONNRESET;
  case FTS_ERROR_TIMEOUT:
    return ETIMEDOUT;
  case FTS_ERROR_PROTOCOL:
    return EPROTO;
  case FTS_ERROR_VERSION:
    return EPROTONOSUPPORT;
  case FTS_ERROR_TOO_SMALL:
    return ENOSPC;
  case FTS_ERROR_IN_USE:
    return EBUSY;
  case FTS_ERROR_CONFIG:
    return EINVAL;
  case FTS_ERROR_UNSUPPORTED:
    return EOPNOTSUPP;
  case FTS_ERROR_CORRUPT:
  case FTS_ERROR_NOT_VOLUME:
  case FTS_ERROR_MISMATCH:
  case FTS_ERROR_FENCED:
  case FTS_ERROR_IO:
  case FTS_ERROR_SYSTEM:
    return EIO;
  }
  return EIO;
}

static FtsExit
exit_of_code (FtsError code)
{
  switch (code) {
  case FTS_ERROR_CONFIG:
    return FTS_EXIT_USAGE;
  case FTS_ERROR_BUSY:
  case FTS_ERROR_NO_SLOT:
  case FTS_ERROR_NOT_FOUND:
  case FTS_ERROR_PEER_DEAD:
  case FTS_ERROR_CLOSED:
  case FTS_ERROR_TIMEOUT:
  case FTS_ERROR_REFUSED:
    return FTS_EXIT_UNAVAILABLE;
  case FTS_ERROR_CORRUPT:
  case FTS_ERROR_NOT_VOLUME:
  case FTS_ERROR_VERSION:
  case FTS_ERROR_MISMATCH:
    return FTS_EXIT_DAMAGED;
  case FTS_ERROR_DENIED:
  case FTS_ERROR_PROTOCOL:
  case FTS_ERROR_TOO_SMALL:
  case FTS_ERROR_IN_USE:
  case FTS_ERROR_FENCED:
  case FTS_ERROR_IO:
  case FTS_ERROR_UNSUPPORTED:
  case FTS_ERROR_SYSTEM:
    return FTS_EXIT_FAILURE;
  }
  return FTS_EXIT_FAILURE;
}

static int
errno_of_lun_code (LunError code)
{
  switch (code) {
  case LUN_ERROR_NO_PATH:
    return EHOSTUNREACH;
  case LUN_ERROR_TIMEOUT:
    return ETIMEDOUT;
  case LUN_ERROR_BUSY:
    return EBUSY;
  case LUN_ERROR_CONFIG:
    return EINVAL;
  case LUN_ERROR_UNSUPPORTED:
    return EOPNOTSUPP;
  case LUN_ERROR_RESERVED:
  case LUN_ERROR_FENCED:
  case LUN_ERROR_IDENTITY:
  case LUN_ERROR_RANGE:
  case LUN_ERROR_IO:
    return EIO;
  }
  return EIO;
}

int
fts_error_to_errno (const GError *error)
{
  if (error->domain == FTS_ERRNO)
    return error->code;
  if (error->domain == FTS_ERROR)
    return errno_of_code ((FtsError) error->code);
  if (error->domain == LUN_ERROR)
    return errno_of_lun_code ((LunError) error->code);
  return EIO;
}

/* What another try may mend, or somebody else, against what cannot be done. */
static FtsExit
exit_of_lun (LunError code)
{
  switch (code) {
  case LUN_ERROR_CONFIG:
    return FTS_EXIT_USAGE;
  case LUN_ERROR_UNSUPPORTED:
  case LUN_ERROR_FENCED:
    return FTS_EXIT_FAILURE;
  case LUN_ERROR_NO_PATH:
  case LUN_ERROR_TIMEOUT:
  case LUN_ERROR_BUSY:
  case LUN_ERROR_RESERVED:
  case LUN_ERROR_IDENTITY:
  case LUN_ERROR_RANGE:
  case LUN_ERROR_IO:
    break;
  }
  return FTS_EXIT_UNAVAILABLE;
}

FtsExit
fts_error_to_exit (const GError *error)
{
  if (error == NULL)
    return FTS_EXIT_OK;
  if (error->domain == FTS_ERROR)
    return exit_of_code ((FtsError) error->code);
  if (error->domain == LUN_ERROR)
    return exit_of_lun ((LunError) error->code);
  if (error->domain == G_OPTION_ERROR || error->domain == G_KEY_FILE_ERROR)
    return FTS_EXIT_USAGE;
  return FTS_EXIT_FAILURE;
}
