/* wake.h - tells waiters that blocks have changed.  The waiter's side is in lunpath/emul.h. */
#pragma once

#include "emul/state.h"

/* Call after the bytes are in place. */
void lun_wake_range (LunEmul *emul, uint64_t byte_offset, uint64_t len);
