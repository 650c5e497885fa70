#include "transport/fault-rule.h"

#include "base/cdb.h"
#include "base/sense.h"

#include <lunpath/error.h>

#include <math.h>
#include <string.h>
#include <unistd.h>

#define READ               (1u << LUN_OP_READ)
#define WRITE              (1u << LUN_OP_WRITE)
#define ALL                ((1u << LUN_N_OPS) - 1)

#define DEFAULT_REORDER_MS 10

/* What the value after the rule's name is. */
typedef enum {
  VALUE_RATE,
  VALUE_MS,
  VALUE_SENSE,
  VALUE_AFTER
} Value;

static const struct {
  const char *name;
  LunFaultKind kind;
  unsigned ops;
  Value value;
} kinds[] = {
  { "fail", LUN_FAULT_FAIL, ALL, VALUE_RATE },
  { "fail-read", LUN_FAULT_FAIL, READ, VALUE_RATE },
  { "fail-write", LUN_FAULT_FAIL, WRITE, VALUE_RATE },
  { "ua", LUN_FAULT_FAIL, ALL, VALUE_SENSE },
  { "lose-answer", LUN_FAULT_LOSE_ANSWER, ALL, VALUE_RATE },
  { "lose-write", LUN_FAULT_LOSE_WRITE, WRITE, VALUE_RATE },
  { "torn-write", LUN_FAULT_TEAR_WRITE, WRITE, VALUE_RATE },
  { "flip-write", LUN_FAULT_FLIP_WRITE, WRITE, VALUE_RATE },
  { "flip-read", LUN_FAULT_FLIP_READ, READ, VALUE_RATE },
  { "delay-ms", LUN_FAULT_DELAY, ALL, VALUE_MS },
  { "reorder", LUN_FAULT_REORDER, ALL, VALUE_RATE },
  { "down", LUN_FAULT_DOWN, ALL, VALUE_AFTER },
  { "power-loss", LUN_FAULT_POWER_LOSS, ALL, VALUE_AFTER },
  { "kill", LUN_FAULT_KILL, ALL | LUN_FAULT_OP_RESET, VALUE_AFTER },
};

/* ---- values ---- */

static bool
parse_u64 (const char *text, uint64_t *out)
{
  char *end;

  if (!g_ascii_isdigit (*text))
    return false;
  *out = g_ascii_strtoull (text, &end, 10);
  return *end == '\0';
}

static bool
parse_u32 (const char *text, uint32_t *out)
{
  uint64_t number;

  if (!parse_u64 (text, &number) || number > UINT32_MAX)
    return false;
  *out = (uint32_t) number;
  return true;
}

static bool
parse_rate (const char *text, LunFaultRule *rule)
{
  char *end;

  if (g_str_has_prefix (text, "1/"))
    return parse_u64 (text + 2, &rule->every) && rule->every > 0;
  rule->rate = g_ascii_strtod (text, &end);
  return end != text && *end == '\0' && isfinite (rule->rate) && rule->rate >= 0 &&
         rule->rate <= 1;
}

/* "29/00" */
static bool
parse_attention (const char *text, LunFaultRule *rule)
{
  char *end;
  uint64_t asc = g_ascii_strtoull (text, &end, 16);

  if (end == text || *end != '/')
    return false;
  const char *second = end + 1;
  uint64_t ascq = g_ascii_strtoull (second, &end, 16);
  if (end == second || *end != '\0' || asc > 0xff || ascq > 0xff)
    return false;
  rule->result = lun_result_check_condition (LUN_SENSE_UNIT_ATTENTION, (uint8_t) asc,
                                             (uint8_t) ascq);
  return true;
}

static bool
parse_lba (const char *text, LunFaultRule *rule)
{
  g_auto (GStrv) ends = g_strsplit (text, "-", 2);

  rule->has_lba = true;
  if (!ends[0] || !parse_u64 (ends[0], &rule->first_lba))
    return false;
  rule->last_lba = rule->first_lba;
  return !ends[1] ||
         (parse_u64 (ends[1], &rule->last_lba) && rule->last_lba >= rule->first_lba);
}

/* A reset has no data, and ends at once. */
static bool
may_see_reset (const LunFaultRule *rule)
{
  return rule->kind == LUN_FAULT_FAIL || rule->kind == LUN_FAULT_LOSE_ANSWER ||
         rule->kind == LUN_FAULT_DOWN || rule->kind == LUN_FAULT_KILL;
}

/* "read/write": among the operations of the rule's kind. */
static bool
parse_ops (const char *text, LunFaultRule *rule)
{
  g_auto (GStrv) names = g_strsplit (text, "/", -1);
  unsigned allowed = rule->ops | (may_see_reset (rule) ? LUN_FAULT_OP_RESET : 0);
  unsigned found = 0;

  rule->ops = 0;
  for (unsigned i = 0; names[i]; i++) {
    found = g_str_equal (names[i], "reset") ? LUN_FAULT_OP_RESET : 0;
    for (unsigned op = 0; op < LUN_N_OPS; op++)
      if (g_str_equal (names[i], lun_op_name ((LunOp) op)))
        found = 1u << op;
    rule->ops |= found;
    if (!(found & allowed))
      return false;
  }
  return rule->ops != 0;
}

static bool
parse_hex (const char *text, uint8_t max, uint8_t *out)
{
  char *end;
  uint64_t number = g_ascii_strtoull (text, &end, 16);

  *out = (uint8_t) number;
  return g_ascii_isxdigit (*text) && *end == '\0' && number <= max;
}

/* "5f", "5f/06" */
static bool
parse_cdb (const char *text, LunFaultRule *rule)
{
  g_auto (GStrv) parts = g_strsplit (text, "/", 2);
  uint8_t action;

  rule->has_cdb = true;
  rule->service_action = -1;
  if (!parts[0] || !parse_hex (parts[0], 0xff, &rule->opcode))
    return false;
  if (!parts[1])
    return true;
  if (!parse_hex (parts[1], 0x1f, &action))
    return false;
  rule->service_action = action;
  return true;
}

static bool
parse_when (const char *text, LunFaultRule *rule)
{
  rule->is_done_first = g_str_equal (text, "done");
  return rule->is_done_first || g_str_equal (text, "before");
}

static bool
parse_while (const char *text, LunFaultRule *rule)
{
  g_free (rule->while_file);
  rule->while_file = g_strdup (text);
  return *text != '\0';
}

/* "3/11/00": sense key and additional sense */
static bool
parse_sense (const char *text, LunFaultRule *rule)
{
  g_auto (GStrv) parts = g_strsplit (text, "/", -1);
  uint8_t key, asc, ascq;

  if (g_strv_length (parts) != 3 || !parse_hex (parts[0], 0xf, &key) ||
      !parse_hex (parts[1], 0xff, &asc) || !parse_hex (parts[2], 0xff, &ascq))
    return false;
  rule->result = lun_result_check_condition (key, asc, ascq);
  return true;
}

static bool
parse_as (const char *text, LunFaultRule *rule)
{
  static const struct {
    const char *name;
    LunOutcome outcome;
    uint8_t key, asc, ascq;
  } ends[] = {
    { "medium", LUN_OUTCOME_CHECK_CONDITION, LUN_SENSE_MEDIUM_ERROR, 0x11, 0x00 },
    { "hardware", LUN_OUTCOME_CHECK_CONDITION, LUN_SENSE_HARDWARE_ERROR, 0x44, 0x00 },
    { "protect", LUN_OUTCOME_CHECK_CONDITION, LUN_SENSE_DATA_PROTECT, 0x27, 0x00 },
    { "illegal", LUN_OUTCOME_CHECK_CONDITION, LUN_SENSE_ILLEGAL_REQUEST, 0x24, 0x00 },
    { "not-ready", LUN_OUTCOME_CHECK_CONDITION, LUN_SENSE_NOT_READY, 0x04, 0x01 },
    { "conflict", LUN_OUTCOME_RESERVATION_CONFLICT, 0, 0, 0 },
    { "busy", LUN_OUTCOME_BUSY, 0, 0, 0 },
    { "aborted", LUN_OUTCOME_ABORTED, 0, 0, 0 },
    { "transport", LUN_OUTCOME_TRANSPORT_ERROR, 0, 0, 0 },
    { "timeout", LUN_OUTCOME_TIMEOUT, 0, 0, 0 },
  };

  for (unsigned i = 0; i < G_N_ELEMENTS (ends); i++) {
    if (!g_str_equal (text, ends[i].name))
      continue;
    rule->result =
      ends[i].outcome == LUN_OUTCOME_CHECK_CONDITION
        ? lun_result_check_condition (ends[i].key, ends[i].asc, ends[i].ascq)
        : lun_result_bare (ends[i].outcome, 0);
    return true;
  }
  if (g_str_equal (text, "full")) {
    rule->result = lun_result_bare (LUN_OUTCOME_BUSY, 0);
    rule->result.status = LUN_SCSI_TASK_SET_FULL;
    return true;
  }
  return parse_sense (text, rule);
}

/* ---- rules ---- */

/* Never 0; neighbouring seeds far apart. */
static uint64_t
start_of_sequence (uint64_t seed)
{
  return (seed + 1) * UINT64_C (0x9e3779b97f4a7c15);
}

static bool
parse_condition (LunFaultRule *rule, const char *key, const char *value)
{
  uint64_t seed;

  if (g_str_equal (key, "lba"))
    return parse_lba (value, rule);
  if (g_str_equal (key, "op"))
    return parse_ops (value, rule);
  if (g_str_equal (key, "cdb"))
    return parse_cdb (value, rule);
  if (g_str_equal (key, "while") && !rule->is_down_while)
    return parse_while (value, rule);
  if (g_str_equal (key, "when") && rule->kind == LUN_FAULT_KILL)
    return parse_when (value, rule);
  if (g_str_equal (key, "after"))
    return parse_u64 (value, &rule->after);
  if (g_str_equal (key, "count"))
    return parse_u64 (value, &rule->count);
  if (g_str_equal (key, "every"))
    return parse_u64 (value, &rule->every) && rule->every > 0;
  if (g_str_equal (key, "seed")) {
    if (!parse_u64 (value, &seed) || seed == UINT64_MAX)
      return false;
    rule->random = start_of_sequence (seed);
    return true;
  }
  if (g_str_equal (key, "beyond"))
    return parse_u32 (value, &rule->beyond);
  if (g_str_equal (key, "as") && rule->kind == LUN_FAULT_FAIL)
    return parse_as (value, rule);
  if (g_str_equal (key, "jitter") && rule->kind == LUN_FAULT_DELAY)
    return parse_u32 (value, &rule->jitter_ms);
  if (g_str_equal (key, "ms") && rule->kind == LUN_FAULT_REORDER)
    return parse_u32 (value, &rule->delay_ms);
  if (g_str_equal (key, "for") && rule->kind == LUN_FAULT_DOWN)
    return parse_u64 (value, &rule->down_for);
  return false;
}

/* The value after the rule's name.  "down=after:1000" and "down=while:FILE" use the next part
 * up as well; *USED says how many parts were. */
static bool
parse_value (LunFaultRule *rule, Value what, const char *value, const char *next,
             unsigned *used)
{
  *used = 1;
  switch (what) {
  case VALUE_RATE:
    return parse_rate (value, rule);
  case VALUE_MS:
    return parse_u32 (value, &rule->delay_ms);
  case VALUE_SENSE:
    return parse_attention (value, rule);
  case VALUE_AFTER:
    *used = 2;
    if (next && g_str_equal (value, "after"))
      return parse_u64 (next, &rule->after);
    if (next && g_str_equal (value, "while") && rule->kind == LUN_FAULT_DOWN) {
      rule->is_down_while = true;
      return parse_while (next, rule);
    }
    return false;
  }
  return false;
}

static bool
parse_head (LunFaultRule *rule, char **parts, unsigned *used)
{
  g_auto (GStrv) head = g_strsplit (parts[0], "=", 2);

  *used = 1;
  for (unsigned i = 0; head[0] && i < G_N_ELEMENTS (kinds); i++) {
    if (!g_str_equal (head[0], kinds[i].name))
      continue;
    *rule = (LunFaultRule){ .kind = kinds[i].kind,
                            .name = g_strdup (head[0]),
                            .ops = kinds[i].ops,
                            .count = UINT64_MAX,
                            .rate = 1,
                            .delay_ms = DEFAULT_REORDER_MS,
                            .down_for = UINT64_MAX,
                            .random = start_of_sequence (1) };
    parse_as ("medium", rule);
    if (kinds[i].value == VALUE_AFTER) /* an event, not a habit */
      rule->count = 1;
    if (head[1])
      return parse_value (rule, kinds[i].value, head[1], parts[1], used);
    return kinds[i].value == VALUE_RATE || kinds[i].value == VALUE_AFTER;
  }
  return false;
}

static bool
parse_rule (LunFaultRule *rule, const char *text, GError **error)
{
  g_auto (GStrv) parts = g_strsplit (text, ":", -1);
  const char *culprit = parts[0] ? parts[0] : "";
  unsigned used = 0;
  bool ok = parts[0] && parse_head (rule, parts, &used);

  for (unsigned i = used; ok && parts[i]; i++) {
    g_auto (GStrv) pair = g_strsplit (parts[i], "=", 2);
    culprit = parts[i];
    ok = pair[0] && pair[1] && parse_condition (rule, pair[0], pair[1]);
  }
  if (!ok)
    g_set_error (error, LUN_ERROR, LUN_ERROR_CONFIG,
                 "fault: rule \"%s\": cannot make sense of \"%s\"", text, culprit);
  return ok;
}

static void
clear_rule (void *data)
{
  LunFaultRule *rule = data;

  g_free (rule->name);
  g_free (rule->while_file);
}

GArray *
lun_fault_rules_parse (const char *text, GError **error)
{
  g_auto (GStrv) parts = g_strsplit (text, ";", -1);
  g_autoptr (GArray) rules = g_array_new (FALSE, TRUE, sizeof (LunFaultRule));

  g_array_set_clear_func (rules, clear_rule);
  for (unsigned i = 0; parts[i]; i++) {
    LunFaultRule rule = { 0 };
    bool ok = parse_rule (&rule, parts[i], error);
    g_array_append_val (rules, rule);
    if (!ok)
      return NULL;
  }
  return g_steal_pointer (&rules);
}

/* ---- asking ---- */

/* xorshift64* */
uint64_t
lun_fault_rule_random (LunFaultRule *rule, uint64_t limit)
{
  uint64_t x = rule->random;

  x ^= x >> 12;
  x ^= x << 25;
  x ^= x >> 27;
  rule->random = x;
  return (x * UINT64_C (2685821657736338717) >> 11) % limit;
}

static bool
fits_cdb (const LunFaultRule *rule, const LunIo *io)
{
  return io->op == LUN_OP_CDB && io->cdb[0] == rule->opcode &&
         (rule->service_action < 0 || (io->cdb[1] & 0x1f) == rule->service_action);
}

static bool
fits (const LunFaultRule *rule, const LunIo *io)
{
  if (rule->while_file && access (rule->while_file, F_OK) != 0)
    return false;
  if (!io)
    return rule->ops & LUN_FAULT_OP_RESET && !rule->has_lba && !rule->has_cdb;
  if (!(rule->ops & 1u << io->op) || (rule->has_cdb && !fits_cdb (rule, io)))
    return false;
  if (!rule->has_lba)
    return true;
  if (io->op == LUN_OP_FLUSH || io->op == LUN_OP_CDB)
    return false;
  return io->lba <= rule->last_lba && io->lba + io->blocks > rule->first_lba;
}

static bool
is_turn (LunFaultRule *rule, uint64_t n)
{
  static const uint64_t scale = UINT64_C (1) << 53;

  if (rule->every > 0)
    return n % rule->every == 0;
  if (rule->rate >= 1)
    return true;
  return (double) lun_fault_rule_random (rule, scale) < rule->rate * (double) scale;
}

bool
lun_fault_rule_fires (LunFaultRule *rule, const LunIo *io)
{
  if (!fits (rule, io))
    return false;
  rule->n_seen++;
  if (rule->n_seen <= rule->after || rule->n_fired >= rule->count ||
      !is_turn (rule, rule->n_seen - rule->after))
    return false;
  rule->n_fired++;
  return true;
}
