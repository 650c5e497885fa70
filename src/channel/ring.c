#include "channel/ring.h"

#include <glib.h>

void
fts_tx_init (FtsTx *tx, uint32_t size)
{
  *tx = (FtsTx){ .size = size, .next = 1 };
}

bool
fts_tx_is_free (const FtsTx *tx)
{
  return tx->next - tx->acked <= tx->size;
}

bool
fts_tx_inline_is_free (const FtsTx *tx)
{
  return tx->inline_seq <= tx->acked;
}

uint64_t
fts_tx_take (FtsTx *tx, bool last, bool in_head)
{
  g_assert (fts_tx_is_free (tx));
  g_assert (!in_head || fts_tx_inline_is_free (tx));

  if (!tx->in_message)
    tx->request++;
  tx->in_message = !last;
  if (in_head) {
    tx->inline_seq = tx->next;
    tx->inline_request = tx->request;
  }
  return tx->next++;
}

uint64_t
fts_tx_pending (const FtsTx *tx)
{
  return tx->next - 1 - tx->published;
}

bool
fts_tx_must_publish (const FtsTx *tx, uint32_t n)
{
  uint64_t pending = fts_tx_pending (tx);

  return pending > 0 && (!tx->in_message || pending >= n || !fts_tx_is_free (tx));
}

bool
fts_tx_acknowledge (FtsTx *tx, uint64_t consumed)
{
  if (consumed > tx->published)
    return false;
  if (consumed > tx->acked) {
    tx->acked = consumed;
    tx->rollbacks = 0;
  }
  return true;
}

FtsResend
fts_tx_resend (FtsTx *tx, uint64_t resend_from, uint32_t resend_count)
{
  if (resend_count == tx->resend_count)
    return FTS_RESEND_NONE;
  tx->resend_count = resend_count;
  if (resend_from <= tx->acked)
    return FTS_RESEND_NONE;
  if (resend_from > tx->published)
    return FTS_RESEND_INVALID;
  if (tx->rollbacks >= FTS_ROLLBACKS_MAX)
    return FTS_RESEND_TOO_OFTEN;
  tx->rollbacks++;
  return FTS_RESEND_SERVE;
}

void
fts_rx_init (FtsRx *rx, uint32_t size)
{
  *rx = (FtsRx){ .size = size };
}

bool
fts_rx_publish (FtsRx *rx, uint64_t published)
{
  if (published > rx->told + rx->size)
    return false;
  if (published > rx->published)
    rx->published = published;
  return true;
}

bool
fts_rx_has_more (const FtsRx *rx)
{
  return rx->published > rx->consumed;
}

uint32_t
fts_rx_request (const FtsRx *rx)
{
  return rx->in_message ? rx->request : rx->request + 1;
}

void
fts_rx_deliver (FtsRx *rx, bool last)
{
  g_assert (fts_rx_has_more (rx));

  rx->request = fts_rx_request (rx);
  rx->in_message = !last;
  rx->consumed++;
  rx->asked = 0;
  rx->resend_from = 0;
}

bool
fts_rx_must_acknowledge (const FtsRx *rx)
{
  return rx->consumed - rx->told >= MAX (1, rx->size / 2);
}

bool
fts_rx_ask_resend (FtsRx *rx)
{
  if (rx->asked >= FTS_ROLLBACKS_MAX)
    return false;
  rx->asked++;
  rx->resend_count++;
  rx->resend_from = rx->consumed + 1;
  return true;
}

void
fts_ring_fill_head (FtsTx *tx, FtsRx *rx, uint64_t published, FtsHead *head)
{
  g_assert (published >= tx->published && published < tx->next);
  tx->published = published;
  rx->told = rx->consumed;
  head->published = tx->published;
  head->consumed = rx->consumed;
  head->resend_from = rx->resend_from;
  head->resend_count = rx->resend_count;
  head->resend_served = tx->resend_count;
  head->request = tx->inline_request;
  head->inline_seq = tx->inline_seq;
}
