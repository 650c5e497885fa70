#include "fts/status.h"

#include <errno.h>
#include <stddef.h>

/* Place in this table + FTS_STATUS_FIRST_ERRNO = number on the wire.  Append only. */
static const int errnos[] = {
  EPERM,       ENOENT,          EINTR,        ENXIO,        E2BIG,        EBADF,
  EAGAIN,      ENOMEM,          EACCES,       EFAULT,       ENOTBLK,      EBUSY,
  EEXIST,      EXDEV,           ENODEV,       ENOTDIR,      EISDIR,       EINVAL,
  ENFILE,      EMFILE,          ENOTTY,       ETXTBSY,      EFBIG,        ENOSPC,
  ESPIPE,      EROFS,           EMLINK,       EPIPE,        EDOM,         ERANGE,
  EDEADLK,     ENAMETOOLONG,    ENOLCK,       ENOSYS,       ENOTEMPTY,    ELOOP,
  ENODATA,     ETIME,           EPROTO,       EBADMSG,      EOVERFLOW,    EILSEQ,
  EUSERS,      EMSGSIZE,        ENOTSUP,      EADDRINUSE,   ENETDOWN,     ECONNRESET,
  ENOBUFS,     ETIMEDOUT,       ECONNREFUSED, EHOSTDOWN,    EHOSTUNREACH, EALREADY,
  EINPROGRESS, ESTALE,          EUCLEAN,      EREMOTEIO,    EDQUOT,       ENOMEDIUM,
  EMEDIUMTYPE, ECANCELED,       ENOKEY,       EKEYREJECTED, ESRCH,        ECHILD,
  ENOEXEC,     EPROTONOSUPPORT,
};

#define N_ERRNOS (sizeof errnos / sizeof *errnos)

uint32_t
fts_status_from_errno (int errnum)
{
  if (errnum == 0)
    return FTS_STATUS_OK;
  for (size_t i = 0; i < N_ERRNOS; i++)
    if (errnos[i] == errnum)
      return FTS_STATUS_FIRST_ERRNO + (uint32_t) i;
  return FTS_STATUS_IO;
}

int
fts_status_to_errno (uint32_t status)
{
  if (status == FTS_STATUS_OK)
    return 0;
  if (status < FTS_STATUS_FIRST_ERRNO || status - FTS_STATUS_FIRST_ERRNO >= N_ERRNOS)
    return EIO;
  return errnos[status - FTS_STATUS_FIRST_ERRNO];
}
