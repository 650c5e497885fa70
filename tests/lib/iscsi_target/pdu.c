#include "lib/iscsi_target/pdu.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>

void
target_pdu_clear (TargetPdu *pdu)
{
  g_clear_pointer (&pdu->data, g_free);
  pdu->data_len = 0;
}

static bool
receive (int fd, void *buf, size_t len)
{
  uint8_t *at = buf;

  while (len > 0) {
    ssize_t n = recv (fd, at, len, MSG_WAITALL);
    if (n < 0 && errno == EINTR)
      continue;
    if (n <= 0)
      return false;
    at += n;
    len -= (size_t) n;
  }
  return true;
}

bool
target_pdu_receive (int fd, uint32_t max_data, TargetPdu *pdu)
{
  uint8_t additional[255 * 4];

  target_pdu_clear (pdu);
  if (!receive (fd, pdu->bhs, TARGET_BHS_LEN) ||
      !receive (fd, additional, pdu->bhs[4] * 4u))
    return false;
  uint32_t len = lun_be24_get (pdu->bhs + 5);
  if (len > max_data)
    return false;
  size_t padded = (len + 3u) & ~3u;
  pdu->data = g_malloc (padded + 1);
  if (!receive (fd, pdu->data, padded))
    return false;
  pdu->data[len] = '\0';
  pdu->data_len = len;
  return true;
}

static bool
send_all (int fd, struct iovec *iov, int n_iov)
{
  while (n_iov > 0) {
    struct msghdr message = { .msg_iov = iov, .msg_iovlen = (size_t) n_iov };
    ssize_t n = sendmsg (fd, &message, MSG_NOSIGNAL);
    if (n < 0 && errno == EINTR)
      continue;
    if (n < 0)
      return false;
    for (; n_iov > 0 && (size_t) n >= iov->iov_len; iov++, n_iov--)
      n -= (ssize_t) iov->iov_len;
    if (n_iov > 0) {
      iov->iov_base = (uint8_t *) iov->iov_base + n;
      iov->iov_len -= (size_t) n;
    }
  }
  return true;
}

bool
target_pdu_send (int fd, uint8_t bhs[TARGET_BHS_LEN], const void *data, uint32_t len)
{
  static const uint8_t padding[3];
  struct iovec iov[3] = {
    { bhs, TARGET_BHS_LEN },
    { (void *) data, len },
    { (void *) padding, -len & 3u },
  };

  lun_be24_put (bhs + 5, len);
  return send_all (fd, iov, 3);
}
