/* reservation/compat.c - a device without PERSISTENT RESERVE (D9).
 *
 *   1. One message says so, and that one path is used.
 *   2. All paths but one are taken out of use: RESERVE(6) belongs to one nexus, and would shut our
 *      own other paths out.
 *   3. RESERVE(6) over it, unless the open option is NO_RESERVE or SHARED.  A conflict: another
 *      host has the device; FORCED_OPEN resets the LUN, which drops his reservation, and tries
 *      once more.
 *   4. After a reset (29h) the reservation is gone: RESERVE(6) again; a conflict then means that
 *      we lost the device.
 *   5. RELEASE(6) at close, unless retained.
 */
#include "reservation/reservation.h"

#include "base/sense.h"

static int
first_usable (const LunReservation *r)
{
  unsigned n = r->port.ops->n_paths (r->port.data);

  for (unsigned i = 0; i < n; i++)
    if (!r->paths[i].dead && r->port.ops->is_usable (r->port.data, i))
      return (int) i;
  return -1;
}

/* Steps 1 and 2. */
static int
keep_one_path (LunReservation *r)
{
  unsigned n = r->port.ops->n_paths (r->port.data);
  int path = first_usable (r);

  if (path < 0)
    return path;
  g_message ("%s: the device has no persistent reservations; %s is used, protected by "
             "SCSI-2 RESERVE, and no other path",
             r->port.ops->device_name (r->port.data),
             r->port.ops->path_name (r->port.data, (unsigned) path));
  for (unsigned i = 0; i < n; i++)
    if ((int) i != path && r->port.ops->is_usable (r->port.data, i)) {
      r->paths[i].dead = true;
      r->port.ops->fail_path (r->port.data, i, "SCSI-2 RESERVE allows one path only");
    }
  return path;
}

static bool
refuse (LunReservation *r, LunResvAnswer answer, GError **error)
{
  g_autofree char *why = lun_result_text (&r->last);
  const char *name = r->port.ops->device_name (r->port.data);

  if (answer == LUN_RESV_CONFLICT)
    g_set_error (error, LUN_ERROR, LUN_ERROR_RESERVED,
                 "%s: another host holds it with SCSI-2 RESERVE; let it release the "
                 "device, or take it by force (which resets the LUN)",
                 name);
  else
    g_set_error (error, LUN_ERROR,
                 answer == LUN_RESV_REFUSED ? LUN_ERROR_UNSUPPORTED : LUN_ERROR_NO_PATH,
                 "%s: RESERVE(6): %s", name, why);
  return false;
}

/* There is nothing to read; but to reserve or release what is so already changes nothing. */
static LunResvAnswer
send_twice (LunReservation *r, unsigned path, LunCdb cdb)
{
  LunResvAnswer answer = lun_resv_bare (r, path, cdb);

  return answer == LUN_RESV_LOST ? lun_resv_bare (r, path, cdb) : answer;
}

/* Step 3. */
static bool
reserve (LunReservation *r, unsigned path, GError **error)
{
  LunResvAnswer answer = send_twice (r, path, lun_cdb_reserve_6 ());

  if (answer == LUN_RESV_CONFLICT && r->option == LUN_RESV_FORCED) {
    if (!r->port.ops->reset (r->port.data, path, error))
      return false;
    answer = send_twice (r, path, lun_cdb_reserve_6 ());
  }
  return answer == LUN_RESV_DONE || refuse (r, answer, error);
}

bool
lun_resv_compat_open (LunReservation *r, GError **error)
{
  int path = keep_one_path (r);
  bool wants_it = r->option != LUN_RESV_NO_RESERVE && r->option != LUN_RESV_SHARED;

  if (path < 0)
    return lun_resv_no_path (r, error);
  if (wants_it && !reserve (r, (unsigned) path, error))
    return false;
  r->holder = wants_it ? path : LUN_RESV_NOBODY;
  r->retain = r->option == LUN_RESV_RETAIN;
  r->saw_reset = false;
  lun_resv_event (r, LUN_RESV_ON_NO_PR);
  return true;
}

bool
lun_resv_compat_close (LunReservation *r, GError **error)
{
  if (r->holder < 0 || r->retain)
    return true;
  LunResvAnswer answer = send_twice (r, (unsigned) r->holder, lun_cdb_release_6 ());
  r->holder = LUN_RESV_NOBODY;
  return answer == LUN_RESV_DONE || refuse (r, answer, error);
}

/* Step 4. */
bool
lun_resv_compat_check (LunReservation *r, GError **error)
{
  if (r->holder < 0)
    return true;
  LunResvAnswer answer = send_twice (r, (unsigned) r->holder, lun_cdb_reserve_6 ());
  if (answer == LUN_RESV_CONFLICT)
    return lun_resv_fenced (r, error);
  r->saw_reset = false;
  return answer == LUN_RESV_DONE || refuse (r, answer, error);
}
