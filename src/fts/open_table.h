/* open_table.h - the files a client has open, by ids of its own, so that they outlive the server's.
 *
 * The server names an open file by an id that is gone when it starts anew or when it has lost all
 * connections of this client.  The table keeps what is needed to open the file again by its
 * handle: then the id given to the user stays and leads to the new one.  A file that was removed
 * meanwhile cannot be opened again and stays ESTALE.
 *
 * Threads: any; one lock.
 */
#pragma once

#include "fts/client.h"

typedef struct FtsOpenTable FtsOpenTable;

FtsOpenTable *fts_open_table_new (void);
void fts_open_table_free (FtsOpenTable *table);

/* A file that the server calls SERVER_ID, opened with FLAGS by CALLER (NULL = this process);
 * returns the user's id, never 0. */
uint64_t fts_open_table_add (FtsOpenTable *table, const FtsHandle *handle,
                             uint32_t flags, const FtsCaller *caller,
                             uint64_t server_id);

/* The server's id of ID and its flags; false for an id that is not (or no longer) there. */
bool fts_open_table_find (FtsOpenTable *table, uint64_t id, uint64_t *server_id,
                          uint32_t *flags);

/* Forgets ID; its server's id for the CLOSE, or 0. */
uint64_t fts_open_table_remove (FtsOpenTable *table, uint64_t id);

/* What is needed to open ID again: REQUEST gets handle, flags and rights. */
bool fts_open_table_describe (FtsOpenTable *table, uint64_t id, FtsRequest *request);

/* ID leads to FRESH now if it still led to STALE.  Returns the server's id that is of no use
 * then and wants a CLOSE, or 0: FRESH when another thread was faster or ID is gone. */
uint64_t fts_open_table_renew (FtsOpenTable *table, uint64_t id, uint64_t stale,
                               uint64_t fresh);
