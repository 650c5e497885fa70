/* buffers.h - page-aligned memory for segments, shared by all channels of the process.
 *
 * A buffer given back is the next one handed out: its pages are mapped and its lines in the
 * cache.  At most FTS_BUFFERS_KEPT_BYTES of free buffers are kept.  Any thread. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#define FTS_BUFFERS_KEPT_BYTES (16u << 20)

uint8_t *fts_buffer_take (size_t len);
/* LEN as taken.  NULL is fine. */
void fts_buffer_give (uint8_t *buffer, size_t len);
