/* namehash.h - a number for a name, the same on both sides: the answer to NAMES is made of them.
 *
 * Two names with one number do no harm: whoever finds a number among those of a directory asks
 * for the name itself.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

static inline uint64_t
fts_namehash (const char *name, size_t len)
{
  uint64_t h = 0xcbf29ce484222325u; /* FNV-1a, its bits mixed in the end */

  for (size_t i = 0; i < len; i++)
    h = (h ^ (uint8_t) name[i]) * 0x100000001b3u;
  h ^= h >> 32;
  h *= 0xd6e8feb86659fd93u;
  return h ^ h >> 32;
}
