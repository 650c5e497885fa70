#include "transport/command.h"

#include "base/lock.h"

#include <string.h>

LunIo
lun_command_io (const LunCdb *cdb, LunDirection direction, void *data, size_t len,
                struct iovec *iov)
{
  LunIo io = { .op = LUN_OP_CDB,
               .direction = direction,
               .iov = iov,
               .n_iov = len > 0 ? 1 : 0,
               .cdb_len = cdb->len };

  *iov = (struct iovec){ data, len };
  memcpy (io.cdb, cdb->b, sizeof io.cdb);
  return io;
}

typedef struct {
  LunIo io;
  pthread_mutex_t lock;
  pthread_cond_t ended;
  bool has_ended;
} Command;

static void
on_ended (LunIo *io)
{
  Command *command = (Command *) io;

  LUN_LOCKED (&command->lock);
  command->has_ended = true;
  pthread_cond_signal (&command->ended);
}

/* Until it has ended; aborted once when UNTIL_US comes first. */
static void
wait_for_end (LunTransport *transport, Command *command, int64_t until_us)
{
  bool is_aborted = false;

  for (;;) {
    {
      LUN_LOCKED (&command->lock);
      if (!command->has_ended)
        lun_cond_wait_until (&command->ended, &command->lock,
                             is_aborted ? -1 : until_us);
      if (command->has_ended)
        return;
    }
    if (is_aborted || g_get_monotonic_time () < until_us)
      continue;
    is_aborted = true;
    lun_transport_abort (transport, command->io.priv.tag);
  }
}

LunResult
lun_transport_run (LunTransport *transport, const LunIo *io, uint64_t tag,
                   uint32_t timeout_ms)
{
  Command command = { .io = *io };

  command.io.done = on_ended;
  command.io.timeout_ms = timeout_ms;
  command.io.priv.tag = tag;
  pthread_mutex_init (&command.lock, NULL);
  lun_cond_init (&command.ended);
  lun_transport_submit (transport, &command.io);
  wait_for_end (transport, &command,
                g_get_monotonic_time () + timeout_ms * INT64_C (1000));
  pthread_cond_destroy (&command.ended);
  pthread_mutex_destroy (&command.lock);
  return command.io.result;
}
