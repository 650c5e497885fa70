/* text.h - "key=value" text of logins, and what both sides agree on.
 *
 * Pure.  Sources: RFC 7143 chapters 6 (rules of negotiation) and 13 (the keys).
 */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

/* What a session goes by.  Ours before the login, the result after it. */
typedef struct {
  bool initial_r2t;
  bool immediate_data;
  uint32_t first_burst;
  uint32_t max_burst;
  uint32_t max_receive;      /* data bytes in a PDU that we take */
  uint32_t peer_max_receive; /* and the initiator */
} TargetParams;

extern const TargetParams target_params_default;

/* "KEY=VALUE" of one of ours; false when it is none or out of range. */
bool target_params_set (TargetParams *params, const char *text);

/* The pairs in LEN bytes at TEXT, as key, value, key, value...; NULL when a part of them is no pair. */
GPtrArray *target_text_parse (const char *text, size_t len);
/* The value of KEY, or NULL. */
const char *target_text_value (const GPtrArray *pairs, const char *key);

/* Appends a pair with its final NUL. */
void target_text_add (GByteArray *answer, const char *key, const char *value);

/* Settles each operational key that PAIRS offer and appends our answers.  Keys that belong to
 * other stages are left alone.  False when a value is not what its key can have. */
bool target_text_negotiate (const GPtrArray *pairs, TargetParams *params,
                            GByteArray *answer);

/* "A,B,C" offers WHAT. */
bool target_text_offers (const char *list, const char *what);
