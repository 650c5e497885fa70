#include "transport/hop.h"

static void
on_done (LunIo *io)
{
  LunHop *hop = (LunHop *) io;

  hop->on_end (hop);
}

LunHop *
lun_hop_new (LunTransport *layer, LunIo *io, void (*on_end) (LunHop *hop))
{
  LunHop *hop = g_new0 (LunHop, 1);

  hop->io = *io;
  hop->io.done = on_done;
  hop->io.priv.transport_data = NULL;
  hop->layer = layer;
  hop->parent = io;
  hop->on_end = on_end;
  return hop;
}

void
lun_hop_go (LunHop *hop)
{
  hop->start_us = g_get_monotonic_time ();
  lun_transport_submit (hop->layer->lower, &hop->io);
}

void
lun_hop_finish (LunHop *hop)
{
  LunIo *parent = hop->parent;

  parent->result = hop->io.result;
  g_free (hop->data);
  g_free (hop);
  parent->done (parent);
}
