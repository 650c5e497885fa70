/* fuzz_text.c - libFuzzer target: path names and fault rules, as text from anywhere. */
#include "transport/fault-rule.h"

#include <lunpath/transport.h>

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  g_autofree char *text = g_strndup ((const char *) data, size);
  g_autoptr (LunPathName) name = lun_path_name_parse (text, NULL);
  g_autoptr (GArray) rules = lun_fault_rules_parse (text, NULL);
  g_auto (GStrv) parts = lun_path_name_split (text);

  return 0;
}
