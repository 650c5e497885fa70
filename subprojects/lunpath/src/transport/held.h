/* transport/held.h - commands that the fault layer holds back, and the thread that lets them go.
 *
 * All commands of a layer that holds any go through here, so they are carried out by one thread.
 */
#pragma once

#include "transport/hop.h"

typedef struct LunHeld LunHeld;

/* CARRY_OUT is called on the thread, for each hop that is let go. */
LunHeld *lun_held_new (void (*carry_out) (LunHop *hop));
/* Nothing is held any more.  NULL is fine. */
void lun_held_free (LunHeld *held);

/* Lets HOP go after DELAY_US, or sooner (UNTIL_NEXT) once a later command has been carried out. */
void lun_held_put (LunHeld *held, LunHop *hop, int64_t delay_us, bool until_next);

/* Takes the command with this TAG back; NULL when it is not held (any more). */
LunHop *lun_held_take (LunHeld *held, uint64_t tag);
