/* reservation/look.c - reading keys and reservation, over any path that answers. */
#include "reservation/reservation.h"

#include "base/sense.h"

#include <string.h>

/* READ KEYS tells the full length even when the list did not fit: asked again with room. */
#define FIRST_LEN 512
#define MAX_LEN   65528

bool
lun_resv_no_path (LunReservation *r, GError **error)
{
  g_autofree char *why = lun_result_text (&r->last);

  g_set_error (
    error, LUN_ERROR, LUN_ERROR_NO_PATH,
    "%s: no path is left that answers reservation commands (last result: %s)",
    r->port.ops->device_name (r->port.data), why);
  return false;
}

static bool
refuse_answer (LunReservation *r, const char *command, GError **error)
{
  g_autofree char *why = lun_result_text (&r->last);

  g_set_error (error, LUN_ERROR,
               lun_resv_is_unknown_command (r) ? LUN_ERROR_UNSUPPORTED : LUN_ERROR_IO,
               "%s: %s: %s", r->port.ops->device_name (r->port.data), command, why);
  return false;
}

static bool
can_ask (const LunReservation *r, unsigned path)
{
  return r->port.ops->is_usable (r->port.data, path) && !r->paths[path].dead;
}

typedef LunResvAnswer (*Ask) (LunReservation *r, unsigned path, void *out);

/* The registered paths first: they are known to work. */
static bool
ask_any (LunReservation *r, Ask ask, void *out, const char *command, GError **error)
{
  unsigned n = r->port.ops->n_paths (r->port.data);
  int first = lun_resv_pick (r);

  for (unsigned i = 0; i <= n; i++) {
    unsigned path = i == 0 ? (unsigned) first : i - 1;
    if (i == 0 ? first < 0 : (int) path == first || !can_ask (r, path))
      continue;
    switch (ask (r, path, out)) {
    case LUN_RESV_DONE:
      return true;
    case LUN_RESV_CONFLICT:
    case LUN_RESV_REFUSED:
      return refuse_answer (r, command, error);
    case LUN_RESV_LOST:
      break;
    }
  }
  return lun_resv_no_path (r, error);
}

static LunResvAnswer
ask_keys (LunReservation *r, unsigned path, void *out)
{
  LunPrKeys *keys = out;
  size_t len = FIRST_LEN;

  for (;;) {
    g_autofree uint8_t *data = g_malloc (len);
    size_t got;
    LunResvAnswer answer = lun_resv_in (r, path, LUN_PR_IN_READ_KEYS, data, len, &got);
    if (answer != LUN_RESV_DONE)
      return answer;
    if (!lun_pr_keys_decode (data, got, keys))
      return LUN_RESV_LOST;
    if (keys->n_keys >= keys->n_total || len >= MAX_LEN)
      return LUN_RESV_DONE;
    len = MIN ((size_t) 8 + 8 * (size_t) keys->n_total, MAX_LEN);
    g_clear_pointer (&keys->keys, g_free);
  }
}

bool
lun_resv_look_raw_keys (LunReservation *r, LunPrKeys *out, GError **error)
{
  memset (out, 0, sizeof *out);
  if (!ask_any (r, ask_keys, out, "READ KEYS", error))
    return false;
  r->seen_generation = out->generation;
  return true;
}

bool
lun_resv_look_keys (LunReservation *r, LunPrKeys *out, GError **error)
{
  if (!lun_resv_look_raw_keys (r, out, error))
    return false;
  for (uint32_t i = 0; i < out->n_keys; i++)
    out->keys[i] = lun_resv_unflag (r, out->keys[i]);
  return true;
}

static LunResvAnswer
ask_reservation (LunReservation *r, unsigned path, void *out)
{
  uint8_t data[24];
  size_t got;
  LunResvAnswer answer =
    lun_resv_in (r, path, LUN_PR_IN_READ_RESERVATION, data, sizeof data, &got);

  if (answer == LUN_RESV_DONE && !lun_pr_reservation_decode (data, got, out))
    return LUN_RESV_LOST;
  return answer;
}

bool
lun_resv_look_reservation (LunReservation *r, LunPrReservation *out, GError **error)
{
  if (!ask_any (r, ask_reservation, out, "READ RESERVATION", error))
    return false;
  out->key = lun_resv_unflag (r, out->key);
  return true;
}

unsigned
lun_resv_count_key (const LunPrKeys *keys, uint64_t key)
{
  unsigned n = 0;

  for (uint32_t i = 0; i < keys->n_keys; i++)
    n += keys->keys[i] == key;
  return n;
}

/* Under types 7 and 8 the key reads as 0: everybody who is registered holds it. */
bool
lun_resv_is_ours (const LunReservation *r, const LunPrReservation *found)
{
  return found->reserved && found->type == (uint8_t) lun_resv_type (r) &&
         (found->key == r->config.key || lun_pr_type_is_all_registrants (found->type));
}
