/* transport/hop.h - a command on its way through one layer.
 *
 * A layer that wants to see or change a command makes a hop of it: a copy that goes to the lower
 * transport, with a call when it has ended.
 *
 *   submit (layer, io):  hop = lun_hop_new (layer, io, on_end); change hop->io; lun_hop_go (hop)
 *   on_end (hop):        look at hop->io.result, maybe change it; lun_hop_finish (hop)
 */
#pragma once

#include <lunpath/transport.h>

typedef struct LunHop LunHop;

struct LunHop {
  LunIo io; /* what the lower transport sees */
  LunTransport *layer;
  LunIo *parent; /* what the layer was given */
  void (*on_end) (LunHop *hop);
  int64_t start_us; /* set by lun_hop_go() */
  void *data;       /* the layer's own; freed with g_free() at the end */
};

LunHop *lun_hop_new (LunTransport *layer, LunIo *io, void (*on_end) (LunHop *hop));
void lun_hop_go (LunHop *hop);
/* Hands hop->io.result to the parent, frees the hop, ends the parent. */
void lun_hop_finish (LunHop *hop);
