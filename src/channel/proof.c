/* proof.c - the keyed proofs of connection set-up (connect.h says what they cover).
 *
 * HMAC-SHA256 with the shared secret as key.  Every field has a fixed length, so that no two
 * different sets of fields give the same bytes. */
#include "channel/connect.h"

#include <sodium.h>
#include <string.h>

typedef struct {
  char who[16];
  uint8_t volume_uuid[FTS_UUID_LEN];
  FtsLe32 slot;
  FtsLe32 zero;
  FtsLe64 epoch;
  char requestor[FTS_NAME_LEN];
  char requestee[FTS_NAME_LEN];
  FtsLe64 requestor_generation;
  FtsLe64 requestee_generation;
  uint8_t requestor_nonce[FTS_NONCE_LEN];
  uint8_t requestee_host_nonce[FTS_NONCE_LEN];
  uint8_t requestee_nonce[FTS_NONCE_LEN]; /* zero in the initiator's proof */
} ProofText;
static_assert (sizeof (ProofText) == 176, "ProofText has no padding");
static_assert (crypto_auth_hmacsha256_BYTES == FTS_PROOF_LEN, "proof length");

static void
fill_text (ProofText *text, const char *who, const uint8_t *volume_uuid,
           const FtsPid *pid, const uint8_t *requestee_host_nonce)
{
  memset (text, 0, sizeof *text);
  g_strlcpy (text->who, who, sizeof text->who);
  memcpy (text->volume_uuid, volume_uuid, FTS_UUID_LEN);
  text->slot = fts_le32 (pid->pro_process_id);
  text->epoch = fts_le64 (pid->epoch);
  g_strlcpy (text->requestor, pid->pro_requestor, FTS_NAME_LEN);
  g_strlcpy (text->requestee, pid->pro_requestee, FTS_NAME_LEN);
  text->requestor_generation = fts_le64 (pid->requestor_generation);
  text->requestee_generation = fts_le64 (pid->requestee_generation);
  memcpy (text->requestor_nonce, pid->requestor_nonce, FTS_NONCE_LEN);
  memcpy (text->requestee_host_nonce, requestee_host_nonce, FTS_NONCE_LEN);
  if (strcmp (who, "connector") == 0)
    memcpy (text->requestee_nonce, pid->requestee_nonce, FTS_NONCE_LEN);
}

void
fts_connect_proof (const char *who, const char *secret,
                   const uint8_t volume_uuid[FTS_UUID_LEN], const FtsPid *pid,
                   const uint8_t requestee_host_nonce[FTS_NONCE_LEN],
                   uint8_t out[FTS_PROOF_LEN])
{
  const char *key = secret ? secret : "";
  crypto_auth_hmacsha256_state state;
  ProofText text;

  fill_text (&text, who, volume_uuid, pid, requestee_host_nonce);
  crypto_auth_hmacsha256_init (&state, (const uint8_t *) key, strlen (key));
  crypto_auth_hmacsha256_update (&state, (const uint8_t *) &text, sizeof text);
  crypto_auth_hmacsha256_final (&state, out);
  sodium_memzero (&state, sizeof state);
}
