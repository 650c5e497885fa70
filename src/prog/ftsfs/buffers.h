/* buffers.h - memory for data under way: equal pieces, kept for the next use.
 *
 * A piece that was just used is warm in the page tables; fresh megabytes from malloc() cost a
 * page fault every 4 KiB.  Threads: any.
 */
#pragma once

#include <glib.h>
#include <stddef.h>
#include <stdint.h>

/* The longest READ or WRITE of the kernel (256 pages). */
#define FTS_BUFFER_LEN (1024u * 1024u)

typedef struct FtsBuffers FtsBuffers;

/* Keeps up to N_KEPT unused pieces. */
FtsBuffers *fts_buffers_new (unsigned n_kept);
void fts_buffers_free (FtsBuffers *buffers);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (FtsBuffers, fts_buffers_free)

uint8_t *fts_buffers_take (FtsBuffers *buffers); /* FTS_BUFFER_LEN bytes of anything */
void fts_buffers_give (FtsBuffers *buffers, uint8_t *buffer); /* NULL is fine */
