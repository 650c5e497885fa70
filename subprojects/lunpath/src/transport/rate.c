/* transport/rate.c - the layer that makes a path slow: so many bytes a second, both ways together.
 *
 *   rate(BYTES)+...     BYTES a second, with k, M, G for powers of 1024: rate(20M)+file:...
 *
 * The path is a link that is busy for length / rate with each READ and WRITE, one after the other;
 * a command goes down when its bytes have gone over the link.  The sum is exact, whatever a sleep
 * takes longer: the next one is shorter by that.  submit() sleeps, so the path wants a thread.
 * Commands without data take no time.
 */
#include "transport/builtin.h"

#include "base/lock.h"

#include <string.h>

/* How much time of an idle link can be made up for. */
#define BURST_US  5000

#define BYTES_MAX (UINT64_C (1) << 40)

typedef struct {
  LunTransport base;
  uint64_t bytes_per_second;
  pthread_mutex_t lock;
  int64_t free_us; /* when the link is; under the lock */
} Rate;

/* When the link has carried BYTES more. */
static int64_t
occupy (Rate *rate, uint64_t bytes)
{
  int64_t now_us = g_get_monotonic_time ();

  LUN_LOCKED (&rate->lock);
  rate->free_us = MAX (rate->free_us, now_us - BURST_US) +
                  (int64_t) (bytes * G_USEC_PER_SEC / rate->bytes_per_second);
  return rate->free_us;
}

static void
rate_submit (LunTransport *transport, LunIo *io)
{
  if (io->op == LUN_OP_READ || io->op == LUN_OP_WRITE) {
    uint64_t bytes = (uint64_t) io->blocks * transport->facts.block_size;
    int64_t left_us = occupy ((Rate *) transport, bytes) - g_get_monotonic_time ();
    if (left_us > 0)
      g_usleep ((gulong) left_us);
  }
  lun_transport_submit (transport->lower, io);
}

static void
rate_close (LunTransport *transport)
{
  Rate *rate = (Rate *) transport;

  pthread_mutex_destroy (&rate->lock);
  g_free (rate);
}

/* 0 when ARGS is no number of bytes from 1k to 1024G. */
static uint64_t
parse (const char *args)
{
  static const char units[] = "kMG";
  char *end = NULL;
  uint64_t value = args ? g_ascii_strtoull (args, &end, 10) : 0;
  const char *unit = value > 0 && *end ? strchr (units, *end) : NULL;

  if (value == 0 || value > BYTES_MAX || (*end && (!unit || end[1])))
    return 0;
  if (unit)
    value = value > BYTES_MAX >> 30 && *unit == 'G' ? BYTES_MAX + 1
                                                    : value << 10 * (unit - units + 1);
  return value >= 1024 && value <= BYTES_MAX ? value : 0;
}

static LunTransport *
rate_wrap (LunTransport *lower, const char *args, GError **error)
{
  uint64_t bytes_per_second = parse (args);

  if (bytes_per_second == 0) {
    g_set_error (error, LUN_ERROR, LUN_ERROR_CONFIG,
                 "rate(%s) wants bytes a second, from 1k: \"rate(20M)+...\"",
                 args ? args : "");
    return NULL;
  }
  Rate *rate = g_new0 (Rate, 1);
  rate->bytes_per_second = bytes_per_second;
  pthread_mutex_init (&rate->lock, NULL);
  rate->base.ops = (LunTransportOps){ .submit = rate_submit, .close = rate_close };
  rate->base.facts = lower->facts;
  rate->base.facts.any_thread = false;
  if (lower->facts.run == LUN_RUN_CALLER) {
    rate->base.facts.run = LUN_RUN_PATH_THREAD;
    rate->base.facts.queue_depth = 1;
  }
  return &rate->base;
}

const LunLayerOps lun_rate_layer = { .name = "rate", .wrap = rate_wrap };
