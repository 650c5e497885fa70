#include "base/crc.h"

#if FTS_HAVE_ISAL
#include <isa-l/crc.h>
#endif

#include <pthread.h>

#define POLYNOMIAL_REFLECTED 0x82f63b78U
#define ONE_REFLECTED        0x80000000U /* the polynomial 1 */
#define SHIFTS               64          /* bits of a length in bytes */

static uint32_t table[256];
static uint32_t shift_table[SHIFTS]; /* x^(8 * 2^i) modulo the polynomial */
static pthread_once_t tables_once = PTHREAD_ONCE_INIT;

/* a * b modulo the polynomial; bit 31 is x^0. */
static uint32_t
multiply (uint32_t a, uint32_t b)
{
  uint32_t product = 0;

  for (; a != 0; a <<= 1) {
    product ^= a & ONE_REFLECTED ? b : 0;
    b = b & 1 ? b >> 1 ^ POLYNOMIAL_REFLECTED : b >> 1;
  }
  return product;
}

static void
fill_tables (void)
{
  for (uint32_t i = 0; i < 256; i++) {
    uint32_t c = i;
    for (int bit = 0; bit < 8; bit++)
      c = c & 1 ? c >> 1 ^ POLYNOMIAL_REFLECTED : c >> 1;
    table[i] = c;
  }
  shift_table[0] = ONE_REFLECTED >> 8;
  for (int i = 1; i < SHIFTS; i++)
    shift_table[i] = multiply (shift_table[i - 1], shift_table[i - 1]);
}

uint32_t
fts_crc32c_table (uint32_t crc, const void *data, size_t len)
{
  const uint8_t *p = data;

  pthread_once (&tables_once, fill_tables);
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

/* Bytes behind it multiply a CRC by x^8 each; the inversions at both ends cancel out. */
uint32_t
fts_crc32c_join (uint32_t front, uint32_t back, size_t back_len)
{
  pthread_once (&tables_once, fill_tables);
  for (int i = 0; back_len != 0; i++, back_len >>= 1)
    if (back_len & 1)
      front = multiply (shift_table[i], front);
  return front ^ back;
}
