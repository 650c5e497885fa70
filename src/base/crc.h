/* crc.h - CRC32C (Castagnoli, iSCSI's polynomial) of control blocks and payloads.
 *
 * ISA-L computes it where the build found ISA-L; a table does otherwise, with equal results.
 * Pure; any thread.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

/* CRC32C of LEN bytes, initial value and final XOR all ones (RFC 3720, B.4). */
uint32_t fts_crc32c (const void *data, size_t len);

/* Goes on with CRC, a value fts_crc32c() gave for the bytes before DATA; 0 starts anew. */
uint32_t fts_crc32c_extend (uint32_t crc, const void *data, size_t len);

/* CRC32C of what has the CRC32C FRONT, followed by BACK_LEN bytes that have BACK. */
uint32_t fts_crc32c_join (uint32_t front, uint32_t back, size_t back_len);

/* Takes FRONT away again from WHOLE: CRC32C of the BACK_LEN bytes behind it. */
static inline uint32_t
fts_crc32c_leave (uint32_t front, uint32_t whole, size_t back_len)
{
  return fts_crc32c_join (front, whole, back_len); /* a XOR both ways */
}

/* The table's implementation; public for the test that compares the two. */
uint32_t fts_crc32c_table (uint32_t crc, const void *data, size_t len);
