/* chunks.h - a whole file as chunks (wire.h) in the fragments of a message: filling a fragment, and
 * taking one apart, with the file's checksum.
 *
 * Why here: each byte is summed once a side, though two checksums cover it: the fragment's, which
 * the channel makes and checks, and the file's.  The sender sums the data and joins the sum to
 * both; the receiver takes what stands before the data out of the sum that the channel has checked.
 *
 * Pure; one thread at a time uses an object.  What comes from a peer may be anything.
 */
#pragma once

#include "fts/wire.h"

/* ---- sending ---- */
typedef struct {
  uint8_t *memory; /* of the fragment, the caller's; NULL = none */
  size_t room, used;
  uint32_t crc;      /* CRC32C of the `used` bytes */
  uint32_t file_crc; /* CRC32C of all data so far; outlives the fragment */
} FtsChunkOut;

/* A new fragment of ROOM bytes. */
void fts_chunk_out_begin (FtsChunkOut *out, uint8_t *memory, size_t room);
static inline size_t
fts_chunk_out_left (const FtsChunkOut *out)
{
  return out->memory != NULL ? out->room - out->used : 0;
}
/* What goes before the first chunk; there must be room. */
void fts_chunk_out_add_bytes (FtsChunkOut *out, const void *bytes, size_t len);
/* A chunk without data: HOLE or END; there must be room for FTS_CHUNK_LEN bytes. */
void fts_chunk_out_add (FtsChunkOut *out, const FtsChunk *chunk);
/* Where the data of the next chunk have to lie, behind room for its header. */
uint8_t *fts_chunk_out_data (FtsChunkOut *out);
/* LEN bytes lie there, the file's at OFFSET: a DATA chunk. */
void fts_chunk_out_add_data (FtsChunkOut *out, uint64_t offset, size_t len);

/* ---- receiving ---- */
typedef struct {
  const uint8_t *bytes; /* not taken yet */
  size_t len;
  uint32_t crc;      /* CRC32C of them */
  uint32_t file_crc; /* CRC32C of the data of all chunks taken so far */
} FtsChunkIn;

/* The next LEN bytes, which CRC is the CRC32C of; file_crc goes on. */
void fts_chunk_in_begin (FtsChunkIn *in, const uint8_t *bytes, size_t len,
                         uint32_t crc);
/* Takes the next chunk, DATA's bytes at *DATA; false when it is damaged.  There must be some. */
bool fts_chunk_in_next (FtsChunkIn *in, FtsChunk *chunk, const uint8_t **data);
