/* transport/trace.c - the layer that writes one line a command.
 *
 *   trace(FILE)+...     appends "TIME OP LBA BLOCKS OUTCOME MICROSECONDS" to FILE
 *
 * TIME is seconds since 1970, when the command ended.  A CDB shows its operation code (hex) and
 * length for LBA and BLOCKS.  Each line is one write, so several paths and processes may share
 * a file.  "-" is standard error.
 */
#include "transport/builtin.h"

#include "transport/hop.h"
#include "transport/opname.h"

#include "base/sense.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

typedef struct {
  LunTransport base;
  int fd;
} Trace;

static int
format_where (const LunIo *io, char *out, size_t size)
{
  if (io->op == LUN_OP_CDB)
    return snprintf (out, size, "%02x %u", io->cdb[0], io->cdb_len);
  return snprintf (out, size, "%" G_GUINT64_FORMAT " %u", io->lba, io->blocks);
}

static void
format_outcome (const LunResult *result, char *out, size_t size)
{
  static const char *const names[] = {
    [LUN_OUTCOME_GOOD] = "good",
    [LUN_OUTCOME_CHECK_CONDITION] = "check",
    [LUN_OUTCOME_RESERVATION_CONFLICT] = "conflict",
    [LUN_OUTCOME_BUSY] = "busy",
    [LUN_OUTCOME_ABORTED] = "aborted",
    [LUN_OUTCOME_TRANSPORT_ERROR] = "transport-error",
    [LUN_OUTCOME_TIMEOUT] = "timeout",
  };
  LunSense sense;

  if (lun_result_sense (result, &sense))
    snprintf (out, size, "check:%x/%02x/%02x", sense.key, sense.asc, sense.ascq);
  else
    g_strlcpy (out, names[result->outcome], size);
}

static void
on_end (LunHop *hop)
{
  Trace *trace = (Trace *) hop->layer;
  int64_t now_us = g_get_real_time ();
  char where[48], outcome[32], line[160];

  format_where (&hop->io, where, sizeof where);
  format_outcome (&hop->io.result, outcome, sizeof outcome);
  int len = snprintf (
    line, sizeof line, "%" G_GINT64_FORMAT ".%06u %s %s %s %" G_GINT64_FORMAT "\n",
    now_us / G_USEC_PER_SEC, (unsigned) (now_us % G_USEC_PER_SEC),
    lun_op_name (hop->io.op), where, outcome, g_get_monotonic_time () - hop->start_us);
  /* A trace that cannot be written must not fail the command. */
  if (write (trace->fd, line, (size_t) len) < 0)
    g_debug ("trace: %m");
  lun_hop_finish (hop);
}

static void
trace_submit (LunTransport *transport, LunIo *io)
{
  lun_hop_go (lun_hop_new (transport, io, on_end));
}

static void
trace_close (LunTransport *transport)
{
  Trace *trace = (Trace *) transport;

  close (trace->fd);
  g_free (trace);
}

static int
open_file (const char *args, GError **error)
{
  if (!args || !*args) {
    g_set_error (error, LUN_ERROR, LUN_ERROR_CONFIG,
                 "trace wants a file: \"trace(/tmp/lun.log)+...\"");
    return -1;
  }
  int fd = g_str_equal (args, "-")
             ? fcntl (STDERR_FILENO, F_DUPFD_CLOEXEC, 3)
             : open (args, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0666);
  if (fd < 0)
    g_set_error (error, LUN_ERROR, LUN_ERROR_CONFIG,
                 "trace(%s): cannot open the file: %s", args, g_strerror (errno));
  return fd;
}

static LunTransport *
trace_wrap (LunTransport *lower, const char *args, GError **error)
{
  int fd = open_file (args, error);

  if (fd < 0)
    return NULL;
  Trace *trace = g_new0 (Trace, 1);
  trace->fd = fd;
  trace->base.ops = (LunTransportOps){ .submit = trace_submit, .close = trace_close };
  trace->base.facts = lower->facts;
  return &trace->base;
}

const LunLayerOps lun_trace_layer = { .name = "trace", .wrap = trace_wrap };
