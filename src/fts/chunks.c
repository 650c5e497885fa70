#include "fts/chunks.h"

#include "base/crc.h"

#include <string.h>

/* ---- sending ---- */

void
fts_chunk_out_begin (FtsChunkOut *out, uint8_t *memory, size_t room)
{
  out->memory = memory;
  out->room = room;
  out->used = 0;
  out->crc = 0;
}

void
fts_chunk_out_add_bytes (FtsChunkOut *out, const void *bytes, size_t len)
{
  g_assert (len <= fts_chunk_out_left (out));
  memcpy (out->memory + out->used, bytes, len);
  out->crc = fts_crc32c_extend (out->crc, bytes, len);
  out->used += len;
}

void
fts_chunk_out_add (FtsChunkOut *out, const FtsChunk *chunk)
{
  uint8_t header[FTS_CHUNK_LEN];

  fts_wire_encode_chunk (chunk, header);
  fts_chunk_out_add_bytes (out, header, sizeof header);
}

uint8_t *
fts_chunk_out_data (FtsChunkOut *out)
{
  return out->memory + out->used + FTS_CHUNK_LEN;
}

void
fts_chunk_out_add_data (FtsChunkOut *out, uint64_t offset, size_t len)
{
  FtsChunk chunk = { .kind = FTS_CHUNK_DATA, .offset = offset, .len = len };
  uint32_t crc = fts_crc32c (fts_chunk_out_data (out), len);

  g_assert (FTS_CHUNK_LEN + len <= fts_chunk_out_left (out));
  fts_chunk_out_add (out, &chunk);
  out->crc = fts_crc32c_join (out->crc, crc, len);
  out->file_crc = fts_crc32c_join (out->file_crc, crc, len);
  out->used += len;
}

/* ---- receiving ---- */

void
fts_chunk_in_begin (FtsChunkIn *in, const uint8_t *bytes, size_t len, uint32_t crc)
{
  in->bytes = bytes;
  in->len = len;
  in->crc = crc;
}

/* LEN bytes are done with, CRC is theirs. */
static void
leave_behind (FtsChunkIn *in, size_t len, uint32_t crc)
{
  in->bytes += len;
  in->len -= len;
  in->crc = fts_crc32c_leave (crc, in->crc, in->len);
}

bool
fts_chunk_in_next (FtsChunkIn *in, FtsChunk *chunk, const uint8_t **data)
{
  if (!fts_wire_decode_chunk (in->bytes, in->len, chunk))
    return false;
  leave_behind (in, FTS_CHUNK_LEN, fts_crc32c (in->bytes, FTS_CHUNK_LEN));
  *data = in->bytes;
  if (chunk->kind != FTS_CHUNK_DATA)
    return true;
  size_t len = (size_t) chunk->len;
  uint32_t crc = len == in->len ? in->crc : fts_crc32c (in->bytes, len);
  in->file_crc = fts_crc32c_join (in->file_crc, crc, len);
  leave_behind (in, len, crc);
  return true;
}
