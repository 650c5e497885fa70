/* path/gate.c - holding data commands back, and stopping them, for whoever protects the device.
 *
 * OPEN costs one atomic load a command.  HELD is set by the protector, or by the device itself when
 * a result casts doubt, so that no data follows it before the protector has looked; only the
 * protector opens it again.  STOPPED ends what waits at once, and what is under way as if its time were
 * over (try.c); the device can be used again by lun_device_reopen_gate() only.
 */
#include "path/device.h"

#include "path/keeper.h"

#include "base/lock.h"
#include "base/sense.h"

void
lun_device_set_gate (LunDevice *device, LunGate gate)
{
  {
    LUN_LOCKED (&device->gate_lock);
    if (device->gate == LUN_GATE_STOPPED)
      return;
    __atomic_store_n (&device->gate, (int) gate, __ATOMIC_RELEASE);
  }
  if (device->has_keeper && gate != LUN_GATE_HELD)
    lun_keeper_poke (device);
}

void
lun_device_reopen_gate (LunDevice *device)
{
  LUN_LOCKED (&device->gate_lock);
  if (device->gate == LUN_GATE_STOPPED)
    __atomic_store_n (&device->gate, LUN_GATE_OPEN, __ATOMIC_RELEASE);
}

void
lun_device_set_doubt (LunDevice *device, LunDoubt doubt, void *user_data)
{
  device->doubt_data = user_data;
  device->doubt = doubt;
}

void
lun_device_set_patience (LunDevice *device, uint32_t ms)
{
  __atomic_store_n (&device->patience_us, (int64_t) ms * 1000, __ATOMIC_RELAXED);
}

static bool
is_suspicious (const LunResult *result)
{
  LunSense sense;

  if (result->outcome == LUN_OUTCOME_RESERVATION_CONFLICT)
    return true;
  if (result->outcome != LUN_OUTCOME_CHECK_CONDITION ||
      !lun_result_sense (result, &sense) || sense.key != LUN_SENSE_UNIT_ATTENTION)
    return false;
  return sense.asc == 0x29 ||
         (sense.asc == 0x2a && sense.ascq >= 0x03 && sense.ascq <= 0x05);
}

static void
hold (LunDevice *device)
{
  LUN_LOCKED (&device->gate_lock);
  if (device->gate == LUN_GATE_OPEN)
    __atomic_store_n (&device->gate, LUN_GATE_HELD, __ATOMIC_RELEASE);
}

bool
lun_gate_doubts (LunDevice *device, const LunResult *result)
{
  if (!is_suspicious (result) || lun_gate (device) == LUN_GATE_STOPPED)
    return false;
  hold (device);
  if (device->doubt (result, device->doubt_data))
    return true;
  lun_device_set_gate (device, LUN_GATE_OPEN);
  return false;
}
