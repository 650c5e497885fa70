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

/* The table's implementation; public for the test that compares the two. */
uint32_t fts_crc32c_table (uint32_t crc, const void *data, size_t len);
