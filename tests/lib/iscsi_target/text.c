#include "lib/iscsi_target/text.h"

#include <string.h>

#define BURST_MIN 512
#define BURST_MAX 0xffffff

const TargetParams target_params_default = {
  .immediate_data = true,
  .first_burst = 256 * 1024,
  .max_burst = 1024 * 1024,
  .max_receive = 256 * 1024,
  .peer_max_receive = 8192,
};

/* ---- pairs ---- */

GPtrArray *
target_text_parse (const char *text, size_t len)
{
  g_autoptr (GPtrArray) pairs = g_ptr_array_new_with_free_func (g_free);

  for (const char *end = text + len; text < end;) {
    size_t n = strnlen (text, (size_t) (end - text));
    const char *equals = memchr (text, '=', n);
    if (n > 0 && (equals == NULL || equals == text))
      return NULL;
    if (n > 0) {
      g_ptr_array_add (pairs, g_strndup (text, (size_t) (equals - text)));
      g_ptr_array_add (pairs, g_strndup (equals + 1, n - (size_t) (equals + 1 - text)));
    }
    text += n + 1;
  }
  return g_steal_pointer (&pairs);
}

const char *
target_text_value (const GPtrArray *pairs, const char *key)
{
  for (guint i = 0; i < pairs->len; i += 2)
    if (strcmp (pairs->pdata[i], key) == 0)
      return pairs->pdata[i + 1];
  return NULL;
}

void
target_text_add (GByteArray *answer, const char *key, const char *value)
{
  g_autofree char *pair = g_strdup_printf ("%s=%s", key, value);

  g_byte_array_append (answer, (const uint8_t *) pair, (guint) strlen (pair) + 1);
}

bool
target_text_offers (const char *list, const char *what)
{
  g_auto (GStrv) offers = g_strsplit (list, ",", 64);

  return g_strv_contains ((const char *const *) offers, what);
}

/* ---- values ---- */

static bool
parse_bool (const char *value, bool *out)
{
  *out = strcmp (value, "Yes") == 0;
  return *out || strcmp (value, "No") == 0;
}

static bool
parse_number (const char *value, uint32_t min, uint32_t max, uint32_t *out)
{
  bool hex = g_str_has_prefix (value, "0x") || g_str_has_prefix (value, "0X");
  guint64 number;

  if (!g_ascii_string_to_unsigned (hex ? value + 2 : value, hex ? 16 : 10, min, max,
                                   &number, NULL))
    return false;
  *out = (uint32_t) number;
  return true;
}

static void
add_number (GByteArray *answer, const char *key, uint32_t number)
{
  char text[16];

  g_snprintf (text, sizeof text, "%u", number);
  target_text_add (answer, key, text);
}

bool
target_params_set (TargetParams *params, const char *text)
{
  const struct {
    const char *key;
    uint32_t *number;
    bool *flag;
  } known[] = {
    { "InitialR2T", NULL, &params->initial_r2t },
    { "ImmediateData", NULL, &params->immediate_data },
    { "FirstBurstLength", &params->first_burst, NULL },
    { "MaxBurstLength", &params->max_burst, NULL },
    { "MaxRecvDataSegmentLength", &params->max_receive, NULL },
  };

  for (size_t i = 0; i < G_N_ELEMENTS (known); i++) {
    size_t len = strlen (known[i].key);
    if (strncmp (text, known[i].key, len) != 0 || text[len] != '=')
      continue;
    return known[i].flag
             ? parse_bool (text + len + 1, known[i].flag)
             : parse_number (text + len + 1, BURST_MIN, BURST_MAX, known[i].number);
  }
  return false;
}

/* ---- negotiation ---- */

typedef struct {
  const char *key;
  const char *value;
  TargetParams *params;
  GByteArray *answer;
} Offer;

static bool
answer_bool (const Offer *offer, bool *ours, bool either)
{
  bool theirs;

  if (!parse_bool (offer->value, &theirs))
    return false;
  *ours = either ? *ours || theirs : *ours && theirs;
  target_text_add (offer->answer, offer->key, *ours ? "Yes" : "No");
  return true;
}

static bool
answer_smaller (const Offer *offer, uint32_t *ours)
{
  uint32_t theirs;

  if (!parse_number (offer->value, BURST_MIN, BURST_MAX, &theirs))
    return false;
  *ours = MIN (*ours, theirs);
  add_number (offer->answer, offer->key, *ours);
  return true;
}

static bool
settle_initial_r2t (const Offer *offer)
{
  return answer_bool (offer, &offer->params->initial_r2t, true);
}

static bool
settle_immediate_data (const Offer *offer)
{
  return answer_bool (offer, &offer->params->immediate_data, false);
}

static bool
settle_first_burst (const Offer *offer)
{
  return answer_smaller (offer, &offer->params->first_burst);
}

static bool
settle_max_burst (const Offer *offer)
{
  return answer_smaller (offer, &offer->params->max_burst);
}

/* Each side declares its own. */
static bool
settle_max_receive (const Offer *offer)
{
  return parse_number (offer->value, BURST_MIN, BURST_MAX,
                       &offer->params->peer_max_receive);
}

static bool
settle_digest (const Offer *offer)
{
  bool offered = target_text_offers (offer->value, "None");

  target_text_add (offer->answer, offer->key, offered ? "None" : "Reject");
  return offered;
}

/* Yes and only yes: data comes in order. */
static bool
settle_in_order (const Offer *offer)
{
  bool in_order = true;

  return answer_bool (offer, &in_order, true);
}

static bool
settle_no_markers (const Offer *offer)
{
  bool markers = false;

  return answer_bool (offer, &markers, false);
}

static bool
settle_one (const Offer *offer)
{
  add_number (offer->answer, offer->key, 1);
  return true;
}

static bool
settle_zero (const Offer *offer)
{
  add_number (offer->answer, offer->key, 0);
  return true;
}

static bool
settle_theirs (const Offer *offer)
{
  uint32_t seconds;

  if (!parse_number (offer->value, 0, 3600, &seconds))
    return false;
  add_number (offer->answer, offer->key, seconds);
  return true;
}

/* Of another stage, or a declaration that wants no answer. */
static bool
leave_alone (const Offer *offer)
{
  return true;
}

static const struct {
  const char *key;
  bool (*settle) (const Offer *offer);
} keys[] = {
  { "HeaderDigest", settle_digest },
  { "DataDigest", settle_digest },
  { "InitialR2T", settle_initial_r2t },
  { "ImmediateData", settle_immediate_data },
  { "MaxRecvDataSegmentLength", settle_max_receive },
  { "MaxBurstLength", settle_max_burst },
  { "FirstBurstLength", settle_first_burst },
  { "MaxConnections", settle_one },
  { "MaxOutstandingR2T", settle_one },
  { "ErrorRecoveryLevel", settle_zero },
  { "DefaultTime2Wait", settle_theirs },
  { "DefaultTime2Retain", settle_zero },
  { "DataPDUInOrder", settle_in_order },
  { "DataSequenceInOrder", settle_in_order },
  { "IFMarker", settle_no_markers },
  { "OFMarker", settle_no_markers },
  { "InitiatorName", leave_alone },
  { "InitiatorAlias", leave_alone },
  { "TargetName", leave_alone },
  { "SessionType", leave_alone },
  { "AuthMethod", leave_alone },
  { "CHAP_A", leave_alone },
  { "CHAP_I", leave_alone },
  { "CHAP_C", leave_alone },
  { "CHAP_N", leave_alone },
  { "CHAP_R", leave_alone },
  { "SendTargets", leave_alone },
};

static bool
settle (const Offer *offer)
{
  for (size_t i = 0; i < G_N_ELEMENTS (keys); i++)
    if (strcmp (keys[i].key, offer->key) == 0)
      return keys[i].settle (offer);
  target_text_add (offer->answer, offer->key, "NotUnderstood");
  return true;
}

bool
target_text_negotiate (const GPtrArray *pairs, TargetParams *params, GByteArray *answer)
{
  for (guint i = 0; i < pairs->len; i += 2) {
    Offer offer = { pairs->pdata[i], pairs->pdata[i + 1], params, answer };
    if (!settle (&offer))
      return false;
  }
  return true;
}
