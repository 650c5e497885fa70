/* transport/transport.c - registry, stacking, and the only calls of a transport's table.
 *
 * Opening completes the table: an operation that a layer leaves out goes to the transport
 * below it, one that a lowest transport leaves out gets a stand-in.  So nobody tests for NULL.
 *
 * The registry is written before the first device is opened (transport.h), and only read then.
 */
#include "transport/builtin.h"

#include "base/iov.h"

#include <string.h>

static GPtrArray *more_transports; /* registered at run time; NULL = none */
static GPtrArray *more_layers;

void
lun_transport_register (const LunTransportOps *ops)
{
  g_assert (ops->kind && ops->open && ops->close && ops->identify && ops->submit);
  if (!more_transports)
    more_transports = g_ptr_array_new ();
  g_ptr_array_add (more_transports, (gpointer) ops);
}

void
lun_layer_register (const LunLayerOps *ops)
{
  g_assert (ops->name && ops->wrap);
  if (!more_layers)
    more_layers = g_ptr_array_new ();
  g_ptr_array_add (more_layers, (gpointer) ops);
}

static const LunTransportOps *
find_transport (const char *kind)
{
  for (unsigned i = 0; lun_builtin_transports[i]; i++)
    if (g_str_equal (lun_builtin_transports[i]->kind, kind))
      return lun_builtin_transports[i];
  for (unsigned i = 0; more_transports && i < more_transports->len; i++) {
    const LunTransportOps *ops = g_ptr_array_index (more_transports, i);
    if (g_str_equal (ops->kind, kind))
      return ops;
  }
  return NULL;
}

static const LunLayerOps *
find_layer (const char *layer)
{
  for (unsigned i = 0; lun_builtin_layers[i]; i++)
    if (g_str_equal (lun_builtin_layers[i]->name, layer))
      return lun_builtin_layers[i];
  for (unsigned i = 0; more_layers && i < more_layers->len; i++) {
    const LunLayerOps *ops = g_ptr_array_index (more_layers, i);
    if (g_str_equal (ops->name, layer))
      return ops;
  }
  return NULL;
}

/* ---- stand-ins for operations that a lowest transport leaves out ---- */

static void
abort_nothing (LunTransport *transport, uint64_t tag)
{
}

static bool
refuse_reset (LunTransport *transport, GError **error)
{
  g_set_error (error, LUN_ERROR, LUN_ERROR_UNSUPPORTED, "%s: cannot reset the LUN",
               transport->name);
  return false;
}

static LunWake
never_wait (LunTransport *transport, LunWatch *watches, int n_watches,
            const LunWakePlan *plan)
{
  g_assert_not_reached ();
}

static void
visit_nothing (LunTransport *transport, LunStatVisit visit, void *user_data)
{
}

/* ---- what a layer leaves out goes down ---- */

static char *
pass_identify (LunTransport *layer, GError **error)
{
  return lun_transport_identify (layer->lower, error);
}

static void
pass_submit (LunTransport *layer, LunIo *io)
{
  lun_transport_submit (layer->lower, io);
}

static void
pass_abort (LunTransport *layer, uint64_t tag)
{
  lun_transport_abort (layer->lower, tag);
}

static bool
pass_reset (LunTransport *layer, GError **error)
{
  return lun_transport_reset (layer->lower, error);
}

static LunWake
pass_wait (LunTransport *layer, LunWatch *watches, int n_watches,
           const LunWakePlan *plan)
{
  return lun_transport_wait (layer->lower, watches, n_watches, plan);
}

static void
complete_table (LunTransport *transport)
{
  LunTransportOps *ops = &transport->ops;
  bool is_layer = transport->lower != NULL;

  if (!ops->identify)
    ops->identify = pass_identify;
  if (!ops->submit)
    ops->submit = pass_submit;
  if (!ops->abort)
    ops->abort = is_layer ? pass_abort : abort_nothing;
  if (!ops->reset)
    ops->reset = is_layer ? pass_reset : refuse_reset;
  if (!ops->wait)
    ops->wait = is_layer ? pass_wait : never_wait;
  if (!ops->visit_stats)
    ops->visit_stats = visit_nothing;
}

/* ---- opening and closing ---- */

static LunTransport *
open_lowest (const LunPathName *name, const LunTransportConfig *config, GError **error)
{
  const LunTransportOps *ops = find_transport (name->kind);

  if (!ops) {
    g_set_error (
      error, LUN_ERROR, LUN_ERROR_CONFIG,
      "path name \"%s\": no kind of path is called \"%s\" (for a file with this "
      "name write \"file:%s\")",
      name->text, name->kind, name->text + name->kind_at);
    return NULL;
  }
  LunTransport *transport = ops->open (name, config, error);
  if (!transport)
    return NULL;
  transport->ops = *ops;
  transport->name = g_strdup (name->text + name->kind_at);
  complete_table (transport);
  return transport;
}

static LunTransport *
wrap (LunTransport *lower, const LunPathName *name, const LunNameLayer *layer,
      GError **error)
{
  const LunLayerOps *ops = find_layer (layer->name);

  if (!ops) {
    g_set_error (error, LUN_ERROR, LUN_ERROR_CONFIG,
                 "path name \"%s\": no layer is called \"%s\" at character %zu",
                 name->text, layer->name, layer->at + 1);
    return NULL;
  }
  LunTransport *transport = ops->wrap (lower, layer->args, error);
  if (!transport) {
    g_prefix_error (error, "path name \"%s\": ", name->text);
    return NULL;
  }
  transport->lower = lower;
  transport->name = g_strdup (name->text + layer->at);
  complete_table (transport);
  return transport;
}

LunTransport *
lun_transport_open (const char *text, const LunTransportConfig *config, GError **error)
{
  g_autoptr (LunPathName) name = lun_path_name_parse (text, error);
  g_autoptr (LunTransport) top = NULL;

  if (!name)
    return NULL;
  top = open_lowest (name, config, error);
  for (unsigned i = name->n_layers; top && i-- > 0;) {
    LunTransport *layer = wrap (top, name, &name->layers[i], error);
    if (!layer)
      return NULL;
    top = layer;
  }
  return g_steal_pointer (&top);
}

void
lun_transport_close (LunTransport *transport)
{
  while (transport) {
    LunTransport *lower = transport->lower;
    g_free (transport->name);
    transport->ops.close (transport);
    transport = lower;
  }
}

/* ---- the calls ---- */

char *
lun_transport_identify (LunTransport *transport, GError **error)
{
  return transport->ops.identify (transport, error);
}

static bool
is_ready (const LunTransport *transport, const LunIo *io)
{
  size_t len = (size_t) io->blocks * transport->facts.block_size;

  if (io->n_iov < 0 || (io->n_iov > 0 && !io->iov) || !io->done)
    return false;
  switch (io->op) {
  case LUN_OP_COMPARE_AND_WRITE:
    len *= 2;
    G_GNUC_FALLTHROUGH;
  case LUN_OP_READ:
  case LUN_OP_WRITE:
    return io->blocks > 0 && io->blocks <= transport->facts.max_io_blocks &&
           io->lba < transport->facts.n_blocks &&
           io->blocks <= transport->facts.n_blocks - io->lba &&
           lun_iov_len (io->iov, io->n_iov) == len;
  case LUN_OP_FLUSH:
    return true;
  case LUN_OP_CDB:
    return io->cdb_len >= 6 && io->cdb_len <= LUN_CDB_MAX;
  }
  return false;
}

void
lun_transport_submit (LunTransport *transport, LunIo *io)
{
  g_assert (is_ready (transport, io));
  transport->ops.submit (transport, io);
}

void
lun_transport_abort (LunTransport *transport, uint64_t tag)
{
  g_assert (tag != 0);
  transport->ops.abort (transport, tag);
}

bool
lun_transport_reset (LunTransport *transport, GError **error)
{
  return transport->ops.reset (transport, error);
}

LunWake
lun_transport_wait (LunTransport *transport, LunWatch *watches, int n_watches,
                    const LunWakePlan *plan)
{
  g_assert (transport->facts.can_wake && n_watches > 0 && plan->bell);
  return transport->ops.wait (transport, watches, n_watches, plan);
}

void
lun_transport_visit_stats (LunTransport *transport, LunStatVisit visit, void *user_data)
{
  for (; transport; transport = transport->lower)
    transport->ops.visit_stats (transport, visit, user_data);
}
