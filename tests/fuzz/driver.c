/* driver.c - feeds a fuzz target a deterministic corpus and speaks TAP (fuzz.h). */
#include "fuzz/fuzz.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ROOM      (256 * 1024)
#define MUTATIONS 3000
#define STEPS     1500 /* truncations and flips of a long seed are spread over it */

static uint64_t state = 0x9e3779b97f4a7c15u;

static uint64_t
next_random (void)
{
  state ^= state << 13;
  state ^= state >> 7;
  state ^= state << 17;
  return state;
}

/* From a block of its own size, so that a sanitizer sees each byte read beyond it. */
static void
feed (const uint8_t *bytes, size_t len)
{
  uint8_t *copy = malloc (len + !len);

  if (copy == NULL)
    abort ();
  memcpy (copy, bytes, len);
  LLVMFuzzerTestOneInput (copy, len);
  free (copy);
}

static void
feed_truncations (const uint8_t *seed, size_t len)
{
  size_t step = 1 + len / STEPS;

  for (size_t cut = 0; cut < len; cut += step)
    feed (seed, cut);
}

static void
feed_flips (uint8_t *seed, size_t len)
{
  size_t step = 1 + len * 8 / STEPS;

  for (size_t bit = 0; bit < len * 8; bit += step) {
    seed[bit / 8] ^= (uint8_t) (1u << bit % 8);
    feed (seed, len);
    seed[bit / 8] ^= (uint8_t) (1u << bit % 8);
  }
}

static void
mutate_once (uint8_t *buf, size_t len)
{
  static const uint8_t edges[] = { 0x00, 0x01, 0x7f, 0x80, 0xff };
  uint64_t r = next_random ();
  size_t at = (size_t) (r >> 8) % len;

  switch (r % 4) {
  case 0:
    buf[at] ^= (uint8_t) (1u << (r >> 40) % 8);
    return;
  case 1:
    buf[at] = edges[(r >> 40) % sizeof edges];
    return;
  case 2:
    buf[at] = (uint8_t) (r >> 40);
    return;
  default:
    memset (buf + at, (r >> 40) % 2 ? 0xff : 0, len - at < 4 ? len - at : 4);
    return;
  }
}

static void
feed_mutations (const uint8_t *seed, size_t len, uint8_t *buf)
{
  for (int i = 0; i < MUTATIONS; i++) {
    memcpy (buf, seed, len);
    for (uint64_t n = 1 + next_random () % 8; n > 0; n--)
      mutate_once (buf, len);
    feed (buf, next_random () % 4 ? len : (size_t) (next_random () % (len + 1)));
  }
}

int
main (void)
{
  uint8_t *seed = malloc (ROOM), *buf = malloc (ROOM);
  unsigned n_seeds = 0;

  if (seed == NULL || buf == NULL)
    abort ();
  for (size_t len; (len = fuzz_seed (n_seeds, seed, ROOM)) > 0; n_seeds++) {
    feed (seed, len);
    feed_truncations (seed, len);
    feed_flips (seed, len);
    feed_mutations (seed, len, buf);
  }
  free (seed);
  free (buf);
  printf ("1..1\n%sok 1 - %u seeds\n", n_seeds ? "" : "not ", n_seeds);
  return n_seeds ? 0 : 1;
}
