/* base/futex.h - sleeping until words of memory change.
 *
 * The only place that knows the futex system calls.  Words in files mapped by several
 * processes are LUN_FUTEX_SHARED, words of this process are private.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/* Most words of one lun_futex_wait(). */
#define LUN_FUTEX_MAX 128

typedef struct {
  const uint32_t *word;
  uint32_t value; /* sleep only while *word is this */
  bool shared;    /* between processes */
} LunFutex;

/* Sleeps until one of WORDS is woken or is not its value, or UNTIL_US (monotonic; < 0 = no
 * limit).  Returns early at will: look again.  False when the kernel cannot wait for this many
 * words at once: sleep in another way. */
bool lun_futex_wait (const LunFutex *words, unsigned n_words, int64_t until_us);

/* Adds one to a private word and wakes all that sleep on it. */
void lun_futex_bump (uint32_t *word);
/* The same for a word that processes share. */
void lun_futex_bump_shared (uint32_t *word);
