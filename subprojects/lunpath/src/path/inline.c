/* path/inline.c - drives a part in its caller's thread, over transports that answer from memory.
 *
 * The usual case is one path that is up and a good result: no lock, no allocation, no clock.
 */
#include "path/part.h"

#include "base/sense.h"

static void
ignore_done (LunIo *io)
{
}

static void
sleep_until (int64_t until_us)
{
  int64_t now_us = g_get_monotonic_time ();

  if (until_us > now_us)
    g_usleep ((gulong) (until_us - now_us));
}

static void
submit (LunPart *part)
{
  if (part->not_before_us > 0)
    sleep_until (part->not_before_us);
  if (lun_path_is_up (part->path) || lun_path_revive (part->path))
    lun_transport_submit (part->path->transport, &part->io);
  else
    part->io.result = lun_result_bare (LUN_OUTCOME_TRANSPORT_ERROR, 0);
}

void
lun_part_run (LunPart *part)
{
  part->io.done = ignore_done;
  do {
    if (!lun_part_choose_path (part)) {
      lun_count (&part->device->counters.errors, 1);
      return;
    }
    submit (part);
  } while (lun_part_advance (part) == LUN_PART_GO);
}
