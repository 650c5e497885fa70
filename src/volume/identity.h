/* identity.h - what a process says of itself in its host table entry, and whether a process of
 * this machine still exists.  Any thread. */
#pragma once

#include "volume/hosttab.h"

/* Host UUID (from the machine id), process id and its space, OS type, a new generation and
 * nonce.  Leaves index, state, role, names and times alone. */
void fts_identity_fill (FtsHost *host);

/* The machine's name up to the first dot, cut to fit. */
void fts_identity_host_name (char out[FTS_NAME_LEN]);

/* HOST is a process of this boot and pid namespace, and there is no such process any more.
 * False says nothing: the number may have been given to another process. */
bool fts_identity_is_gone (const FtsHost *host);

/* Random number, never 0. */
uint64_t fts_identity_random (void);
