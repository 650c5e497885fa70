/* reservation/key.c - layout of our reservation keys.  Pure. */
#include <lunpath/reservation.h>

#define VOLUME_SHIFT 40
#define HOST_SHIFT   32

/* Spreads all bits of TAG over the upper 24 (multiplicative hashing). */
static uint64_t
volume_bits (uint64_t tag)
{
  return (tag * UINT64_C (0x9e3779b97f4a7c15)) >> VOLUME_SHIFT;
}

uint64_t
lun_resv_key (uint64_t volume_tag, uint32_t host_index, uint64_t generation)
{
  uint64_t host = host_index % 255 + 1;
  uint64_t incarnation = (generation ^ generation >> 32) & 0xffffffff;

  return volume_bits (volume_tag) << VOLUME_SHIFT | host << HOST_SHIFT | incarnation;
}

bool
lun_resv_key_is_of_volume (uint64_t key, uint64_t volume_tag)
{
  return key >> VOLUME_SHIFT == volume_bits (volume_tag);
}

bool
lun_resv_key_is_same_owner (uint64_t a, uint64_t b)
{
  return a >> HOST_SHIFT == b >> HOST_SHIFT;
}
