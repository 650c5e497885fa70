/* chap.h - CHAP with MD5 (RFC 1994, RFC 7143 12.1.3): challenge and response as values of keys.
 *
 * Pure but for the random challenge.
 */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

#define TARGET_CHAP_LEN 16

typedef struct {
  uint8_t id;
  uint8_t challenge[TARGET_CHAP_LEN];
} TargetChap;

void target_chap_make (TargetChap *chap);

/* "0x..." to at most ROOM bytes; -1 when it is no such text. */
int target_chap_decode (const char *text, uint8_t *out, size_t room);
char *target_chap_encode (const uint8_t *bytes, size_t len);

void target_chap_respond (uint8_t id, const char *secret, const uint8_t *challenge,
                          size_t len, uint8_t out[TARGET_CHAP_LEN]);

/* RESPONSE is the value of CHAP_R, or NULL. */
bool target_chap_is_right (const TargetChap *chap, const char *secret,
                           const char *response);
