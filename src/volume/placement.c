#include "volume/placement.h"

/* SplitMix64 (public domain, S. Vigna): small, seedable, the same everywhere. */
static uint64_t
next_random (uint64_t *state)
{
  uint64_t z = *state += 0x9e3779b97f4a7c15U;

  z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9U;
  z = (z ^ z >> 27) * 0x94d049bb133111ebU;
  return z ^ z >> 31;
}

static void
shuffle (uint64_t *numbers, uint64_t n, uint64_t seed)
{
  for (uint64_t i = n; i > 1; i--) {
    uint64_t k = next_random (&seed) % i;
    uint64_t kept = numbers[i - 1];
    numbers[i - 1] = numbers[k];
    numbers[k] = kept;
  }
}

/* Device after device takes its next segment; one that has none left is passed over. */
static void
stripe (uint64_t *numbers, uint64_t n, const uint64_t *shares, unsigned n_devices)
{
  uint64_t round = 0, k = 0;

  while (k < n) {
    uint64_t first = 1;
    for (unsigned d = 0; d < n_devices; d++) {
      if (round < shares[d])
        numbers[k++] = first + round;
      first += shares[d];
    }
    round++;
  }
}

uint64_t *
fts_placement_order (FtsPlacement placement, uint64_t seed, const uint64_t *shares,
                     unsigned n_devices)
{
  uint64_t n = 0;
  uint64_t *numbers;

  for (unsigned d = 0; d < n_devices; d++)
    n += shares[d];
  numbers = g_new (uint64_t, MAX (n, 1));
  for (uint64_t i = 0; i < n; i++)
    numbers[i] = i + 1;
  if (placement == FTS_PLACE_RANDOM)
    shuffle (numbers, n, seed);
  else if (placement == FTS_PLACE_STRIPED)
    stripe (numbers, n, shares, n_devices);
  return numbers;
}

bool
fts_placement_share (uint64_t total, const uint64_t *room, unsigned n_devices,
                     uint64_t *shares)
{
  unsigned open_devices = n_devices;

  for (unsigned d = 0; d < n_devices; d++)
    shares[d] = 0;
  while (total > 0 && open_devices > 0) {
    uint64_t each = MAX (total / open_devices, 1);
    open_devices = 0;
    for (unsigned d = 0; d < n_devices && total > 0; d++) {
      uint64_t take = MIN (MIN (each, room[d] - shares[d]), total);
      shares[d] += take;
      total -= take;
      if (shares[d] < room[d])
        open_devices++;
    }
  }
  return total == 0;
}
