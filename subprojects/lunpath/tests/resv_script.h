/* resv_script.h - a port that expects exact commands, for tests of the reservation.
 *
 * A step is what must be sent and what is answered:
 *   "0 ignore 0>K"      REGISTER AND IGNORE over path 0, key 0, service action key K
 *   "0 register K>0"    REGISTER
 *   "0 reserve K t6"    RESERVE of type 6      "0 release K t6"    RELEASE
 *   "0 preempt K>V t6"  PREEMPT                "0 abort K>V t6"    PREEMPT AND ABORT
 *   "0 clear K"         CLEAR                  "0 reset"           LUN RESET
 *   "0 keys"            READ KEYS              "0 reservation"     READ RESERVATION
 *   "0 status"          READ FULL STATUS       "0 reserve6", "0 release6"
 *   "0 fail"            the path is marked dead
 * While data is held back a PREEMPT shows "(held)" at its end.  A command that is not expected, and
 * a step that is left over, fail the test.
 */
#pragma once

#include "suite.h"

#include "base/sense.h"
#include "reservation/reservation.h"

#include <string.h>

#define KEY_K UINT64_C (0x1234560100000001) /* ours */
#define KEY_O UINT64_C (0x1234560100000000) /* ours, an earlier incarnation */
#define KEY_M UINT64_C (0x1234560200000001) /* another member of the volume */
#define KEY_V UINT64_C (0x00000000deadbeef) /* a stranger */

typedef enum {
  SAY_GOOD,
  SAY_CONFLICT,
  SAY_LOST,
  SAY_BUSY,
  SAY_CHECK, /* sense */
  SAY_KEYS,  /* generation, keys */
  SAY_HELD,  /* READ RESERVATION: key, type */
  SAY_FREE,  /* READ RESERVATION: nobody */
} Say;

typedef struct {
  const char *command;
  Say say;
  uint64_t key; /* SAY_HELD */
  uint8_t type; /* SAY_HELD */
  uint32_t generation;
  uint8_t sense[3]; /* SAY_CHECK */
  uint64_t keys[8]; /* SAY_KEYS; ends with 0 */
} Step;

#define GOOD            .say = SAY_GOOD
#define CONFLICT        .say = SAY_CONFLICT
#define LOST            .say = SAY_LOST
#define BUSY            .say = SAY_BUSY
#define CHECK(k, a, q)  .say = SAY_CHECK, .sense = { k, a, q }
#define ATTENTION(a, q) CHECK (6, a, q)
#define ILLEGAL(a, q)   CHECK (5, a, q)
#define KEYS(gen, ...)  .say = SAY_KEYS, .generation = gen, .keys = { __VA_ARGS__ }
#define HELD_BY(k, t)   .say = SAY_HELD, .key = k, .type = t
#define HELD_BY_NOBODY  .say = SAY_FREE

typedef struct {
  const Step *steps;
  size_t n_steps, at;
  unsigned n_paths;
  bool is_down[4];
  bool is_held, is_stopped;
} Script;

static inline const char *
key_name (uint64_t key)
{
  return key == KEY_K   ? "K"
         : key == KEY_O ? "O"
         : key == KEY_M ? "M"
         : key == KEY_V ? "V"
         : key == 0     ? "0"
                        : "?";
}

static inline const Step *
next_step (Script *script, const char *text)
{
  ck_assert_msg (script->at < script->n_steps, "after the last step: %s", text);
  const Step *step = &script->steps[script->at++];
  ck_assert_msg (strcmp (step->command, text) == 0, "step %zu: \"%s\" came, not \"%s\"",
                 script->at, text, step->command);
  return step;
}

static inline char *
text_of_out (const Script *script, unsigned path, const LunCdb *cdb,
             const uint8_t *data)
{
  static const char *const names[] = { "register", "reserve", "release", "clear",
                                       "preempt",  "abort",   "ignore",  "move" };
  LunPrOutAction action = cdb->b[1] & 0x1f;
  const char *held = script->is_held ? " (held)" : "";
  LunPrOut param;

  ck_assert (lun_pr_out_decode (data, LUN_PR_OUT_LEN, &param));
  const char *key = key_name (param.key), *service = key_name (param.service_key);
  switch (action) {
  case LUN_PR_OUT_REGISTER:
  case LUN_PR_OUT_REGISTER_AND_IGNORE:
    return g_strdup_printf ("%u %s %s>%s", path, names[action], key, service);
  case LUN_PR_OUT_RESERVE:
  case LUN_PR_OUT_RELEASE:
    return g_strdup_printf ("%u %s %s t%u", path, names[action], key, cdb->b[2]);
  case LUN_PR_OUT_PREEMPT:
  case LUN_PR_OUT_PREEMPT_AND_ABORT:
    return g_strdup_printf ("%u %s %s>%s t%u%s", path, names[action], key, service,
                            cdb->b[2], held);
  case LUN_PR_OUT_CLEAR:
  case LUN_PR_OUT_REGISTER_AND_MOVE:
    break;
  }
  return g_strdup_printf ("%u %s %s", path, names[action], key);
}

static inline char *
text_of (const Script *script, unsigned path, const LunCdb *cdb, const uint8_t *data)
{
  static const char *const ins[] = { "keys", "reservation", "capabilities", "status" };

  switch (cdb->b[0]) {
  case LUN_SCSI_PERSISTENT_RESERVE_OUT:
    return text_of_out (script, path, cdb, data);
  case LUN_SCSI_PERSISTENT_RESERVE_IN:
    return g_strdup_printf ("%u %s", path, ins[cdb->b[1] & 3]);
  case LUN_SCSI_RESERVE_6:
    return g_strdup_printf ("%u reserve6", path);
  case LUN_SCSI_RELEASE_6:
    return g_strdup_printf ("%u release6", path);
  default:
    return g_strdup_printf ("%u %02x", path, cdb->b[0]);
  }
}

static inline LunResult
answer_with (const GByteArray *bytes, void *buf, size_t len)
{
  size_t n = MIN (len, bytes->len);

  memcpy (buf, bytes->data, n);
  LunResult result = lun_result_bare (LUN_OUTCOME_GOOD, 0);
  result.residual = (uint32_t) (len - n);
  return result;
}

static inline LunResult
answer (const Step *step, void *buf, size_t len)
{
  g_autoptr (GByteArray) bytes = g_byte_array_new ();
  LunPrReservation reservation = { .generation = step->generation,
                                   .reserved = step->say == SAY_HELD,
                                   .key = step->key,
                                   .type = step->type };
  LunPrKeys keys = { .generation = step->generation, .keys = (uint64_t *) step->keys };

  switch (step->say) {
  case SAY_GOOD:
    return lun_result_bare (LUN_OUTCOME_GOOD, 0);
  case SAY_CONFLICT:
    return lun_result_bare (LUN_OUTCOME_RESERVATION_CONFLICT, 0);
  case SAY_LOST:
    return lun_result_bare (LUN_OUTCOME_TRANSPORT_ERROR, 0);
  case SAY_BUSY:
    return lun_result_bare (LUN_OUTCOME_BUSY, 0);
  case SAY_CHECK:
    return lun_result_check_condition (step->sense[0], step->sense[1], step->sense[2]);
  case SAY_KEYS:
    while (keys.n_keys < G_N_ELEMENTS (step->keys) && step->keys[keys.n_keys] != 0)
      keys.n_keys++;
    lun_pr_keys_encode (&keys, bytes);
    break;
  case SAY_HELD:
  case SAY_FREE:
    lun_pr_reservation_encode (&reservation, bytes);
    break;
  }
  return answer_with (bytes, buf, len);
}

static inline LunResult
script_execute (void *data, unsigned path, const LunCdb *cdb, LunDirection direction,
                void *buf, size_t len)
{
  Script *script = data;
  g_autofree char *text = text_of (script, path, cdb, buf);

  return answer (next_step (script, text), buf, len);
}

static inline bool
script_reset (void *data, unsigned path, GError **error)
{
  g_autofree char *text = g_strdup_printf ("%u reset", path);

  if (next_step (data, text)->say == SAY_GOOD)
    return true;
  g_set_error (error, LUN_ERROR, LUN_ERROR_UNSUPPORTED, "no reset");
  return false;
}

static inline void
script_fail_path (void *data, unsigned path, const char *why)
{
  Script *script = data;
  g_autofree char *text = g_strdup_printf ("%u fail", path);

  next_step (script, text);
  script->is_down[path] = true;
}

static inline const char *
script_name (void *data)
{
  return "dev";
}

static inline const char *
script_identity (void *data)
{
  static char *identity;

  if (!identity) /* opens of other tests must not exclude this one's */
    identity = g_strdup_printf ("test-%p-%d", data, (int) getpid ());
  return identity;
}

static inline unsigned
script_n_paths (void *data)
{
  return ((Script *) data)->n_paths;
}

static inline const char *
script_path_name (void *data, unsigned path)
{
  static const char *const names[] = { "p0", "p1", "p2", "p3" };

  return names[path];
}

static inline bool
script_is_usable (void *data, unsigned path)
{
  return !((Script *) data)->is_down[path];
}

static inline void
script_suspend (void *data)
{
  ((Script *) data)->is_held = true;
}

static inline void
script_resume (void *data)
{
  ((Script *) data)->is_held = false;
}

static inline void
script_stop (void *data)
{
  ((Script *) data)->is_stopped = true;
}

static inline LunReservation *
script_reservation (Script *script, LunPrType type)
{
  static const LunResvPortOps ops = {
    .device_name = script_name,
    .identity = script_identity,
    .n_paths = script_n_paths,
    .path_name = script_path_name,
    .is_usable = script_is_usable,
    .execute = script_execute,
    .reset = script_reset,
    .suspend = script_suspend,
    .resume = script_resume,
    .stop = script_stop,
    .fail_path = script_fail_path,
  };

  return lun_reservation_new_over (
    &(LunResvPort){ .ops = &ops, .data = script },
    &(LunReservationConfig){ .key = KEY_K, .type = type, .timeout_ms = 100 });
}

/* Replaces the steps; those before must have been used up. */
static inline void
script_set (Script *script, const Step *steps, size_t n)
{
  ck_assert_msg (script->at == script->n_steps, "left over: %s",
                 script->at < script->n_steps ? script->steps[script->at].command : "");
  script->steps = steps;
  script->n_steps = n;
  script->at = 0;
}

#define EXPECT(script, ...)                            \
  script_set ((script), (const Step[]){ __VA_ARGS__ }, \
              sizeof ((Step[]){ __VA_ARGS__ }) / sizeof (Step))
#define FINISH(script) script_set ((script), NULL, 0)
