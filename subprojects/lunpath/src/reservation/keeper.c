/* reservation/keeper.c - the thread that looks after an open reservation.
 *
 * It runs the procedures that nobody asks for:
 *   - a data command met a conflict or a unit attention (LunDoubt): check, then open the gate that
 *     the device has closed meanwhile;
 *   - every ROUND_US: a path that died or came up, a check that could not be finished;
 *   - every round of a member without the reservation (types 5 and 6): has the holder left?
 *
 * Locks, in order: LunReservation.lock, then `lock`.  on_doubt() takes only the latter.
 */
#include "reservation/reservation.h"

#include "base/lock.h"
#include "base/sense.h"

#define ROUND_US (500 * 1000)

struct LunResvKeeper {
  LunReservation *r;
  LunDevice *device;
  pthread_t thread;

  pthread_mutex_t lock; /* of all below */
  pthread_cond_t poked;
  bool stop;
  bool has_doubt;
  bool saw_reset;
  bool saw_power_on;
  bool saw_preempted;
  LunResvState state;
};

static bool
on_doubt (const LunResult *result, void *user_data)
{
  LunResvKeeper *keeper = user_data;
  LunSense sense;

  LUN_LOCKED (&keeper->lock);
  if (keeper->state == LUN_RESV_NONE || keeper->state == LUN_RESV_FENCED)
    return false;
  if (lun_result_sense (result, &sense) && sense.key == LUN_SENSE_UNIT_ATTENTION) {
    keeper->saw_reset |= sense.asc == 0x29;
    keeper->saw_power_on |= sense.asc == 0x29 && sense.ascq == 0x01;
    keeper->saw_preempted |= sense.asc == 0x2a && sense.ascq != 0x04;
  }
  /* a path that conflicts may have lost its registration while our key is still there */
  keeper->saw_reset |= result->outcome == LUN_OUTCOME_RESERVATION_CONFLICT;
  keeper->has_doubt = true;
  pthread_cond_signal (&keeper->poked);
  return true;
}

void
lun_resv_keeper_note (LunResvKeeper *keeper, LunResvState state)
{
  LUN_LOCKED (&keeper->lock);
  keeper->state = state;
}

/* Under the reservation's lock. */
static bool
take_doubt (LunResvKeeper *keeper)
{
  LunReservation *r = keeper->r;

  LUN_LOCKED (&keeper->lock);
  bool has_doubt = keeper->has_doubt;
  r->saw_reset |= keeper->saw_reset;
  r->saw_power_on |= keeper->saw_power_on;
  r->saw_preempted |= keeper->saw_preempted;
  keeper->has_doubt = keeper->saw_reset = keeper->saw_preempted = false;
  keeper->saw_power_on = false;
  return has_doubt;
}

static void
do_round (LunResvKeeper *keeper)
{
  LunReservation *r = keeper->r;
  g_autoptr (GError) error = NULL;

  LUN_LOCKED (&r->lock);
  bool has_doubt = take_doubt (keeper);
  if (has_doubt && !lun_resv_check (r, &error) && r->state != LUN_RESV_FENCED)
    g_message ("%s", error->message);
  if (!has_doubt)
    lun_resv_look_after (r);
  if (has_doubt && !r->holds_data)
    lun_device_set_gate (keeper->device, LUN_GATE_OPEN);
}

/* False: stop. */
static bool
wait_for_round (LunResvKeeper *keeper)
{
  int64_t until_us = g_get_monotonic_time () + ROUND_US;

  LUN_LOCKED (&keeper->lock);
  while (!keeper->stop && !keeper->has_doubt && g_get_monotonic_time () < until_us)
    lun_cond_wait_until (&keeper->poked, &keeper->lock, until_us);
  return !keeper->stop;
}

static void *
run (void *data)
{
  LunResvKeeper *keeper = data;

  while (wait_for_round (keeper))
    do_round (keeper);
  return NULL;
}

LunResvKeeper *
lun_resv_keeper_new (LunReservation *r, LunDevice *device)
{
  LunResvKeeper *keeper = g_new0 (LunResvKeeper, 1);

  keeper->r = r;
  keeper->device = device;
  pthread_mutex_init (&keeper->lock, NULL);
  lun_cond_init (&keeper->poked);
  g_assert (pthread_create (&keeper->thread, NULL, run, keeper) == 0);
  lun_device_set_doubt (device, on_doubt, keeper);
  return keeper;
}

void
lun_resv_keeper_free (LunResvKeeper *keeper)
{
  if (!keeper)
    return;
  lun_device_set_doubt (keeper->device, NULL, NULL);
  {
    LUN_LOCKED (&keeper->lock);
    keeper->stop = true;
    pthread_cond_signal (&keeper->poked);
  }
  pthread_join (keeper->thread, NULL);
  pthread_cond_destroy (&keeper->poked);
  pthread_mutex_destroy (&keeper->lock);
  g_free (keeper);
}
