#include "lib/iscsi_target/chap.h"

#include <string.h>

void
target_chap_make (TargetChap *chap)
{
  chap->id = (uint8_t) g_random_int_range (0, 256);
  for (size_t i = 0; i < TARGET_CHAP_LEN; i++)
    chap->challenge[i] = (uint8_t) g_random_int_range (0, 256);
}

int
target_chap_decode (const char *text, uint8_t *out, size_t room)
{
  size_t len = strlen (text);

  if (!g_str_has_prefix (text, "0x") || len % 2 != 0 || len / 2 - 1 > room)
    return -1;
  for (size_t i = 2; i < len; i += 2) {
    int high = g_ascii_xdigit_value (text[i]), low = g_ascii_xdigit_value (text[i + 1]);
    if (high < 0 || low < 0)
      return -1;
    out[i / 2 - 1] = (uint8_t) (high << 4 | low);
  }
  return (int) (len / 2 - 1);
}

char *
target_chap_encode (const uint8_t *bytes, size_t len)
{
  GString *text = g_string_new ("0x");

  for (size_t i = 0; i < len; i++)
    g_string_append_printf (text, "%02x", bytes[i]);
  return g_string_free (text, FALSE);
}

void
target_chap_respond (uint8_t id, const char *secret, const uint8_t *challenge,
                     size_t len, uint8_t out[TARGET_CHAP_LEN])
{
  g_autoptr (GChecksum) md5 = g_checksum_new (G_CHECKSUM_MD5);
  gsize out_len = TARGET_CHAP_LEN;

  g_checksum_update (md5, &id, 1);
  g_checksum_update (md5, (const guchar *) secret, (gssize) strlen (secret));
  g_checksum_update (md5, challenge, (gssize) len);
  g_checksum_get_digest (md5, out, &out_len);
}

bool
target_chap_is_right (const TargetChap *chap, const char *secret, const char *response)
{
  uint8_t expected[TARGET_CHAP_LEN], given[TARGET_CHAP_LEN];

  target_chap_respond (chap->id, secret, chap->challenge, TARGET_CHAP_LEN, expected);
  return response != NULL &&
         target_chap_decode (response, given, sizeof given) == TARGET_CHAP_LEN &&
         memcmp (given, expected, sizeof given) == 0;
}
