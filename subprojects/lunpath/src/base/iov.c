#include "base/iov.h"

#include <glib.h>
#include <string.h>

size_t
lun_iov_len (const struct iovec *iov, int n_iov)
{
  size_t len = 0;

  for (int i = 0; i < n_iov; i++)
    len += iov[i].iov_len;
  return len;
}

size_t
lun_iov_scatter (const struct iovec *iov, int n_iov, const void *from, size_t len)
{
  size_t done = 0;

  for (int i = 0; i < n_iov && done < len; i++) {
    size_t piece = MIN (len - done, iov[i].iov_len);
    if (piece > 0)
      memcpy (iov[i].iov_base, (const char *) from + done, piece);
    done += piece;
  }
  return done;
}

size_t
lun_iov_gather (const struct iovec *iov, int n_iov, void *to, size_t len)
{
  size_t done = 0;

  for (int i = 0; i < n_iov && done < len; i++) {
    size_t piece = MIN (len - done, iov[i].iov_len);
    if (piece > 0)
      memcpy ((char *) to + done, iov[i].iov_base, piece);
    done += piece;
  }
  return done;
}

int
lun_iov_slice (const struct iovec *iov, int n_iov, size_t offset, size_t len,
               struct iovec *out)
{
  int n = 0;

  for (int i = 0; i < n_iov && len > 0; i++) {
    if (offset >= iov[i].iov_len) {
      offset -= iov[i].iov_len;
      continue;
    }
    size_t piece = MIN (len, iov[i].iov_len - offset);
    out[n].iov_base = (char *) iov[i].iov_base + offset;
    out[n++].iov_len = piece;
    len -= piece;
    offset = 0;
  }
  return n;
}
