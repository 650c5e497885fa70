/* Hex dumps of whatever tool. */
#include "volume/dump.h"

#include "fuzz/fuzz.h"

#include <stdlib.h>
#include <string.h>

int
LLVMFuzzerTestOneInput (const uint8_t *bytes, size_t len)
{
  g_autofree char *text = g_strndup ((const char *) bytes, len);
  g_autoptr (GByteArray) out = fts_dump_parse_hex (text, NULL);

  if (out != NULL && out->len > len)
    abort ();
  return 0;
}

size_t
fuzz_seed (unsigned n, uint8_t *buf, size_t room)
{
  static const char *const seeds[] = {
    "00000000: 4d41 535f 454d 4300 0100 0000 0100 0000  MAS_EMC.........\n",
    "00000000  4d 41 53 5f 45 4d 43 00  01 00 00 00 01 00 00 00  |MAS_EMC.........|\n0010\n",
    "4d41535f454d43 00\n"
  };

  if (n >= G_N_ELEMENTS (seeds) || room < 256)
    return 0;
  memcpy (buf, seeds[n], strlen (seeds[n]));
  return strlen (seeds[n]);
}
