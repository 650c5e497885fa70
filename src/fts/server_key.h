/* server_key.h - the key that proves a handle to be the server's own (handles.h).
 *
 * With a state directory: random, kept in STATE_DIR/handle.key (mode 0600, made at the first
 * start).  Without: derived from /etc/machine-id, which other hosts do not know, so that the
 * clients' handles outlive a restart of the server here too; where there is none, from the number of the
 * machine's start, which they do not outlive; else random.
 * Errors: CONFIG for a file that is damaged or readable by others, FTS_ERRNO.
 */
#pragma once

#include "fts/handles.h"

bool fts_server_key_load (const char *state_dir, uint8_t key[FTS_HANDLE_KEY_LEN],
                          GError **error);
