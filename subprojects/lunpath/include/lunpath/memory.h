/* lunpath/memory.h - page-aligned memory for data, which devices use without a copy.
 *
 * A command that was given up may still be in the hands of a driver, which nobody can ask its memory
 * back from; so what it carries is a copy, and its caller's memory is free at the deadline.  Memory
 * from here needs no copy: when a command on it is given up, its pages are left to the driver, and
 * the caller finds others in their place, with the same bytes.
 *
 * What is given back is the next that is handed out: its pages are there, its lines in the cache.  At
 * most LUN_MEMORY_KEPT bytes are kept so.  Any thread.  Not for children: fork() leaves it behind.
 */
#pragma once

#include <stddef.h>

#define LUN_MEMORY_KEPT (32u << 20)

/* At least LEN bytes, with anything in them.  Never NULL. */
void *lun_memory_take (size_t len);
/* NULL is fine. */
void lun_memory_give (void *memory);
