#include "base/crc.h"

#if FTS_HAVE_ISAL
#include <isa-l/crc.h>
#endif

#include <pthread.h>

#define POLYNOMIAL_REFLECTED 0x82f63b78U

static uint32_t table[256];
static pthread_once_t table_once = PTHREAD_ONCE_INIT;

static void
fill_table (void)
{
  for (uint32_t i = 0; i < 256; i++) {
    uint32_t c = i;
    for (int bit = 0; bit < 8; bit++)
      c = c & 1 ? c >> 1 ^ POLYNOMIAL_REFLECTED : c >> 1;
    table[i] = c;
  }
}

uint32_t
fts_crc32c_table (uint32_t crc, const void *data, size_t len)
{
  const uint8_t *p = data;

  pthread_once (&table_once, fill_table);
  crc = ~crc;
  for (size_t i = 0; i < len; i++)
    crc = crc >> 8 ^ table[(crc ^ p[i]) & 0xff];
  return ~crc;
}

uint32_t
fts_crc32c_extend (uint32_t crc, const void *data, size_t len)
{
#if FTS_HAVE_ISAL
  uint8_t *p = (uint8_t *) data; /* ISA-L's prototype lacks the const; it only reads */
  const size_t step = 1U << 30;  /* ISA-L takes an int length */

  crc = ~crc;
  while (len > step) {
    crc = crc32_iscsi (p, (int) step, crc);
    p += step;
    len -= step;
  }
  return ~crc32_iscsi (p, (int) len, crc);
#else
  return fts_crc32c_table (crc, data, len);
#endif
}

uint32_t
fts_crc32c (const void *data, size_t len)
{
  return fts_crc32c_extend (0, data, len);
}
