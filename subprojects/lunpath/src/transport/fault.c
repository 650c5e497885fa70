/* transport/fault.c - the layer that lets things go wrong, by rules (fault-rule.h, README.md).
 *
 *   fault(RULE;RULE...)+...
 *
 * How a command goes: the rules are asked in their order and together make a plan; the plan may
 * end the command at once (failure, path down), hold it back (held.h), or change what goes down
 * and what comes back.  With a rule that holds commands back every command goes through the
 * thread of held.h, and the layer is an asynchronous transport with many commands in flight;
 * without one it runs where the lower transport runs.
 *
 * Tearing and power loss must read what a write will replace, so they want a lower transport that
 * has answered when submit returns.
 *
 * `lock` protects the rules' counts, `n_under_way`, `down_left` and `dirty`.
 */
#include "transport/builtin.h"

#include "transport/fault-rule.h"
#include "transport/held.h"

#include "base/iov.h"
#include "base/lock.h"
#include "base/sense.h"

#include <signal.h>
#include <string.h>
#include <unistd.h>

#define HELD_DEPTH 64

typedef struct {
  LunTransport base;
  LunHeld *held; /* NULL without a rule that holds back */
  bool tracks_writes;

  pthread_mutex_t lock;
  GArray *rules;
  unsigned n_under_way;
  uint64_t down_left; /* commands that still meet a dead path */
  GQueue dirty;       /* Dirty, newest first: writes since the last flush */
} Fault;

/* What a write replaced. */
typedef struct {
  uint64_t lba;
  uint32_t blocks;
  uint8_t old[];
} Dirty;

/* What happens to one command. */
typedef struct {
  bool ends;
  LunResult result; /* when it ends */
  bool loses_answer, loses_write, power_fails, waits_for_next;
  bool dies_before, dies_after;
  int64_t delay_us;
  size_t tear_at; /* bytes that are written; 0 = all */
  bool flips_write, flips_read;
  uint64_t write_bit, read_bit;
} Plan;

typedef struct {
  Plan plan;
  struct iovec iov;
  uint8_t data[]; /* what is written instead, when something is */
} Mishap;

/* ---- planning ---- */

/* A bit of the part of IO's run that the rule is about. */
static uint64_t
choose_bit (LunFaultRule *rule, const LunIo *io, uint32_t block_size)
{
  uint64_t first = io->lba, end = io->lba + io->blocks;

  if (rule->has_lba) {
    first = MAX (first, rule->first_lba);
    end = MIN (end - 1, rule->last_lba) + 1;
  }
  uint64_t bits = (end - first) * block_size * 8;
  return (first - io->lba) * block_size * 8 + lun_fault_rule_random (rule, bits);
}

static void
end_with (Plan *plan, LunResult result)
{
  plan->ends = true;
  plan->result = result;
}

static void
apply (Fault *fault, LunFaultRule *rule, const LunIo *io, Plan *plan)
{
  uint32_t block_size = fault->base.facts.block_size;

  switch (rule->kind) {
  case LUN_FAULT_FAIL:
    end_with (plan, rule->result);
    break;
  case LUN_FAULT_LOSE_ANSWER:
    plan->loses_answer = true;
    break;
  case LUN_FAULT_LOSE_WRITE:
    plan->loses_write = true;
    break;
  case LUN_FAULT_TEAR_WRITE:
    plan->tear_at =
      1 + lun_fault_rule_random (rule, (uint64_t) io->blocks * block_size - 1);
    break;
  case LUN_FAULT_FLIP_WRITE:
    plan->flips_write = true;
    plan->write_bit = choose_bit (rule, io, block_size);
    break;
  case LUN_FAULT_FLIP_READ:
    plan->flips_read = true;
    plan->read_bit = choose_bit (rule, io, block_size);
    break;
  case LUN_FAULT_DELAY:
    plan->delay_us += 1000 * (rule->delay_ms + (int64_t) lun_fault_rule_random (
                                                 rule, (uint64_t) rule->jitter_ms + 1));
    break;
  case LUN_FAULT_REORDER:
    plan->waits_for_next = true;
    plan->delay_us += 1000 * (int64_t) rule->delay_ms;
    break;
  case LUN_FAULT_DOWN:
    fault->down_left = rule->down_for - 1;
    end_with (plan, lun_result_bare (LUN_OUTCOME_TRANSPORT_ERROR, 0));
    break;
  case LUN_FAULT_POWER_LOSS:
    plan->power_fails = true;
    break;
  case LUN_FAULT_KILL:
    plan->dies_before = !rule->is_done_first;
    plan->dies_after = rule->is_done_first;
    break;
  }
}

static bool
is_down_locked (Fault *fault)
{
  for (unsigned i = 0; i < fault->rules->len; i++) {
    const LunFaultRule *rule = &g_array_index (fault->rules, LunFaultRule, i);
    if (rule->is_down_while && access (rule->while_file, F_OK) == 0)
      return true;
  }
  if (fault->down_left == 0)
    return false;
  if (fault->down_left != UINT64_MAX - 1) /* for good */
    fault->down_left--;
  return true;
}

/* IO = NULL: a LUN RESET. */
static Plan
make_plan (Fault *fault, const LunIo *io)
{
  Plan plan = { 0 };

  LUN_LOCKED (&fault->lock);
  if (is_down_locked (fault)) {
    end_with (&plan, lun_result_bare (LUN_OUTCOME_TRANSPORT_ERROR, 0));
    return plan;
  }
  for (unsigned i = 0; i < fault->rules->len && !plan.ends; i++) {
    LunFaultRule *rule = &g_array_index (fault->rules, LunFaultRule, i);
    if (!rule->is_down_while && fault->n_under_way >= rule->beyond &&
        lun_fault_rule_fires (rule, io))
      apply (fault, rule, io, &plan);
  }
  if (io && !plan.ends)
    fault->n_under_way++;
  return plan;
}

/* ---- what is on the LUN now ---- */

static void
ignore_done (LunIo *io)
{
}

/* A command of the layer's own; false when it fails. */
static bool
run_below (Fault *fault, LunOp op, uint64_t lba, uint32_t blocks, void *data)
{
  struct iovec iov = { data, (size_t) blocks * fault->base.facts.block_size };
  LunIo io = {
    .op = op, .lba = lba, .blocks = blocks, .iov = &iov, .n_iov = 1, .done = ignore_done
  };

  for (int tries = 0; tries < 4; tries++) { /* unit attentions */
    lun_transport_submit (fault->base.lower, &io);
    if (io.result.outcome == LUN_OUTCOME_GOOD)
      return true;
  }
  return false;
}

static void
remember_old (Fault *fault, const LunIo *io)
{
  Dirty *dirty =
    g_malloc (sizeof *dirty + (size_t) io->blocks * fault->base.facts.block_size);

  dirty->lba = io->lba;
  dirty->blocks = io->blocks;
  if (!run_below (fault, LUN_OP_READ, io->lba, io->blocks, dirty->old)) {
    g_free (dirty);
    return;
  }
  LUN_LOCKED (&fault->lock);
  g_queue_push_head (&fault->dirty, dirty);
}

static GList *
take_dirty (Fault *fault)
{
  LUN_LOCKED (&fault->lock);
  GList *all = fault->dirty.head;
  g_queue_init (&fault->dirty);
  return all;
}

static void
lose_power (Fault *fault)
{
  GList *all = take_dirty (fault);

  for (GList *link = all; link; link = link->next) {
    Dirty *dirty = link->data;
    run_below (fault, LUN_OP_WRITE, dirty->lba, dirty->blocks, dirty->old);
  }
  g_list_free_full (all, g_free);
}

/* ---- carrying out ---- */

static void
die_if (bool now)
{
  if (now)
    raise (SIGKILL);
}

static void
flip (const LunIo *io, uint64_t bit)
{
  size_t at = (size_t) (bit / 8);

  for (int i = 0; i < io->n_iov; i++) {
    if (at < io->iov[i].iov_len) {
      ((uint8_t *) io->iov[i].iov_base)[at] ^= (uint8_t) (1u << bit % 8);
      return;
    }
    at -= io->iov[i].iov_len;
  }
}

static void
leave (LunHop *hop)
{
  Fault *fault = (Fault *) hop->layer;

  {
    LUN_LOCKED (&fault->lock);
    fault->n_under_way--;
  }
  lun_hop_finish (hop);
}

static void
on_end (LunHop *hop)
{
  Fault *fault = (Fault *) hop->layer;
  const Plan *plan = &((Mishap *) hop->data)->plan;
  bool good = hop->io.result.outcome == LUN_OUTCOME_GOOD;

  die_if (plan->dies_after);
  if (good && hop->io.op == LUN_OP_FLUSH)
    g_list_free_full (take_dirty (fault), g_free);
  if (good && plan->flips_read)
    flip (&hop->io, plan->read_bit);
  if (plan->loses_answer)
    hop->io.result = lun_result_bare (LUN_OUTCOME_TRANSPORT_ERROR, 0);
  leave (hop);
}

static void
finish_with (LunHop *hop, LunResult result)
{
  hop->io.result = result;
  leave (hop);
}

/* Puts other data in the place of the caller's. */
static void
spoil_write (Fault *fault, LunHop *hop, Mishap *mishap)
{
  const Plan *plan = &mishap->plan;
  size_t len = (size_t) hop->io.blocks * fault->base.facts.block_size;
  size_t new_len = plan->tear_at > 0 ? plan->tear_at : len;

  if (plan->tear_at > 0)
    run_below (fault, LUN_OP_READ, hop->io.lba, hop->io.blocks, mishap->data);
  lun_iov_gather (hop->io.iov, hop->io.n_iov, mishap->data, new_len);
  mishap->iov = (struct iovec){ mishap->data, len };
  hop->io.iov = &mishap->iov;
  hop->io.n_iov = 1;
  if (plan->flips_write)
    flip (&hop->io, plan->write_bit);
}

static void
carry_out (LunHop *hop)
{
  Fault *fault = (Fault *) hop->layer;
  Mishap *mishap = hop->data;
  const Plan *plan = &mishap->plan;

  die_if (plan->dies_before);
  if (plan->power_fails) {
    lose_power (fault);
    finish_with (hop,
                 lun_result_check_condition (LUN_SENSE_UNIT_ATTENTION, 0x29, 0x01));
    return;
  }
  if (plan->loses_write) {
    finish_with (hop, lun_result_bare (plan->loses_answer ? LUN_OUTCOME_TRANSPORT_ERROR
                                                          : LUN_OUTCOME_GOOD,
                                       0));
    return;
  }
  if (fault->tracks_writes && hop->io.op == LUN_OP_WRITE)
    remember_old (fault, &hop->io);
  if (plan->tear_at > 0 || plan->flips_write)
    spoil_write (fault, hop, mishap);
  lun_hop_go (hop);
}

static void
fault_submit (LunTransport *transport, LunIo *io)
{
  Fault *fault = (Fault *) transport;
  Plan plan = make_plan (fault, io);

  if (plan.ends) {
    io->result = plan.result;
    io->done (io);
    return;
  }
  LunHop *hop = lun_hop_new (transport, io, on_end);
  size_t len = plan.tear_at > 0 || plan.flips_write
                 ? (size_t) io->blocks * transport->facts.block_size
                 : 0;
  Mishap *mishap = g_malloc0 (sizeof *mishap + len);
  mishap->plan = plan;
  hop->data = mishap;
  if (fault->held)
    lun_held_put (fault->held, hop, plan.delay_us, plan.waits_for_next);
  else
    carry_out (hop);
}

static void
fault_abort (LunTransport *transport, uint64_t tag)
{
  Fault *fault = (Fault *) transport;
  LunHop *hop = fault->held ? lun_held_take (fault->held, tag) : NULL;

  if (hop)
    finish_with (hop, lun_result_bare (LUN_OUTCOME_ABORTED, 0));
  else
    lun_transport_abort (transport->lower, tag);
}

static bool
fault_reset (LunTransport *transport, GError **error)
{
  Fault *fault = (Fault *) transport;
  Plan plan = make_plan (fault, NULL);

  die_if (plan.dies_before);
  if (!plan.ends && !lun_transport_reset (transport->lower, error))
    return false;
  die_if (plan.dies_after);
  if (!plan.ends && !plan.loses_answer)
    return true;
  g_set_error (error, LUN_ERROR, LUN_ERROR_IO, "%s: LUN RESET: %s", transport->name,
               plan.ends ? "fails by rule" : "its answer is lost by rule");
  return false;
}

static char *
fault_identify (LunTransport *transport, GError **error)
{
  Fault *fault = (Fault *) transport;
  bool is_down;

  {
    LUN_LOCKED (&fault->lock);
    is_down = is_down_locked (fault);
  }
  if (!is_down)
    return lun_transport_identify (transport->lower, error);
  g_set_error (error, LUN_ERROR, LUN_ERROR_NO_PATH, "%s: down by rule",
               transport->name);
  return NULL;
}

/* ---- the layer ---- */

static void
fault_visit (LunTransport *transport, LunStatVisit visit, void *user_data)
{
  Fault *fault = (Fault *) transport;

  for (unsigned i = 0; i < fault->rules->len; i++) {
    LunFaultRule *rule = &g_array_index (fault->rules, LunFaultRule, i);
    g_autofree char *key = g_strconcat (rule->name, ".fired", NULL);
    uint64_t n;
    {
      LUN_LOCKED (&fault->lock);
      n = rule->n_fired;
    }
    visit ("fault", key, n, user_data);
  }
}

static void
fault_close (LunTransport *transport)
{
  Fault *fault = (Fault *) transport;

  lun_held_free (fault->held);
  g_list_free_full (take_dirty (fault), g_free);
  pthread_mutex_destroy (&fault->lock);
  g_array_unref (fault->rules);
  g_free (fault);
}

static bool
has_rule (const GArray *rules, LunFaultKind a, LunFaultKind b)
{
  for (unsigned i = 0; i < rules->len; i++) {
    LunFaultKind kind = g_array_index (rules, LunFaultRule, i).kind;
    if (kind == a || kind == b)
      return true;
  }
  return false;
}

static LunTransport *
fault_wrap (LunTransport *lower, const char *args, GError **error)
{
  g_autoptr (GArray) rules = lun_fault_rules_parse (args ? args : "", error);

  if (!rules)
    return NULL;
  if (lower->facts.run == LUN_RUN_ASYNC &&
      has_rule (rules, LUN_FAULT_TEAR_WRITE, LUN_FAULT_POWER_LOSS)) {
    g_set_error (
      error, LUN_ERROR, LUN_ERROR_CONFIG,
      "fault: torn-write and power-loss want a path below that answers at once; "
      "put delays into the same or an outer fault layer");
    return NULL;
  }
  Fault *fault = g_new0 (Fault, 1);
  fault->tracks_writes = has_rule (rules, LUN_FAULT_POWER_LOSS, LUN_FAULT_POWER_LOSS);
  pthread_mutex_init (&fault->lock, NULL);
  g_queue_init (&fault->dirty);
  fault->base.ops = (LunTransportOps){ .identify = fault_identify,
                                       .submit = fault_submit,
                                       .abort = fault_abort,
                                       .reset = fault_reset,
                                       .visit_stats = fault_visit,
                                       .close = fault_close };
  fault->base.facts = lower->facts;
  fault->base.facts.any_thread = false; /* a rule may end a command at once */
  if (has_rule (rules, LUN_FAULT_DELAY, LUN_FAULT_REORDER)) {
    fault->held = lun_held_new (carry_out);
    fault->base.facts.run = LUN_RUN_ASYNC;
    fault->base.facts.queue_depth = HELD_DEPTH;
  }
  fault->rules = g_steal_pointer (&rules);
  return &fault->base;
}

const LunLayerOps lun_fault_layer = { .name = "fault", .wrap = fault_wrap };
