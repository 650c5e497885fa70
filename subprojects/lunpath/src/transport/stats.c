/* transport/stats.c - the layer that counts: commands, bytes, errors and latency by operation.
 *
 *   stats+...           statistics through lun_device_visit_stats()
 *   stats(FILE)+...     and appended to FILE as "PATH KEY VALUE" lines when the path is closed
 *
 * Keys: OP.count, OP.bytes, OP.errors, OP.time_us (sum), and the histogram OP.us_below_N: how
 * many took less than N and not less than N/2 microseconds, N a power of two; the last bucket
 * has all that took longer.  OP is read, write, flush, caw or cdb.  Only what is not zero is
 * reported.  Counters are atomics, commands end on any thread.
 */
#include "transport/builtin.h"

#include "transport/hop.h"
#include "transport/opname.h"

#include <stdio.h>

#define N_BUCKETS 25 /* up to 2^24 us, 17 s */

typedef struct {
  uint64_t count, bytes, errors, time_us;
  uint64_t buckets[N_BUCKETS];
} OpStats;

typedef struct {
  LunTransport base;
  char *file; /* or NULL */
  OpStats ops[LUN_N_OPS];
} Stats;

static void
add (uint64_t *counter, uint64_t n)
{
  __atomic_add_fetch (counter, n, __ATOMIC_RELAXED);
}

static unsigned
bucket_of (uint64_t us)
{
  unsigned bucket = us == 0 ? 0 : 64 - (unsigned) __builtin_clzll (us);

  return MIN (bucket, N_BUCKETS - 1);
}

static void
on_end (LunHop *hop)
{
  Stats *stats = (Stats *) hop->layer;
  OpStats *op = &stats->ops[hop->io.op];
  uint64_t took_us = (uint64_t) (g_get_monotonic_time () - hop->start_us);

  add (&op->count, 1);
  add (&op->time_us, took_us);
  add (&op->buckets[bucket_of (took_us)], 1);
  if (hop->io.result.outcome != LUN_OUTCOME_GOOD)
    add (&op->errors, 1);
  else if (hop->io.op == LUN_OP_READ || hop->io.op == LUN_OP_WRITE)
    add (&op->bytes, (uint64_t) hop->io.blocks * stats->base.facts.block_size);
  lun_hop_finish (hop);
}

static void
stats_submit (LunTransport *transport, LunIo *io)
{
  lun_hop_go (lun_hop_new (transport, io, on_end));
}

/* ---- reporting ---- */

static void
report (LunStatVisit visit, void *user_data, const char *op, const char *what,
        const uint64_t *counter)
{
  uint64_t value = __atomic_load_n (counter, __ATOMIC_RELAXED);
  g_autofree char *key = g_strconcat (op, ".", what, NULL);

  if (value > 0)
    visit ("stats", key, value, user_data);
}

static void
stats_visit (LunTransport *transport, LunStatVisit visit, void *user_data)
{
  Stats *stats = (Stats *) transport;

  for (unsigned i = 0; i < LUN_N_OPS; i++) {
    OpStats *op = &stats->ops[i];
    const char *name = lun_op_name ((LunOp) i);
    report (visit, user_data, name, "count", &op->count);
    report (visit, user_data, name, "bytes", &op->bytes);
    report (visit, user_data, name, "errors", &op->errors);
    report (visit, user_data, name, "time_us", &op->time_us);
    for (unsigned b = 0; b < N_BUCKETS; b++) {
      g_autofree char *bucket = g_strdup_printf ("us_below_%u", 1u << b);
      report (visit, user_data, name, bucket, &op->buckets[b]);
    }
  }
}

typedef struct {
  const char *path;
  FILE *out;
} Printer;

static void
print (const char *layer, const char *key, uint64_t value, void *user_data)
{
  Printer *printer = user_data;

  fprintf (printer->out, "%s %s %" G_GUINT64_FORMAT "\n", printer->path, key, value);
}

static void
write_file (Stats *stats)
{
  Printer printer = { stats->base.lower->name, fopen (stats->file, "ae") };

  if (!printer.out) {
    g_warning ("stats(%s): cannot write the statistics: %m", stats->file);
    return;
  }
  stats_visit (&stats->base, print, &printer);
  if (fclose (printer.out) != 0)
    g_warning ("stats(%s): cannot write the statistics: %m", stats->file);
}

static void
stats_close (LunTransport *transport)
{
  Stats *stats = (Stats *) transport;

  if (stats->file)
    write_file (stats);
  g_free (stats->file);
  g_free (stats);
}

static LunTransport *
stats_wrap (LunTransport *lower, const char *args, GError **error)
{
  Stats *stats = g_new0 (Stats, 1);

  stats->file = args && *args ? g_strdup (args) : NULL;
  stats->base.ops = (LunTransportOps){ .submit = stats_submit,
                                       .close = stats_close,
                                       .visit_stats = stats_visit };
  stats->base.facts = lower->facts;
  return &stats->base;
}

const LunLayerOps lun_stats_layer = { .name = "stats", .wrap = stats_wrap };
