/* reservation/swap-pr.c - one host at a time by registrations.
 *
 * Each initiator port has one register that only it writes and everybody reads: the key it is
 * registered under.  REGISTER changes it if it still is what we think (so processes that share a
 * port exclude each other there), READ KEYS shows all of them at one moment.
 *
 *   1. REGISTER: the key of the path, 0 or that of the open reservation, becomes our flag.
 *   2. READ KEYS.  No flag of another: inside.  For: who looks later sees ours.
 *   3. Flags of others: who has the lowest leaves his where it is and goes to 2, all others take
 *      theirs back and begin anew after a pause.
 *   4. To leave, REGISTER: the flag becomes what was there before.
 *
 * A flag that stands still for stale_ms is of one who died: PREEMPT AND ABORT removes it, and what he
 * had under way (without that command: PREEMPT, then LUN RESET).  Only one of several who try has
 * an effect, and all look again.  Who waits long changes his flag now and then.
 *
 * No reservation is made or changed, so nobody is shut out: it works with fencing and without.
 */
#include "reservation/swap.h"

#include "base/lock.h"
#include "base/sense.h"

/* What a path of ours is registered under while no flag is set. */
static uint64_t
base_of (const LunSwap *s)
{
  return s->config.reservation ? s->r->config.key : 0;
}

static uint64_t
new_flag (LunSwap *s)
{
  uint64_t key = s->config.reservation ? s->r->config.key : s->config.key;
  uint64_t flag;

  do
    flag = lun_flag_of (key, (uint8_t) (lun_swap_random (s) >> 32));
  while (flag == s->flag || flag == s->left || flag == lun_flag_of (key, 0));
  return flag;
}

/* The reservation knows, so that it does not miss its key meanwhile. */
static void
note_flag (LunSwap *s, uint64_t flag)
{
  s->flag = flag;
  s->r->flag = s->config.reservation ? flag : 0;
  s->r->flag_path = s->path;
}

static LunResvAnswer
change_key (LunSwap *s, uint64_t from, uint64_t to)
{
  return lun_resv_out (s->r, (unsigned) s->path, LUN_PR_OUT_REGISTER, from, to);
}

/* *IS_THERE: our flag is. */
static bool
look (LunSwap *s, uint64_t flag, bool *is_there, GError **error)
{
  LunPrKeys keys;

  if (!lun_resv_look_raw_keys (s->r, &keys, error))
    return false;
  *is_there = lun_resv_count_key (&keys, flag) > 0;
  lun_rivals_see (&s->rivals, &keys, flag, g_get_monotonic_time ());
  if (s->left != 0 && !lun_rivals_expire (&s->rivals, s->left))
    s->left = 0;
  g_free (keys.keys);
  return true;
}

/* ---- setting the flag ---- */

/* One that died may have been a process of this host, on the very port that we use. */
static bool
inherit (LunSwap *s, uint64_t flag)
{
  int64_t now_us = g_get_monotonic_time ();

  for (guint i = 0; i < s->rivals.list->len; i++) {
    LunRival *rival = &g_array_index (s->rivals.list, LunRival, i);
    if (now_us - rival->since_us >= s->stale_us &&
        change_key (s, rival->flag, flag) == LUN_RESV_DONE)
      return true;
  }
  return false;
}

static LunEnter
explain_conflict (LunSwap *s, uint64_t flag, GError **error)
{
  bool is_there;

  if (!look (s, flag, &is_there, error))
    return LUN_ENTER_FAILED;
  if (is_there || inherit (s, flag)) { /* a lost answer, a death */
    note_flag (s, flag);
    return LUN_ENTER_STAY;
  }
  if (s->rivals.list->len > 0)
    s->strange_since_us = 0;
  else if (s->strange_since_us == 0)
    s->strange_since_us = s->entered_us;
  if (s->strange_since_us == 0 || s->entered_us - s->strange_since_us < s->stale_us / 2)
    return LUN_ENTER_YIELD;
  lun_swap_refuse (s,
                   "its path is registered under a key that is not the volume's; "
                   "another program of this host uses its reservations",
                   error);
  return LUN_ENTER_FAILED;
}

static LunEnter
lose (LunSwap *s)
{
  s->left = s->flag; /* it may be there or not */
  note_flag (s, 0);
  s->path++;
  return LUN_ENTER_YIELD;
}

static LunEnter
set_flag (LunSwap *s, GError **error)
{
  uint64_t flag = new_flag (s);
  uint64_t from = s->flag != 0 ? s->flag : base_of (s);

  s->entered_us = g_get_monotonic_time ();
  switch (change_key (s, from, flag)) {
  case LUN_RESV_DONE:
    note_flag (s, flag);
    s->strange_since_us = 0;
    return LUN_ENTER_STAY;
  case LUN_RESV_CONFLICT:
    note_flag (s, 0);
    return explain_conflict (s, flag, error);
  case LUN_RESV_LOST:
    s->flag = flag;
    return lose (s);
  case LUN_RESV_REFUSED:
    break;
  }
  g_autofree char *why = lun_result_text (&s->r->last);
  lun_swap_refuse (s, why, error);
  return LUN_ENTER_FAILED;
}

/* ---- taking it back, removing those of the dead ---- */

static bool
take_back (LunSwap *s)
{
  LunResvAnswer answer = LUN_RESV_DONE;

  if (s->flag == 0)
    return true;
  answer = change_key (s, s->flag, base_of (s));
  if (answer == LUN_RESV_LOST)
    lose (s);
  note_flag (s, 0);
  return answer == LUN_RESV_DONE;
}

static void
remove_stale (LunSwap *s, uint64_t stale)
{
  g_message ("%s: flag 0x%016" G_GINT64_MODIFIER "x of one who died with it is removed",
             lun_device_name (s->device), stale);
  lun_resv_preempt_over (s->r, (unsigned) s->path, s->flag, stale);
}

/* ---- the three calls ---- */

static LunEnter
judge (LunSwap *s)
{
  uint64_t stale = 0;

  switch (lun_rivals_judge (&s->rivals, s->flag, g_get_monotonic_time (), s->stale_us,
                            &stale)) {
  case LUN_RIVALS_NONE:
    return LUN_ENTER_IN;
  case LUN_RIVALS_STALE:
    remove_stale (s, stale);
    return LUN_ENTER_STAY;
  case LUN_RIVALS_STAY:
    return LUN_ENTER_STAY;
  case LUN_RIVALS_YIELD:
    break;
  }
  take_back (s);
  return LUN_ENTER_YIELD;
}

static bool
is_fenced (LunSwap *s, GError **error)
{
  return s->r->state == LUN_RESV_FENCED && !lun_resv_fenced (s->r, error);
}

static LunEnter
attempt_pr (LunSwap *s, GError **error)
{
  bool is_there;

  LUN_LOCKED (&s->r->lock);
  if (is_fenced (s, error))
    return LUN_ENTER_FAILED;
  if (s->flag == 0 && (s->path = lun_swap_pick (s, error)) < 0)
    return LUN_ENTER_FAILED;
  if (s->flag == 0 || g_get_monotonic_time () - s->entered_us > s->stale_us / 4) {
    LunEnter set = set_flag (s, error);
    if (set != LUN_ENTER_STAY)
      return set;
  }
  if (!look (s, s->flag, &is_there, error)) {
    take_back (s);
    return LUN_ENTER_FAILED;
  }
  if (is_there)
    return judge (s);
  note_flag (s, 0); /* we were taken for dead, or the LUN forgot everything */
  return LUN_ENTER_YIELD;
}

static bool
leave_pr (LunSwap *s)
{
  LUN_LOCKED (&s->r->lock);
  return take_back (s);
}

/* The flag stays, and is removed with what is under way. */
static void
abandon_pr (LunSwap *s)
{
  LUN_LOCKED (&s->r->lock);
  lose (s);
}

static bool
sees_flag (LunSwap *s, unsigned path)
{
  uint8_t data[4096];
  LunPrKeys keys = { 0 };
  size_t got;

  if (lun_resv_in (s->r, path, LUN_PR_IN_READ_KEYS, data, sizeof data, &got) !=
        LUN_RESV_DONE ||
      !lun_pr_keys_decode (data, got, &keys))
    return true; /* it cannot say */
  bool sees = keys.n_keys < keys.n_total || lun_resv_count_key (&keys, s->flag) > 0;
  g_free (keys.keys);
  return sees;
}

static bool
prove_pr (LunSwap *s, GError **error)
{
  const LunResvPort *port = &s->r->port;
  unsigned n = port->ops->n_paths (port->data);

  LUN_LOCKED (&s->r->lock);
  for (unsigned i = 0; i < n; i++) {
    if ((int) i == s->path || !port->ops->is_usable (port->data, i) || sees_flag (s, i))
      continue;
    g_autofree char *why =
      g_strdup_printf ("a registration made over %s is not seen over %s",
                       port->ops->path_name (port->data, (unsigned) s->path),
                       port->ops->path_name (port->data, i));
    return lun_swap_refuse (s, why, error);
  }
  return true;
}

const LunSwapOps lun_swap_pr_ops = { attempt_pr, leave_pr, abandon_pr, prove_pr };
