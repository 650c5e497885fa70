/* Names of devices as a user may type them. */
#include "volume/device_spec.h"

#include "fuzz/fuzz.h"

#include <stdlib.h>
#include <string.h>

int
LLVMFuzzerTestOneInput (const uint8_t *bytes, size_t len)
{
  g_autofree char *spec = g_strndup ((const char *) bytes, len);
  g_auto (GStrv) paths = fts_device_spec_paths (spec, NULL);

  for (char **path = paths; path != NULL && *path != NULL; path++) {
    g_autofree char *image = fts_device_spec_image (*path);
    if ((*path)[0] == '\0')
      abort ();
  }
  return 0;
}

size_t
fuzz_seed (unsigned n, uint8_t *buf, size_t room)
{
  static const char *const seeds[] = { "file:/a/b.img?path=2&host=h|/c",
                                       "trace(/t+|x)+fault(read 1;write 2)+file:/a" };

  if (n >= G_N_ELEMENTS (seeds) || room < 128)
    return 0;
  memcpy (buf, seeds[n], strlen (seeds[n]));
  return strlen (seeds[n]);
}
