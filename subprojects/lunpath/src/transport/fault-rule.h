/* transport/fault-rule.h - the rules of the fault layer: what goes wrong, where and when.
 *
 * Pure: reading rules and asking them need nothing but the rule.  Syntax (README.md has a table):
 *
 *   rules     := rule [ ";" rule ]...
 *   rule      := name [ "=" value ] [ ":" condition "=" value ]...
 *   rate      := "1/N" (every Nth) | "0.01" (at random) | nothing (always)
 *
 * A rule sees the commands that fit its operations, `lba`, `cdb` and `while`; among those it skips
 * `after`, then fires at its rate, `count` times at most.  The same seed gives the same sequence.
 * A LUN RESET is seen by rules that name it (op=reset), and by `kill`.
 */
#pragma once

#include "transport/opname.h"

#include <lunpath/io.h>

#include <glib.h>

/* In `ops`: a LUN RESET, which is no LunIo. */
#define LUN_FAULT_OP_RESET (1u << LUN_N_OPS)

typedef enum {
  LUN_FAULT_FAIL,        /* ends with `result`, not executed */
  LUN_FAULT_LOSE_ANSWER, /* executed, ends as transport error */
  LUN_FAULT_LOSE_WRITE,  /* ends well, nothing written */
  LUN_FAULT_TEAR_WRITE,  /* ends well, only the first bytes written */
  LUN_FAULT_FLIP_WRITE,  /* one bit wrong on the LUN */
  LUN_FAULT_FLIP_READ,   /* one bit wrong in the buffer */
  LUN_FAULT_DELAY,       /* executed later */
  LUN_FAULT_REORDER,     /* executed after the next command */
  LUN_FAULT_DOWN,        /* the path is dead */
  LUN_FAULT_POWER_LOSS,  /* writes since the last flush are gone */
  LUN_FAULT_KILL,        /* the process dies, by SIGKILL */
} LunFaultKind;

typedef struct {
  LunFaultKind kind;
  char *name; /* as written, for statistics */

  unsigned ops; /* set of 1 << LunOp, LUN_FAULT_OP_RESET */
  bool has_cdb; /* only CDBs with this operation code ... */
  uint8_t opcode;
  int service_action; /* ... and service action; -1 = any */
  bool has_lba;
  uint64_t first_lba, last_lba;
  uint32_t beyond; /* sees nothing while fewer other commands are under way */
  uint64_t after;
  uint64_t count;
  uint64_t every; /* 0 = by `rate` */
  double rate;
  LunResult result;   /* FAIL */
  uint32_t delay_ms;  /* DELAY; REORDER: how long it waits for a next one at most */
  uint32_t jitter_ms; /* DELAY */
  uint64_t down_for;  /* DOWN: commands until it is up again */
  bool is_done_first; /* KILL: when the command has been executed */
  bool is_down_while; /* DOWN: as long as `while_file` exists, whatever else */
  char *while_file;   /* sees nothing while this file does not exist; NULL = always */

  uint64_t n_seen, n_fired;
  uint64_t random; /* state of the generator, never 0 */
} LunFaultRule;

/* Array of LunFaultRule (freed with it), NULL with LUN_ERROR_CONFIG. */
GArray *lun_fault_rules_parse (const char *text, GError **error);

/* Asks RULE about the next command (NULL: a LUN RESET); true = it happens now.  Changes the rule's
 * counts. */
bool lun_fault_rule_fires (LunFaultRule *rule, const LunIo *io);

/* A number below LIMIT (> 0) from the rule's sequence. */
uint64_t lun_fault_rule_random (LunFaultRule *rule, uint64_t limit);
