#include "channel/connect.h"

#include "lib/suite.h"

#include <stdio.h>
#include <string.h>

static const uint8_t uuid[FTS_UUID_LEN] = { 1, 2,  3,  4,  5,  6,  7,  8,
                                            9, 10, 11, 12, 13, 14, 15, 16 };
static const uint8_t host_nonce[FTS_NONCE_LEN] = { 0xaa, 0xbb };

static FtsPid
sample_pid (void)
{
  FtsPid pid = {
    .pro_process_id = 3,
    .epoch = 7,
    .pro_requestor = "north",
    .pro_requestee = "south",
    .requestor_generation = 0x1122334455667788,
    .requestee_generation = 0x99aabbccddeeff00,
    .requestor_nonce = { 0x10, 0x11 },
    .requestee_nonce = { 0x20, 0x21 },
  };
  return pid;
}

static void
to_hex (const uint8_t proof[FTS_PROOF_LEN], char hex[FTS_PROOF_LEN * 2 + 1])
{
  for (unsigned i = 0; i < FTS_PROOF_LEN; i++)
    snprintf (hex + i * 2, 3, "%02x", proof[i]);
}

START_TEST (test_golden_proofs)
{
  FtsPid pid = sample_pid ();
  uint8_t proof[FTS_PROOF_LEN];
  char hex[FTS_PROOF_LEN * 2 + 1];

  /* tests/data/proofs.py computes these with Python's hmac and struct */
  fts_connect_proof ("initiator", "s3cret", uuid, &pid, host_nonce, proof);
  to_hex (proof, hex);
  ck_assert_str_eq (hex,
                    "530858b2675fb681150f055ee8b485b8eb1b6c43bafaae56c975489860e57a90");
  fts_connect_proof ("connector", "s3cret", uuid, &pid, host_nonce, proof);
  to_hex (proof, hex);
  ck_assert_str_eq (hex,
                    "114e7f2dfa6cd8f789a3ed9a90ca2405b4ebbe3364eee50acdaff8e79be9f714");
  fts_connect_proof ("initiator", NULL, uuid, &pid, host_nonce, proof);
  to_hex (proof, hex);
  ck_assert_str_eq (hex,
                    "770a2cf68dd102f7d7154c653f5675ba8551a8dd6730dc02276da066e5e5bd09");
}
END_TEST

START_TEST (test_every_covered_field_changes_the_proof)
{
  uint8_t first[FTS_PROOF_LEN], other[FTS_PROOF_LEN];
  FtsPid base = sample_pid ();

  fts_connect_proof ("connector", "k", uuid, &base, host_nonce, first);
  for (int field = 0; field < 8; field++) {
    FtsPid pid = base;

    switch (field) {
    case 0:
      pid.pro_process_id++;
      break;
    case 1:
      pid.epoch++;
      break;
    case 2:
      pid.pro_requestor[0] = 'm';
      break;
    case 3:
      pid.pro_requestee[0] = 'm';
      break;
    case 4:
      pid.requestor_generation++;
      break;
    case 5:
      pid.requestee_generation++;
      break;
    case 6:
      pid.requestor_nonce[15] = 1;
      break;
    case 7:
      pid.requestee_nonce[15] = 1;
      break;
    }
    fts_connect_proof ("connector", "k", uuid, &pid, host_nonce, other);
    ck_assert_msg (memcmp (first, other, sizeof first) != 0, "field %d", field);
  }
}
END_TEST

START_TEST (test_bytes_behind_a_name_do_not_matter)
{
  uint8_t first[FTS_PROOF_LEN], other[FTS_PROOF_LEN];
  FtsPid pid = sample_pid ();

  fts_connect_proof ("initiator", "k", uuid, &pid, host_nonce, first);
  pid.pro_requestor[20] = 'x';
  fts_connect_proof ("initiator", "k", uuid, &pid, host_nonce, other);
  ck_assert_mem_eq (first, other, sizeof first);
}
END_TEST

START_TEST (test_one_side_cannot_send_back_the_others_proof)
{
  uint8_t mine[FTS_PROOF_LEN], theirs[FTS_PROOF_LEN];
  FtsPid pid = sample_pid ();

  memset (pid.requestee_nonce, 0, sizeof pid.requestee_nonce);
  fts_connect_proof ("initiator", "k", uuid, &pid, host_nonce, mine);
  fts_connect_proof ("connector", "k", uuid, &pid, host_nonce, theirs);
  ck_assert_mem_ne (mine, theirs, sizeof mine);
}
END_TEST

FTS_SUITE ("channel/proof", test_golden_proofs,
           test_every_covered_field_changes_the_proof,
           test_bytes_behind_a_name_do_not_matter,
           test_one_side_cannot_send_back_the_others_proof)
