/* connect.h - the initiator's half of connection set-up (Fig. 8, A7, A9), and the proofs.
 *
 * fts_connect() returns as soon as the slot is allocated and published: data may be sent before
 * the connector has accepted (A9); a refusal shows on the first receive (or on await).
 *
 * Proofs: secrets never go to the LUN.  proof_i = HMAC(secret, "initiator", volume UUID, slot,
 * epoch, both names, both generations, requestor nonce, the requestee's host-entry nonce);
 * proof_c = HMAC(secret, "connector", the same, requestee nonce).  With an empty secret the
 * proof is still made (with the empty key), so there is one code path.
 */
#pragma once

#include "channel/channel.h"

typedef struct {
  const char *peer; /* name of a server in the host table */
  FtsService service;
  const char *secret; /* NULL = none */
  uint32_t
    wait_ms; /* how long to wait for peer, slot and acceptance; 0 = fail at once */
  uint32_t timeout_ms; /* fts_channel_set_timeout() of the new channel */
} FtsConnectConfig;

/* Errors: NOT_FOUND (no such server alive), NO_SLOT, and those of the lock. */
FtsChannel *fts_connect (FtsMember *member, const FtsConnectConfig *config,
                         GError **error);

/* Waits until the connector has accepted; DENIED, BUSY, REFUSED, VERSION, TIMEOUT, PEER_DEAD. */
bool fts_connect_await (FtsChannel *channel, uint32_t wait_ms, GError **error);

/* HMAC described above into OUT; WHO is "initiator" or "connector".  Pure; any thread. */
void fts_connect_proof (const char *who, const char *secret,
                        const uint8_t volume_uuid[FTS_UUID_LEN], const FtsPid *pid,
                        const uint8_t requestee_host_nonce[FTS_NONCE_LEN],
                        uint8_t out[FTS_PROOF_LEN]);
