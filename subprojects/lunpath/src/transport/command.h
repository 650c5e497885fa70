/* transport/command.h - one command straight to a transport, on a thread that may use it. */
#pragma once

#include <lunpath/transport.h>

#include "base/cdb.h"

/* IOV holds DATA for as long as the result is used; LEN 0 = no data. */
LunIo lun_command_io (const LunCdb *cdb, LunDirection direction, void *data, size_t len,
                      struct iovec *iov);

/* Runs a copy of IO under TAG to its end; aborted after TIMEOUT_MS. */
LunResult lun_transport_run (LunTransport *transport, const LunIo *io, uint64_t tag,
                             uint32_t timeout_ms);
