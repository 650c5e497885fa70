/* record.h - what all 512-byte records share: magic, volume tag, CRC in the last four bytes.
 *
 * Pure; any thread.  Only the codecs of this folder use it.
 */
#pragma once

#include "volume/disk.h"

#include <stdbool.h>

#define FTS_RECORD_CRC_OFFSET (FTS_RECORD_LEN - 4u)

/* Empties the block, so that reserved bytes and the rest of a large block are zero. */
void *fts_record_begin (void *block, size_t block_size);
/* Last step of an encode: computes the CRC. */
void fts_record_seal (void *block);

/* Long enough, right magic, right CRC. */
bool fts_record_is_sound (const void *block, size_t len, const char *magic);

/* Text of fixed width: copied and cut to LEN - 1 bytes, the rest zero. */
void fts_record_put_text (char *field, size_t len, const char *text);
/* Copies a field that must end with a NUL within LEN bytes; bytes after it are dropped. */
bool fts_record_get_text (char *out, const char *field, size_t len);
