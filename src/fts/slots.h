/* slots.h - a client's slots: what a request is told by when it is sent again (replay.h).
 *
 * A call that must not be done twice takes a slot with the next number in it for its duration,
 * however often it is sent; the lowest free one, so that few are in use.  Threads: any; one lock.
 */
#pragma once

#include "fts/replay.h"

typedef struct FtsSlots FtsSlots;

FtsSlots *fts_slots_new (void);
void fts_slots_free (FtsSlots *slots);

/* Random and never 0: no other client has it. */
uint64_t fts_slots_instance (const FtsSlots *slots);
/* 0 when all are taken. */
uint32_t fts_slots_take (FtsSlots *slots, uint64_t *sequence);
void fts_slots_give (FtsSlots *slots, uint32_t slot); /* 0 is fine */
